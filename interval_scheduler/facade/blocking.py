"""The `BlockingScheduler`: a `Scheduler` for code without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self, Unpack, overload

from ..config.flat import FlatOptions
from ..config.options import SchedulerOptions, options_from_urls, to_options
from ..model.audit import AuditReport
from ..model.checks import Seconds
from ..model.health import Health
from ..model.reports import PartitionMove
from ..model.task import Task
from ..services.locks import Lock
from ..support.log import Log, guarded
from .blocking_actions import BlockingActionCalls
from .blocking_backup import BlockingBackupCalls
from .blocking_forecasting import BlockingForecastCalls
from .blocking_lock import BlockingLock
from .blocking_looking import BlockingLookCalls
from .blocking_quotas import BlockingQuotaCalls
from .blocking_statistics import BlockingStatisticsCalls
from .blocking_tasks import BlockingTaskCalls
from .blocking_updating import BlockingUpdateCalls
from .history import BlockingHistoryCalls
from .listening import EventCalls
from .loop_thread import END_SECONDS, LoopThread
from .observing import ObservingCalls
from .scheduler import Scheduler
from .threaded import AnyBatchExecutor, AnyExecutor, to_executor


class BlockingScheduler(
    BlockingTaskCalls,
    BlockingUpdateCalls,
    BlockingLookCalls,
    BlockingQuotaCalls,
    EventCalls,
    BlockingHistoryCalls,
    BlockingForecastCalls,
    BlockingBackupCalls,
    BlockingStatisticsCalls,
    BlockingActionCalls,
    ObservingCalls,
):
    """A `Scheduler` for code without an event loop, as in Django, Flask and scripts: the same calls without `await`.

    Each call takes, means, returns and raises what the call of the same name of `Scheduler` does, and waits for its
    end. It is carried out in a thread with an event loop, which connecting starts and `close` ends. Any number of
    threads may call at once; calls that come together go to Redis together. A wait that is interrupted (Ctrl-C) cancels
    its call.

    Handlers of events, a `progress` function and executors that are coroutine functions run in that thread. A call of
    the scheduler from there raises `WouldDeadlock`, and so does one in the child of a process that forked after
    connecting: connect after the fork. Any call may raise `WouldDeadlock` for these reasons.

    Args:
        options: `SchedulerOptions`, or a mapping of the same shape (snake_case or camelCase). Default: the defaults.
        logger: any object with `debug`, `info`, `warning` and `error`. Default: the logger `interval_scheduler`.

    Raises:
        ConfigurationError: an option that cannot be used; the message names it.

    Example:
        ```python
        with BlockingScheduler.from_url("redis://localhost:6379/0") as scheduler:
            scheduler.assign_task(IntervalTask("user:1", '{"user": 1}', every=900))
        ```
    """

    def __init__(self, options: SchedulerOptions | Mapping[str, Any] | None = None, logger: Log | None = None) -> None:
        log = guarded(logger)
        scheduler = Scheduler(to_options(options), log)
        self._put_together(scheduler, LoopThread(log, lambda: self._close_scheduler(0)))

    def _put_together(self, scheduler: Scheduler, thread: LoopThread, namespace: Self | None = None) -> None:
        self._options = scheduler._options  # noqa: SLF001 - of the same facade
        self._scheduler = scheduler
        #: The scheduler of the namespace that this queue is in, whose thread it uses.
        self._namespace = namespace
        self._queues: dict[Scheduler, Self] = {}
        BlockingTaskCalls.__init__(self, scheduler, thread)
        BlockingUpdateCalls.__init__(self, scheduler, thread)
        BlockingQuotaCalls.__init__(self, scheduler, thread)
        BlockingHistoryCalls.__init__(self, scheduler, thread)
        BlockingLookCalls.__init__(self, scheduler, thread)
        BlockingForecastCalls.__init__(self, scheduler, thread)
        BlockingBackupCalls.__init__(self, scheduler, thread)
        BlockingStatisticsCalls.__init__(self, scheduler, thread)
        BlockingActionCalls.__init__(self, scheduler, thread)
        EventCalls.__init__(self, scheduler._events)  # noqa: SLF001 - of the same facade
        ObservingCalls.__init__(self, scheduler._core, scheduler._family)  # noqa: SLF001 - of the same facade

    @classmethod
    def from_url(cls, *urls: str, logger: Log | None = None, **options: Unpack[FlatOptions]) -> Self:
        """Make a scheduler from URLs."""
        return cls(options_from_urls(urls, options), logger)

    # Connecting

    def connect(self, *, create: bool = True) -> None:
        """Connect to all partitions; do nothing if connected."""
        self._thread.call(lambda: self._scheduler.connect(create=create), start=True)

    def close(self) -> None:
        """Stop accepting, let runs and handlers end (within `drain_seconds`) and disconnect; do nothing if closed.

        The thread ends with it. A function that still runs in a thread five seconds later is left alone. If a run calls
        it, it goes on in the background and returns at once: that run ends as a run.
        """
        self._close(self._options.drain_seconds)

    def __enter__(self) -> Self:
        self.start_task_accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # As a cancelled block, one that is interrupted does not wait for its runs.
        self._close(0.0 if isinstance(error, KeyboardInterrupt) else self._options.drain_seconds)

    def _close(self, drain_seconds: float) -> None:
        if self._namespace is not None:  # a queue: the thread goes on
            close = self._scheduler._close_within  # noqa: SLF001 - of the same facade
            self._thread.call(lambda: close(drain_seconds))
            return
        refuse = self._scheduler._assigning.refuse  # noqa: SLF001 - of the same facade
        self._thread.close(lambda: self._close_scheduler(drain_seconds), END_SECONDS, otherwise=refuse)

    async def _close_scheduler(self, drain_seconds: float) -> bool:
        close = self._scheduler._close_within  # noqa: SLF001 - of the same facade
        return await close(drain_seconds, then=self._thread.leave)

    # Accepting

    def start_task_accept(self) -> None:
        """Accept tasks, connecting if needed."""
        self._thread.call(self._scheduler.start_task_accept, start=True)

    def stop_task_accept(self) -> None:
        """Accept no tasks: `assign_task` raises `NotAcceptingTasks`. The execution of tasks goes on."""
        self._thread.call(self._scheduler.stop_task_accept)

    @property
    def accepting_tasks(self) -> bool:
        """True while tasks are accepted."""
        return self._scheduler.accepting_tasks

    # Queues

    def queue(self, name: str, **options: Any) -> Self:
        """Return the scheduler of a queue: a schedule of its own inside of this namespace, on the same connections.

        It uses the thread of this scheduler. Closing it alone leaves the thread as it is.
        """
        scheduler = self._scheduler.queue(name, **options)
        made = type(self).__new__(type(self))
        made._put_together(scheduler, self._thread, self)  # noqa: SLF001 - of this class
        return self._queues.setdefault(scheduler, made)

    def queues(self) -> list[str]:
        """List the names of the queues that exist, sorted: those that any scheduler has connected so far."""
        return self._thread.call(self._scheduler.queues)

    # Executing

    @overload
    def start_task_execute(
        self, executor: AnyExecutor, *, concurrency: int | None = None, batch: None = None
    ) -> None: ...

    @overload
    def start_task_execute(self, executor: AnyBatchExecutor, *, concurrency: int | None = None, batch: int) -> None: ...

    def start_task_execute(
        self, executor: AnyExecutor | AnyBatchExecutor, *, concurrency: int | None = None, batch: int | None = None
    ) -> None:
        """Start running due tasks in the background, connecting if needed.

        Args:
            executor: a plain function, called in a thread for each run, at most `concurrency` of them; or a coroutine
                function, which runs in the thread of the scheduler. `current_run()` works in both. A thread cannot be
                cancelled: a run that should end before (a time-out, a drain) ends when its function returns.
            concurrency: the most runs at once, or the most batches. Default: the option `concurrency`.
            batch: the most runs that one call gets as a list, from 1 to 500. Default `None`: single runs.
        """
        limit = self._options.concurrency if concurrency is None else concurrency
        made = to_executor(executor, limit)
        start: Callable[..., Any] = self._scheduler.start_task_execute
        self._thread.call(lambda: start(made, concurrency=concurrency, batch=batch), start=True)

    def stop_task_execute(self, *, drain_seconds: float | None = None) -> None:
        """Stop running tasks, or do nothing if not executing; tasks are still accepted."""
        self._thread.call(lambda: self._scheduler.stop_task_execute(drain_seconds=drain_seconds))

    def wait_stopped(self) -> None:
        """Wait until no tasks are executed any more; return at once if none are."""
        self._thread.call(self._scheduler.wait_stopped)

    @property
    def executing_tasks(self) -> bool:
        """True while tasks are being executed."""
        return self._scheduler.executing_tasks

    # Locks

    def try_auto_lock(self, name: str, seconds: Seconds) -> bool:
        """Acquire a lock that is released by itself after `seconds`; return `False` if another caller holds it."""
        return self._thread.call(lambda: self._scheduler.try_auto_lock(name, seconds))

    def try_lock(self, name: str) -> Lock | None:
        """Acquire a lock until `unlock`, or for 24 hours at the most; return `None` if another caller holds it."""
        return self._thread.call(lambda: self._scheduler.try_lock(name))

    def unlock(self, lock: Lock) -> bool:
        """Release a lock; return `False`, without any effect, if it is no longer held through this `Lock`."""
        return self._thread.call(lambda: self._scheduler.unlock(lock))

    def lock(
        self, name: str, seconds: Seconds = 30, *, wait_seconds: float | None = None
    ) -> AbstractContextManager[Lock]:
        """Hold a lock for the length of a `with` block, renewing it as long as the block runs.

        A block cannot be cancelled in the middle: if the lock is lost, `LockLost` is raised at its end. Hand the token
        of the lock to what it protects.
        """
        return BlockingLock(self._thread, name, lambda: self._scheduler.lock(name, seconds, wait_seconds=wait_seconds))

    # Events

    @property
    def online(self) -> bool:
        """True while the scheduler is connected and its master partition can be reached."""
        return self._scheduler.online

    # Health and repair

    def check_health(self) -> Health:
        """Examine all partitions now: their answers to a script, and the state of their servers."""
        return self._thread.call(self._scheduler.check_health)

    def moving(self) -> tuple[PartitionMove, ...]:
        """Tell how far tasks have moved to their new homes, after the list of partitions was changed."""
        return self._thread.call(self._scheduler.moving)

    def acknowledge_data_loss(self, partition: str | None = None) -> bool:
        """Take the finding `data-lost` off `check_health`, for all schedulers, once the tasks were assigned anew."""
        return self._thread.call(lambda: self._scheduler.acknowledge_data_loss(partition))

    def cancel_run(self, task_or_id: Task | str, *, hand_back: bool = False) -> bool:
        """Cancel the run of a task that is in progress, wherever it runs. The task itself stays scheduled."""
        return self._thread.call(lambda: self._scheduler.cancel_run(task_or_id, hand_back=hand_back))

    def audit(self, *, repair: bool = False, progress: Callable[[int, int], object] | None = None) -> AuditReport:
        """Check everything that this namespace and its queues have in Redis, and return the faults."""
        return self._thread.call(lambda: self._scheduler.audit(repair=repair, progress=progress))

    def __repr__(self) -> str:
        return f"Blocking{self._scheduler!r}"

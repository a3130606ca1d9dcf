"""The `Scheduler`: the one public object, and the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import anyio

from ..config.options import SchedulerOptions, options_from_urls, to_options
from ..execution.executor import Executor
from ..model.health import Health
from ..services.lifespan import Lifespan, in_words
from ..support import clock
from ..support.events import Events, Handler
from ..support.log import Log, guarded
from .assigning import Assigning
from .cancelling import CancelCalls
from .control import Control
from .executing import Executing
from .inspection import Inspection
from .locking import LockCalls
from .repairing import RepairCalls
from .tasks import TaskCalls


class Scheduler(TaskCalls, LockCalls, RepairCalls, CancelCalls):
    """A scheduler of interval tasks on Redis: it assigns, removes, inspects and runs them.

    Any number of schedulers, in one process or in many, work together on the same namespace and instances. A scheduler
    belongs to the event loop that connected it: a call from another one raises `WrongEventLoop`, and does nothing.

    Args:
        options: `SchedulerOptions`, or a mapping of the same shape (snake_case or camelCase). Default: the defaults.
        logger: any object with `debug`, `info`, `warning` and `error`. Default: the logger `interval_scheduler`.

    Raises:
        ConfigurationError: an option that cannot be used; the message names it.

    Example:
        ```python
        async with Scheduler.from_url("redis://localhost:6379/0") as scheduler:
            await scheduler.assign_task(IntervalTask("user:1", '{"user": 1}', every=900))
            await scheduler.start_task_execute(refresh_feed)
            await scheduler.wait_stopped()
        ```
    """

    def __init__(self, options: SchedulerOptions | Mapping[str, Any] | None = None, logger: Log | None = None) -> None:
        self._options = to_options(options)
        log = guarded(logger)
        self._events = Events(log)
        self._lifespan = Lifespan(self._options, self._events, log)
        self._executing = Executing(self._lifespan, self._options, self._events, log)
        inspection = Inspection(self._lifespan, self._options)
        LockCalls.__init__(self, self._lifespan)
        RepairCalls.__init__(self, inspection)
        CancelCalls.__init__(self, self._lifespan)
        TaskCalls.__init__(
            self,
            Assigning(self._lifespan, self._options, self._executing.is_in_progress),
            Control(self._lifespan),
            inspection,
        )

    @classmethod
    def from_url(cls, *urls: str, logger: Log | None = None, **options: Any) -> Self:
        """Make a scheduler from URLs.

        Args:
            *urls: one for each partition: `redis://`, `rediss://`, `unix://`, `memory://` or `redis+sentinel://`; the
                first is the master unless `master_index` says otherwise. Or the one `redis+cluster://` of a whole
                cluster.
            logger: as for the class.
            **options: any field of `SchedulerOptions` or `StorageOptions` by its name.

        Raises:
            ConfigurationError: a URL or an option cannot be used.
        """
        return cls(options_from_urls(urls, options), logger)

    # Connecting

    async def connect(self) -> None:
        """Connect to all partitions; do nothing if connected.

        Partitions that cannot be reached are tried again in the background, if at least one can be reached.

        Raises:
            PartitionOffline: none of the partitions can be reached.
            UnsuitableServer: one of them must not be used: version, role, eviction policy, schema, certificate.
            PartitionMismatch: another list of partitions is in use for this namespace.
            StorageRefused: credentials are wrong or rights are missing.
            NotConnected: a run or a handler calls it during a close; others wait for the end of that.
            WrongEventLoop: it is connected in another event loop.
        """
        self._settle()
        if self._executing.is_called_inside_run() or self._events.is_called_inside_handler():
            self._lifespan.refuse_during_close()  # a run that waited for the end of a close would wait for itself
        if await self._lifespan.connect() and self.online:
            self._events.emit("online")

    async def close(self) -> None:
        """Stop accepting, let runs and handlers end (within `drain_seconds`) and disconnect; do nothing if closed.

        If a run calls it, it goes on in the background and returns at once: that run ends as a run.

        Raises:
            WrongEventLoop: another event loop connected the scheduler.
        """
        await self._close_within(self._options.drain_seconds)

    async def __aenter__(self) -> Self:
        await self.start_task_accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A cancelled block does not wait for its runs: they are cut short and handed back.
        drain_seconds = 0.0 if isinstance(error, asyncio.CancelledError) else self._options.drain_seconds
        with anyio.CancelScope(shield=True):
            await self._close_within(drain_seconds)

    def _settle(self) -> None:
        """Raise in another event loop than the connection's; give up what was left behind in a closed one."""
        if self._lifespan.settle():
            self._assigning.refuse()
            self._executing.forget()

    async def _close_within(self, drain_seconds: float, then: Callable[[], object] | None = None) -> bool:
        """Close, and let runs and handlers end within that time, in seconds.

        If a run calls it, it goes on in the background, calls `then` at its end, and returns False. `then` is given if
        the event loop is to end as well.
        """
        self._settle()
        self._assigning.refuse()
        host = self._lifespan.announce_close(with_loop=then is not None)
        if self._executing.is_called_inside_run():
            self._executing.start_in_background(lambda: self._close_for_run(drain_seconds, then))
            return False
        give_up_at = clock.monotonic() + drain_seconds
        with self._events.waiting_for_close():
            try:
                await self.stop_task_execute(drain_seconds=drain_seconds)
                await self._events.drain(max(0.0, give_up_at - clock.monotonic()))
            finally:
                await self._lifespan.close(host)
        return True

    async def _close_for_run(self, drain_seconds: float, then: Callable[[], object] | None) -> None:
        try:
            await self._close_within(drain_seconds)
        finally:
            if then is not None:
                then()

    def __del__(self) -> None:
        if (lifespan := getattr(self, "_lifespan", None)) is not None and lifespan.connected is not None:
            message = f"{self!r} was never closed: use 'async with', or call close()"
            warnings.warn(message, ResourceWarning, stacklevel=1, source=self)

    # Accepting

    async def start_task_accept(self) -> None:
        """Accept tasks, connecting if needed.

        Raises:
            SchedulerError: as for `connect`.
        """
        await self.connect()
        self._lifespan.require_open()
        self._assigning.accept()

    async def stop_task_accept(self) -> None:
        """Accept no tasks: `assign_task` raises `NotAcceptingTasks`. The execution of tasks goes on.

        Raises:
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._settle()
        self._assigning.refuse()

    @property
    def accepting_tasks(self) -> bool:
        """True while tasks are accepted."""
        return self._assigning.accepting

    # Executing

    async def start_task_execute(self, executor: Executor, *, concurrency: int | None = None) -> None:
        """Start running due tasks in the background, connecting if needed.

        Args:
            executor: a coroutine function; it is called with the payload, and `current_run()` tells it more. If it
                raises, the error is logged and emitted as `run-error`. Then the run gets another attempt if the task
                has `retries` left; else a recurring task goes on with its next occurrence, and a one-shot is set aside
                (see `dead_tasks`). `raise Retry(after=...)` asks for a later attempt without being an error.
            concurrency: the most runs at once. Default: the option `concurrency`.

        Raises:
            InvalidType: the executor is not a coroutine function.
            ConfigurationError: `concurrency` is out of range.
            AlreadyExecuting: call `stop_task_execute` first.
            SchedulerError: as for `connect`.
        """
        self._settle()
        concurrency = self._executing.check(executor, concurrency)
        await self.connect()
        await self._executing.start(executor, concurrency)

    async def stop_task_execute(self, *, drain_seconds: float | None = None) -> None:
        """Stop running tasks, or do nothing if not executing; tasks are still accepted.

        Tasks that are claimed and have not started are handed back. Runs in progress may end within `drain_seconds`;
        after that they are cancelled, and their tasks are handed back too, with the due times that they had.

        If a run calls it, it goes on in the background and returns at once: that run ends as a run.

        Args:
            drain_seconds: the time to wait. Default: the option `drain_seconds`.

        Raises:
            InvalidValue, InvalidType: `drain_seconds` is not a number of at least 0.
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._settle()
        await self._executing.stop(drain_seconds)

    async def wait_stopped(self) -> None:
        """Wait until no tasks are executed any more; return at once if none are.

        Call it outside of runs: a run that waits for the end of all runs waits for itself.

        Raises:
            ExecutionEnded: the execution or the connection ended unasked, by the error in its `__cause__`.
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._settle()
        await self._executing.wait_stopped()

    @property
    def executing_tasks(self) -> bool:
        """True while tasks are being executed."""
        return self._executing.is_on

    # Events

    @property
    def online(self) -> bool:
        """True while the scheduler is connected and its master partition can be reached."""
        return self._lifespan.is_online

    def on(self, event: str, handler: Handler) -> Callable[[], None]:
        """Call a function, or a coroutine function, at an event.

        `online`, `offline`: the master partition can be reached, or cannot (no arguments). `db-disconnect`,
        `db-reconnect`: the same for any partition (its name). `data-lost`: a partition came back without its data, see
        `acknowledge_data_loss` (its name). `clock-jump`: the clock of a partition's server jumped while it executes
        tasks (its name, and the seconds of the jump). `run`: a run ended, well or not (the `TaskRun`, with its
        `duration` and `error`). `run-error`: an executor raised (the `TaskRun` and the error). `run-skipped`: a
        run could not start within its `start_deadline` (the `TaskRun`). `stuck`: no further run can be started, and
        none has ended for `stuck_after_seconds` (the number of runs, the longest `TaskRun`, and its seconds); again
        when that time has doubled. `stopped`: execution or connection ended without being asked to (the error).

        A handler is called in the context in which it was registered; a function is part of no asyncio task, so that
        `asyncio.current_task()` is `None` there. Whatever it raises is logged, and disturbs nothing. At most 1,000
        asynchronous handlers are in progress; further calls of them are left out, which is logged. Closing waits for
        them within `drain_seconds`, then cancels them.

        Returns:
            A function that removes the handler.

        Raises:
            InvalidValue: there is no such event.
            InvalidType: the handler cannot be called.
        """
        return self._events.on(event, handler)

    # Health

    async def check_health(self) -> Health:
        """Examine all partitions now: their answers to a script, and the state of their servers.

        It makes the same checks as `connect`: version, role, eviction policy, persistence, the difference of the
        clocks, the rights of this user, and the success of writes. It leaves nothing in Redis, and takes no
        longer than `operation_timeout_seconds`. So it suits the health check of an application:

        Example:
            ```text
            @app.get("/health")
            async def health() -> JSONResponse:
                health = await scheduler.check_health()
                return JSONResponse(dataclasses.asdict(health), 200 if health.ok else 503)
            ```

        Returns:
            The state of each partition, with findings; truthy if all is well, warnings aside.

        Raises:
            WrongEventLoop: another event loop connected the scheduler. It raises nothing else.
        """
        connected, partitions = await self._inspection.examine()
        # The flags are read after the examination, so that they are up to date.
        return Health(
            connected=connected,
            accepting=self.accepting_tasks,
            executing=self.executing_tasks,
            partitions=partitions,
            findings=self._executing.findings,
            stopped=None if self._executing.failure is None else in_words(self._executing.failure),
        )

    def __repr__(self) -> str:
        names = ", ".join(instance.partition_name for instance in self._options.storage.instances)
        return f"Scheduler(namespace={self._options.namespace!r}, partitions=[{names}])"

"""The `Scheduler`: the one public object, and the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import anyio

from ..config.flat import FlatOptions
from ..config.options import SchedulerOptions, options_from_urls, to_options
from ..errors import InvalidType, InvalidValue
from ..support.log import Log, guarded
from .actions import ActionCalls
from .backing_up import BackupCalls
from .cancelling import CancelCalls
from .core import Core
from .covering import Covering
from .execution_calls import ExecutionCalls
from .family import Family
from .forecasting import ForecastCalls
from .history import HistoryCalls
from .listening import EventCalls
from .locking import LockCalls
from .looking import LookCalls
from .observing import ObservingCalls
from .quotas import QuotaCalls
from .repairing import RepairCalls
from .statistics import StatisticsCalls
from .tasks import TaskCalls
from .updating import UpdateCalls


class Scheduler(
    TaskCalls,
    UpdateCalls,
    LookCalls,
    ExecutionCalls,
    CancelCalls,
    LockCalls,
    QuotaCalls,
    RepairCalls,
    EventCalls,
    HistoryCalls,
    ForecastCalls,
    BackupCalls,
    StatisticsCalls,
    ActionCalls,
    ObservingCalls,
):
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
        core = Core(to_options(options), guarded(logger))
        self._put_together(core, Family(core), None)

    def _put_together(self, core: Core, family: Family, namespace: Self | None) -> None:
        self._core = core
        self._family = family
        #: The scheduler of the namespace that this queue is in; it stays as long as one of its queues is used.
        self._namespace = namespace
        self._queues: dict[str, Self] = {}
        self._options = core.options
        self._lifespan = core.lifespan
        UpdateCalls.__init__(self, core.lifespan, core.options)
        ExecutionCalls.__init__(self, core.executing, core.settle)
        CancelCalls.__init__(self, core.lifespan)
        LockCalls.__init__(self, core.lifespan)
        QuotaCalls.__init__(self, core.lifespan)
        RepairCalls.__init__(self, Covering(core, family))
        EventCalls.__init__(self, core.events)
        HistoryCalls.__init__(self, core.lifespan)
        LookCalls.__init__(self, core.lifespan, core.log)
        ForecastCalls.__init__(self, core)
        BackupCalls.__init__(self, core)
        StatisticsCalls.__init__(self, core, family.root)
        ActionCalls.__init__(self, core.lifespan, core.log)
        ObservingCalls.__init__(self, core, family)
        TaskCalls.__init__(self, core.assigning, core.control, core.inspection)

    @classmethod
    def from_url(cls, *urls: str, logger: Log | None = None, **options: Unpack[FlatOptions]) -> Self:
        """Make a scheduler from URLs.

        Args:
            *urls: one for each partition: `redis://`, `rediss://`, `unix://`, `local://`, `memory://` or
                `redis+sentinel://`; the first is the master unless `master_index` says otherwise. Or the one
                `redis+cluster://` of a whole cluster.
            logger: as for the class.
            **options: any field of `SchedulerOptions` or `StorageOptions` by its name.

        Raises:
            ConfigurationError: a URL or an option cannot be used.
        """
        return cls(options_from_urls(urls, options), logger)

    # Connecting

    async def connect(self, *, create: bool = True) -> None:
        """Connect to all partitions; do nothing if connected.

        Partitions that cannot be reached are tried again in the background, if at least one can be reached.

        Args:
            create: False to use only what is there. Then this call, and all that goes on while connected, write
                nothing, and every call that reads works as a Redis user without a right to write. The queues of this
                scheduler are not made either. Calls that write are carried out if the user may. Hints are neither kept
                nor applied, and tasks that move are left to others. Default True: make the namespace if it is new.

        Raises:
            InvalidType: `create` is neither True nor False.
            UnknownNamespace: `create` is False, and there is no such namespace, or no such queue.
            PartitionOffline: none of the partitions can be reached.
            UnsuitableServer: one of them must not be used: version, role, eviction policy, schema, certificate.
            PartitionMismatch: another list of partitions is in use for this namespace.
            StorageRefused: credentials are wrong or rights are missing.
            NotConnected: a run or a handler calls it during a close; others wait for the end of that.
            WrongEventLoop: it is connected in another event loop.
        """
        if not isinstance(create, bool):
            raise InvalidType("create", f"must be True or False, not {type(create).__name__}")
        await self._family.connect(self._core, create=create)

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

    async def _close_within(self, drain_seconds: float, then: Callable[[], object] | None = None) -> bool:
        """Close, and let runs and handlers end within that time, in seconds; see `Family.close`."""
        return await self._family.close(self._core, drain_seconds, then)

    def __del__(self) -> None:
        if (lifespan := getattr(self, "_lifespan", None)) is None or self._namespace is not None:
            return  # a queue is closed with its namespace, which says so
        if lifespan.connected is not None:
            message = f"{self!r} was never closed: use 'async with', or call close()"
            warnings.warn(message, ResourceWarning, stacklevel=1, source=self)

    # Accepting

    async def start_task_accept(self) -> None:
        """Accept tasks, connecting if needed.

        Raises:
            SchedulerError: as for `connect`.
        """
        await self._family.accept(self._core)

    async def stop_task_accept(self) -> None:
        """Accept no tasks: `assign_task` raises `NotAcceptingTasks`. The execution of tasks goes on.

        Raises:
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._family.refuse(self._core)

    @property
    def accepting_tasks(self) -> bool:
        """True while tasks are accepted."""
        return self._assigning.accepting

    # Queues

    def queue(self, name: str, **options: Any) -> Self:
        """Return the scheduler of a queue: a schedule of its own inside of this namespace, on the same connections.

        Its tasks, due order, runs, locks and pause are its own; its namespace is `<namespace>.<name>`. It connects and
        closes with this scheduler, and accepts tasks when this one does. If this one is connected already, it connects
        at once, at the latest with the first call on it. It executes tasks only if `start_task_execute` is called on
        it. Closing a queue alone stops it and leaves this scheduler as it is.

        A queue exists from its first connection on, also while it is empty. There are at most 256 in a namespace.

        Args:
            name: 1 to 64 printable ASCII characters without blanks, dots and any of `{}*?[]` and the backslash.
            **options: the options that it has of its own, by name, such as `concurrency`; any of `SchedulerOptions`
                except for `storage`, `namespace`, `on_offline` and `max_hints`. Default: those of this scheduler.

        Returns:
            The scheduler of the queue; the same one for the same name.

        Raises:
            InvalidValue, InvalidType: there can be no queue of that name; or this is a queue, which has none.
            ConfigurationError: an option cannot be used, or is another one than when the queue was asked for before.
        """
        if self._namespace is not None:
            raise InvalidValue("name", f"cannot be that of a queue inside of the queue {self._core.name!r}")
        made = self._inside(self._family.queue(name, options))
        return self._queues.setdefault(name, made)

    def _queue_to_see(self, name: str) -> Self:
        """Return a scheduler of a queue that exists, to look at it and to steer it, without asking for it here.

        So it has the options of the namespace, until somebody asks for it with `queue`, and gives it some of its own.

        Raises:
            InvalidValue, InvalidType: there can be no queue of that name.
        """
        return self._inside(self._family.seen(name))

    def _inside(self, core: Core) -> Self:
        made = type(self).__new__(type(self))
        made._put_together(core, self._family, self)  # noqa: SLF001 - of this class
        return made

    async def queues(self) -> list[str]:
        """List the names of the queues that exist, sorted: those that any scheduler has connected so far.

        One that was asked for and would be one too many is not among them; its own calls raise `QueuesFull`.

        Returns:
            The names; none for a queue.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: the master cannot be reached.
            StorageRefused: Redis refuses.
        """
        return await self._family.names() if self._namespace is None else []

    # Events

    @property
    def online(self) -> bool:
        """True while the scheduler is connected and its master partition can be reached."""
        return self._lifespan.is_online

    def __repr__(self) -> str:
        names = ", ".join(instance.partition_name for instance in self._options.storage.instances)
        queue = "" if self._namespace is None else f", queue={self._core.name!r}"
        namespace = self._family.root.options.namespace
        return f"Scheduler(namespace={namespace!r}{queue}, partitions=[{names}])"

"""The facade and only composition root."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import anyio

from ..config.options import SchedulerOptions, check_concurrency, options_from_urls, to_options
from ..errors import AlreadyExecuting, InvalidValue
from ..execution.execution import Execution
from ..execution.executor import Executor, check_executor
from ..model.checks import Seconds, check_number
from ..services.lifespan import Connection, Host
from ..services.locks import SAFETY_SECONDS, Lock
from ..storage.partition.partition import Partition
from ..support.events import Events, Handler
from ..support.log import Log
from .assigning import TaskAssignment
from .inspection import Upkeep


class Scheduler(TaskAssignment, Upkeep):
    """Schedules interval tasks on Redis: assigns, removes, inspects and runs them.

    Any number of schedulers, in one process or in many, work together on the same namespace and instances.

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
            await asyncio.sleep(3600)  # in place of what the application does meanwhile
        ```
    """

    def __init__(self, options: SchedulerOptions | Mapping[str, Any] | None = None, logger: Log | None = None) -> None:
        self._options = to_options(options)
        self._log: Log = logging.getLogger("interval_scheduler") if logger is None else logger
        self._events = Events(self._log)
        self._grid_ms = round(self._options.storage.task_interval_seconds * 1000)
        self._accepting = False
        self._host = Host(self._options, self._events, self._log, self._on_state)
        self._execution: Execution | None = None
        self._changing_execution = asyncio.Lock()

    @classmethod
    def from_url(cls, *urls: str, logger: Log | None = None, **options: Any) -> Self:
        """A scheduler from URLs.

        Args:
            *urls: one a partition: `redis://`, `rediss://`, `unix://`, `memory://` or `redis+sentinel://`, the first is
                the master unless `master_index` says otherwise; or the one `redis+cluster://` of a whole cluster.
            logger: as for the class.
            **options: any field of `SchedulerOptions` or `StorageOptions` by its name.

        Raises:
            ConfigurationError: a URL or an option that cannot be used.
        """
        return cls(options_from_urls(urls, options), logger)

    # Connecting

    async def connect(self) -> None:
        """Connect to all partitions. Does nothing if connected.

        Partitions that cannot be reached are looked for in the background, as long as one can be.

        Raises:
            PartitionOffline: none of the partitions can be reached.
            UnsuitableServer: one of them must not be used: version, role, eviction policy, schema, certificate.
            PartitionMismatch: another list of partitions is in use for this namespace.
            StorageRefused: wrong credentials or missing rights.
        """
        if await self._host.connect() and self.online:
            self._events.emit("online")

    async def close(self) -> None:
        """Stop accepting, drain what is executing (up to `drain_seconds`) and disconnect. Does nothing if closed."""
        await self._close(self._options.drain_seconds)

    async def __aenter__(self) -> Self:
        await self.start_task_accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A cancelled block does not wait for its runs: they are cut short and handed back.
        drain_seconds = 0.0 if isinstance(error, asyncio.CancelledError) else self._options.drain_seconds
        with anyio.CancelScope(shield=True):
            await self._close(drain_seconds)

    async def _close(self, drain_seconds: float) -> None:
        self._accepting = False
        try:
            await self.stop_task_execute(drain_seconds=drain_seconds)
        finally:
            await self._host.close()

    # Accepting

    async def start_task_accept(self) -> None:
        """Accept tasks, connecting if needed."""
        await self.connect()
        self._accepting = True

    async def stop_task_accept(self) -> None:
        """Accept no tasks: `assign_task` raises `NotAcceptingTasks`. What is executing goes on."""
        self._accepting = False

    @property
    def accepting_tasks(self) -> bool:
        """Whether tasks are accepted."""
        return self._accepting

    # Executing

    async def start_task_execute(self, executor: Executor, *, concurrency: int | None = None) -> None:
        """Start running due tasks in the background, connecting if needed.

        Args:
            executor: a coroutine function; called with what `serialize()` returned. `current_run()` tells it more.
                If it raises, that is logged and emitted as `run-error`. Then the run gets another attempt if the task
                has `retries` left; else a recurring task goes on with its next occurrence, and a one-shot is set aside
                (see `dead_tasks`). `raise Retry(after=...)` asks for a later attempt without being an error.
            concurrency: the most runs at once. Default: the option `concurrency`.

        Raises:
            InvalidType: the executor is no coroutine function.
            ConfigurationError: concurrency out of range.
            AlreadyExecuting: call `stop_task_execute` first.
        """
        check_executor(executor)
        if concurrency is None:
            concurrency = self._options.concurrency
        check_concurrency(concurrency)
        if self._execution is not None:
            raise AlreadyExecuting
        await self.connect()
        async with self._changing_execution:  # a stop that still drains is waited for
            if self._execution is not None:
                raise AlreadyExecuting
            connection = self._host.require()
            self._execution = Execution(
                connection.partitions.all, self._options, executor, concurrency, self._events, self._log
            )
            connection.group.start_soon(self._run_execution, self._execution)

    async def stop_task_execute(self, *, drain_seconds: float | None = None) -> None:
        """Stop running tasks; tasks are still accepted. Does nothing if not executing.

        What was claimed and has not started is handed back. Runs in progress may end within `drain_seconds`; then
        they are cancelled and handed back too, due as they were.

        Args:
            drain_seconds: how long to wait. Default: the option `drain_seconds`.
        """
        if drain_seconds is None:
            drain_seconds = self._options.drain_seconds
        elif check_number("drain_seconds", drain_seconds) < 0:
            raise InvalidValue("drain_seconds", f"must be at least 0, got {drain_seconds}")
        execution, self._execution = self._execution, None
        async with self._changing_execution:
            if execution is not None:
                await execution.stop(drain_seconds)

    @property
    def executing_tasks(self) -> bool:
        """Whether tasks are being executed."""
        return self._execution is not None

    async def _run_execution(self, execution: Execution) -> None:
        try:
            await execution.run()
        except* Exception as group:  # noqa: BLE001 - a bug here must not take the connections down with it
            for error in group.exceptions:
                self._log.error("executing tasks ended: %r", error)
        except* (SystemExit, KeyboardInterrupt):
            pass  # raised by an executor: it has ended the event loop already, which says so
        finally:
            if self._execution is execution:
                self._execution = None

    # Locks

    async def try_auto_lock(self, name: str, seconds: Seconds) -> bool:
        """Acquire a lock that is released by itself after `seconds`; `False` if another holds it."""
        return await self._host.require().locks.acquire(name, seconds) is not None

    async def try_lock(self, name: str) -> Lock | None:
        """Acquire a lock until `unlock`, or for 24 hours at the most; `None` if another holds it."""
        return await self._host.require().locks.acquire(name, SAFETY_SECONDS)

    async def unlock(self, lock: Lock) -> bool:
        """Release a lock; `False`, without any effect, if it is no longer held through this `Lock`."""
        return await self._host.require().locks.release(lock)

    def lock(
        self, name: str, seconds: Seconds = 30, *, wait_seconds: float | None = None
    ) -> AbstractAsyncContextManager[Lock]:
        """Hold a lock for the length of an `async with` block, renewing it as long as the block runs.

        Args:
            name: its name, 1 to 512 bytes.
            seconds: after so long it is free again if this process dies. Default 30.
            wait_seconds: how long to wait for it; 0: try once. Default `None`: as long as it takes.

        Raises:
            LockTimeout: it was not free in time.
            LockLost: it could not be renewed in time; the block was cancelled.
            NotReplicated: it was acquired, but too few replicas knew in time (`wait_replicas`); it is given up again.
        """
        return self._host.require().locks.hold(name, seconds, wait_seconds)

    # Events

    @property
    def online(self) -> bool:
        """Whether the scheduler is connected and its master partition can be reached."""
        connection = self._host.connection
        return connection is not None and connection.partitions.master.state == "online"

    def on(self, event: str, handler: Handler) -> Callable[[], None]:
        """Call a function, or a coroutine function, at an event.

        `online`, `offline`: the master partition can be reached, or cannot (no arguments). `db-disconnect`,
        `db-reconnect`: the same for any partition (its name). `clock-jump`: the clock of a partition's server jumped
        while it executes tasks (its name, and by how many seconds). `run`: a run ended, well or not (the `TaskRun`,
        with its `duration` and `error`). `run-error`: an executor raised (the `TaskRun` and the error).

        Returns:
            A function that takes the handler off again.
        """
        return self._events.on(event, handler)

    def _on_state(self, partition: Partition) -> None:
        back = partition.state == "online"
        if back:
            self._log.info("partition %s is online again", partition.name)
        else:
            self._log.warning("%s", partition.problem or f"partition {partition.name} is offline")
        self._events.emit("db-reconnect" if back else "db-disconnect", partition.name)
        connection = self._host.connection
        if connection is not None and partition is connection.partitions.master:
            self._events.emit("online" if back else "offline")

    # Within

    def _connected(self) -> Connection:
        return self._host.require()

    @property
    def _connection(self) -> Connection | None:
        return self._host.connection

    def __repr__(self) -> str:
        names = ", ".join(instance.partition_name for instance in self._options.storage.instances)
        return f"Scheduler(namespace={self._options.namespace!r}, partitions=[{names}])"

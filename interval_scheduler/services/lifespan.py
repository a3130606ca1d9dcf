"""The host of everything in the background: one task group, from connect to close.

::

    none ──connect──▶ connecting ──▶ connected ──close──▶ none
                          │
                          └─ nothing usable ─▶ none (the error is raised to the caller of connect)

One plain task holds the group: a group must be left by the task that entered it, and connect and close may be called
by different ones. A call that is cancelled half-way leaves it to end by itself; whoever calls next waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from ..config.options import SchedulerOptions
from ..errors import NotConnected, StorageError
from ..storage.partition.partition import Partition
from ..storage.partitions import Partitions
from ..support.events import Events
from ..support.log import Log
from .locks import Locks
from .rebalancer import Mover


class Connection:
    """What exists while connected."""

    def __init__(self, group: TaskGroup, partitions: Partitions) -> None:
        self.group = group
        self.partitions = partitions
        self.locks = Locks(partitions.master, group.start_soon)


class Host:
    """Connects and disconnects.

    Args:
        options: the scheduler's options.
        events: gets the means to start asynchronous handlers.
        log: where to write what happens.
        on_state: called with a partition that goes offline or is back.
    """

    def __init__(
        self, options: SchedulerOptions, events: Events, log: Log, on_state: Callable[[Partition], None]
    ) -> None:
        self._options = options
        self._events = events
        self._log = log
        self._on_state = on_state
        self._connecting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection | None:
        """What exists while connected, else `None`."""
        return self._connection

    def require(self) -> Connection:
        """What exists while connected.

        Raises:
            NotConnected: it is not.
        """
        if self._connection is None:
            raise NotConnected
        return self._connection

    async def connect(self) -> bool:
        """Connect unless connected; whether there was something to do."""
        async with self._connecting:
            if self._task is not None and not self._task.done():
                if not self._closing.is_set():
                    return False
                await self._ended()
            self._closing = asyncio.Event()
            ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(ready), name="interval_scheduler")
            try:
                await ready
            except BaseException:
                self._closing.set()
                self._task.cancel()
                await self._ended()
                raise
            return True

    async def close(self) -> None:
        """Disconnect and end everything in the background; returns when that is done."""
        self._closing.set()
        await self._ended()

    async def _ended(self) -> None:
        # One that is done may be of an event loop that is closed by now, and cannot be waited for.
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _run(self, ready: asyncio.Future[None]) -> None:
        partitions = Partitions(self._options, self._log, self._on_state)
        try:
            async with anyio.create_task_group() as group:
                try:
                    await partitions.connect(group)
                except StorageError as error:
                    if not ready.done():
                        ready.set_exception(error)
                else:
                    self._connection = Connection(group, partitions)
                    group.start_soon(Mover(partitions, self._connection.locks, self._log).run)
                    self._events.spawn = group.start_soon
                    if not ready.done():
                        ready.set_result(None)
                    await self._closing.wait()
                group.cancel_scope.cancel()
        finally:
            self._events.spawn = None
            self._connection = None
            if not ready.done():
                ready.set_exception(NotConnected())

"""The lifespan of a scheduler: one task group that holds everything in the background, from connect to close.

::

    none ──connect──▶ connecting ──▶ connected ──announce_close──▶ closing ──close──▶ none
                          │
                          └─ nothing usable ─▶ none (the error is raised to the caller of connect)

One plain task holds the group: a group must be left by the task that entered it, and connect and close may be called
by different tasks. If a call is cancelled half-way, the plain task ends by itself, and the next call waits for its end.
While it closes, runs and handlers may still use the connection; whoever connects waits for the end, and connects anew.

A queue has a lifespan of its own inside of that of its namespace: it uses the links of that one. While the list of
partitions changes, the queues that exist come first: if one of them holds the change up, processes with the old list go
on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from ..config.options import SchedulerOptions
from ..errors import NotConnected
from ..storage.namespace import Links, Partition, Partitions, QueueOf
from ..support.events import Events
from ..support.finishing import to_its_end
from ..support.guests import alone, ends_process
from ..support.log import GuardedLog
from ..support.loops import LoopLock, running_loop
from .connected import Connected, Inside, NothingInside
from .home import check_home, is_left_behind
from .rebalancer import Rebalancer
from .unasked import in_words

__all__ = ["Connected", "EventLoopEnds", "Lifespan"]


class EventLoopEnds(NotConnected):
    """The event loop ends with a close: whoever connects anew has to do it in another one."""


class Lifespan:
    """The lifespan of a scheduler: it connects and disconnects.

    Args:
        options: the scheduler's options.
        events: the events; they are told of each lost and returned partition, and start handlers.
        log: the log for lost connections.
        outer: the lifespan of the namespace in which this queue is; `None`: this one is of no queue.
        queue: the place of this queue; `None`: it is none.
    """

    def __init__(
        self,
        options: SchedulerOptions,
        events: Events,
        log: GuardedLog,
        outer: Lifespan | None = None,
        queue: QueueOf | None = None,
    ) -> None:
        self._options = options
        #: Whom the log of actions names.
        self.actor: Final = options.actor
        self._outer: Final = outer
        self._queue: Final = queue
        self._links: Links | None = None
        #: False if it was connected to make nothing that is not there, and to write nothing unasked.
        self.creates = True
        #: The queues of this namespace.
        self.inside: Inside = NothingInside()
        #: Connects a queue that is to connect at its first call; `None`: nothing is.
        self.open: Callable[[], Awaitable[None]] | None = None
        #: Called with everything that lives while connected, once it does.
        self.begin: Callable[[Connected], object] = bool
        self._events = events
        self._log = log
        self._connecting = LoopLock()
        self._settling = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._is_closing = False
        self._ending_loop: asyncio.AbstractEventLoop | None = None
        #: The error that ended the connection without being asked to, if one did.
        self.failure: BaseException | None = None
        #: Everything that lives while connected, else `None`.
        self.connected: Connected | None = None

    @property
    def is_online(self) -> bool:
        """True while the scheduler is connected and its master can be reached."""
        return self.connected is not None and self.connected.partitions.master.state == "online"

    def require(self) -> Connected:
        """Get everything that lives while connected.

        Raises:
            NotConnected: the scheduler is not connected.
            WrongEventLoop: it is connected in another event loop.
        """
        connected = self.connected
        if connected is None or connected.loop is not running_loop():
            self.check_home()
            raise NotConnected
        return connected

    def require_open(self) -> Connected:
        """Get the same as `require`, unless the scheduler closes.

        Raises:
            NotConnected: the scheduler is not connected, or closes.
            WrongEventLoop: it is connected in another event loop.
        """
        connected = self.require()
        if self._is_closing:
            raise NotConnected
        return connected

    async def enter(self) -> Connected:
        """Get the same as `require`, after `open_first`. Raises what these raise."""
        await self.open_first()
        return self.require()

    @property
    def opens_first(self) -> Callable[[], Awaitable[None]] | None:
        """The connecting of a queue by the call that comes; `None`: it is connected, or nothing connects it."""
        return self.open if self.connected is None else None

    async def open_first(self) -> None:
        """Connect a queue that was asked for since its namespace connected. Raises what that raises."""
        if (connect := self.opens_first) is not None:
            await connect()

    def refuse_during_close(self) -> None:
        """Raise `NotConnected` while the scheduler closes."""
        if self._is_closing and self.connected is not None:
            raise NotConnected

    def check_home(self) -> None:
        """Raise `WrongEventLoop` unless the caller may use the connection, or there is none."""
        check_home(self._task)

    def settle(self) -> bool:
        """Check as `check_home`, but give a connection up whose event loop is closed, and return True then."""
        with self._settling:
            if not is_left_behind(self._task):
                self.check_home()
                return False
            ended_before = self.connected is None
            self._task = self.connected = None
            self._events.close()
        if not ended_before:
            self._log.warning("the event loop was closed before close() was called: the connections ended with it")
        return True

    async def connect(self, *, creates: bool) -> bool:
        """Connect unless connected; return True if it was not connected. Without `creates`, make nothing."""
        async with self._connecting.of_this_loop():
            self._require_loop()
            while (ready := self._begin(creates=creates)) is None:
                if not self._is_closing and self.connected is not None:  # else it has just ended unasked
                    return False
                await self.wait_ended()
                self._require_loop()
            try:
                await ready
            except BaseException:
                self._end()
                if self._task is not None:
                    self._task.cancel()
                await self.wait_ended()
                raise
            return True

    def _begin(self, *, creates: bool) -> asyncio.Future[None] | None:
        """Start the host unless there is one; threads that connect at once, each in its event loop, take turns."""
        with self._settling:
            self.check_home()
            if self._task is not None and not self._task.done():
                return None
            self._closing, self.failure = asyncio.Event(), None
            self._is_closing, self._ending_loop = False, None
            self.creates = creates and (self._outer is None or self._outer.creates)
            ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(ready), name="interval_scheduler")
            return ready

    async def close(self, host: asyncio.Task[None] | None) -> None:
        """Disconnect, end all background work, and wait for its end; unless another connection was made meanwhile.

        Args:
            host: the answer of `announce_close`.
        """
        if self._task is host:
            self._end()
            await self.wait_ended()

    def announce_close(self, *, with_loop: bool = False) -> asyncio.Task[None] | None:
        """Have those who connect from now on wait for the end of this connection; return the task that holds it.

        Args:
            with_loop: True if the event loop ends with it, so that they cannot connect here afterwards.
        """
        self._is_closing = True
        if with_loop:
            self._ending_loop = running_loop()
        return self._task

    def _require_loop(self) -> None:
        if self._ending_loop is not None and self._ending_loop is running_loop():
            raise EventLoopEnds

    def _end(self) -> None:
        self._is_closing = True
        self._closing.set()

    async def wait_ended(self) -> None:
        """Wait until everything in the background has ended."""
        # A task that is done may belong to an event loop that is closed by now: it cannot be awaited.
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])
        with self._settling:
            if self._task is not None and self._task.done():
                self._task = None

    async def _run(self, ready: asyncio.Future[None]) -> None:
        try:
            partitions = Partitions(self._options, self._log, self._open_links(), self._queue, creates=self.creates)
            partitions.states.subscribe(self._on_state)
            partitions.losses.subscribe(self._on_loss)
            await self._host(partitions, ready)
        except Exception as error:  # noqa: BLE001 - the caller of connect waits for any error, and gets it
            if not ready.done():
                ready.set_exception(alone(error))
        finally:
            if not ready.done():
                ready.set_exception(NotConnected())

    def _open_links(self) -> Links:
        if self._outer is None:
            self._links = Links(self._options.storage, self._log, creates=self.creates)
            return self._links
        return self._outer.share_links()

    def share_links(self) -> Links:
        """Return the links, for a queue that connects.

        Raises:
            NotConnected: the namespace is not connected, or closes.
        """
        if self._links is None or self._task is None or self._task.done() or self._is_closing:
            raise NotConnected
        return self._links

    async def _host(self, partitions: Partitions, ready: asyncio.Future[None]) -> None:
        """Hold everything in the background, from the connection of the partitions to the close."""
        mine: Connected | None = None
        try:
            async with anyio.create_task_group() as group:
                try:
                    await partitions.reach(group)
                    await self.inside.connect(partitions, has_joined=False)
                    await partitions.join(group)
                    await self.inside.connect(partitions, has_joined=True)
                except Exception as error:  # noqa: BLE001 - the caller of connect gets it
                    if not ready.done():
                        ready.set_exception(error)
                else:
                    self.connected = mine = Connected(group, partitions, self._log)
                    group.start_soon(Rebalancer(partitions, mine.locks, self._log).run)
                    self.begin(mine)
                    self._events.open()
                    if not ready.done():
                        ready.set_result(None)
                    await self._closing.wait()
                group.cancel_scope.cancel()
        except BaseException as error:
            if mine is not None and self.connected is mine and not self._closing.is_set():
                self._end_unasked(error)
            if mine is None or isinstance(error, asyncio.CancelledError) or ends_process(error) is not None:
                raise
        finally:
            if mine is None:
                await to_its_end(self.inside.close())
            if self.connected is mine:  # else it was left behind in a closed event loop, and is another's by now
                self._events.close()
                self.connected = None

    def _end_unasked(self, error: BaseException) -> None:
        """Tell that everything in the background ends without being asked to: a bug, or a cancel of all tasks."""
        self.failure = error
        if ends_process(error) is not None:
            return  # it has ended the event loop already, which says so
        trace = None if isinstance(error, asyncio.CancelledError) else error
        self._log.error("the scheduler ended without being asked to: %s", in_words(error), exc_info=trace)
        self._events.emit("stopped", error)

    def _on_state(self, partition: Partition) -> None:
        back = partition.state == "online"
        if back:
            self._log.info("partition %s is online again", partition.name)
        else:
            self._log.warning("%s", partition.problem or f"partition {partition.name} is offline")
        self._events.emit("db-reconnect" if back else "db-disconnect", partition.name)
        if self.connected is not None and partition is self.connected.partitions.master:
            self._events.emit("online" if back else "offline")

    def _on_loss(self, name: str) -> None:
        self._log.error(
            "partition %s came back without its data: its tasks, dead tasks, locks and its pause are gone; assign its "
            "tasks anew, for example with sync_tasks, then call acknowledge_data_loss",
            name,
        )
        self._events.emit("data-lost", name)

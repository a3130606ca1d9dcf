"""A namespace and its queues: how they connect and close together.

::

    asked for ──namespace connects, or the first call──▶ connected ──closed alone──▶ shut ──connect──▶ connected
                                                             └── namespace closes ──▶ asked for

A queue that nobody asked for in this process is opened all the same while the list of partitions changes, and to look
after it: its tasks have to move too. It neither accepts nor executes tasks then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final

import anyio

from ..config.queue_options import check_queue_name, check_same_options, is_queue_name, queue_options
from ..errors import PartitionOffline, QueuesFull, UnknownNamespace
from ..storage.namespace import Partitions
from ..support import clock
from ..support.backoff import delays
from ..support.loops import running_loop
from ..support.text import describe
from .core import Core

#: The pauses between two attempts to connect a queue whose namespace is online, seconds.
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 0.5


class Family:
    """A namespace and its queues.

    Args:
        root: the parts of the namespace itself.
    """

    def __init__(self, root: Core) -> None:
        self.root: Final = root
        self._changing = threading.Lock()
        #: The queues that were asked for, and those that were only opened to look after them.
        self._asked: dict[str, Core] = {}
        self._looked_after: dict[str, Core] = {}
        root.lifespan.inside = _Inside(self)

    # Queues

    def queue(self, name: str, own: Mapping[str, Any]) -> Core:
        """Return the parts of a queue, the same for the same name; it connects as soon as it can.

        Raises:
            InvalidType, InvalidValue: there can be no queue of that name.
            ConfigurationError: an option cannot be used, or is another one than before.
        """
        check_queue_name(name, self.root.options.namespace)
        with self._changing:
            core = self._asked.get(name)
            if core is not None:
                check_same_options(name, core.options, own)
                return core
            core = self._make(name, own)
            core.lifespan.open = lambda: self.open(core)
            if self.root.assigning.accepting:
                core.assigning.accept()
            self._asked[name] = core
        connected = self.root.lifespan.connected
        if connected is not None and connected.loop is running_loop() and asyncio.current_task() is not None:
            # From a callback of the event loop, anyio starts nothing; the first call on the queue opens it as well.
            connected.group.start_soon(self._open_quietly, core)
        return core

    def _make(self, name: str, own: Mapping[str, Any]) -> Core:
        return Core(queue_options(self.root.options, name, own), self.root.log, self.root, name)

    async def names(self) -> list[str]:
        """List the queues that exist, sorted.

        Raises:
            NotConnected, WrongEventLoop: the namespace is not connected here.
            StorageError: the master cannot be reached, or refuses.
        """
        partitions = self.root.lifespan.require().partitions
        partitions.master.require_online()
        if self.root.lifespan.creates:  # else none of them can be new
            await together([self._open_if_it_may_be(core) for core in self._queues(self._asked) if core.creates])
        return list(await partitions.queue_names())

    async def all_queues(self) -> list[Core]:
        """Return all queues that exist; who uses one has to connect it, which may be connected already.

        Raises:
            NotConnected, WrongEventLoop, StorageError: as for `names`.
        """
        return self.looked_after(await self.names())

    def looked_after(self, names: Iterable[str]) -> list[Core]:
        """Return the parts of queues that exist: those that are connected, else such as only look after them."""
        found = []
        with self._changing:
            for name in names:
                core = self._asked.get(name)
                if core is None or core.is_shut:
                    core = self._looked_after.get(name)
                if core is None and is_queue_name(name, self.root.options.namespace):  # else anybody wrote it
                    core = self._looked_after[name] = self._make(name, {})
                if core is not None:
                    found.append(core)
        return found

    def seen(self, name: str) -> Core:
        """Return the parts of a queue that exists: such as look after it, if nobody asked for it; else as for `queue`.

        They connect with the first call, and accept tasks if the namespace does. Raises `InvalidType`, `InvalidValue`.
        """
        check_queue_name(name, self.root.options.namespace)
        (seen,) = self.looked_after([name])
        if seen is self._looked_after.get(name):
            seen.lifespan.open = lambda: self.open(seen)
            if self.root.assigning.accepting and not seen.assigning.accepting:
                seen.assigning.accept()
        return seen

    def asked(self) -> list[Core]:
        """Return the queues that were asked for."""
        return self._queues(self._asked)

    def to_connect(self) -> list[Core]:
        """Return the queues that connect with the namespace."""
        return [core for core in self._queues(self._asked) if not core.is_shut]

    # Connecting

    async def connect(self, core: Core, *, create: bool = True) -> None:
        """Connect the namespace with its queues, or a queue with its namespace; without `create` what is there only."""
        for member in self._members(core):
            member.settle()
        if self._is_called_inside():  # a run that waited for the end of a close would wait for itself
            for each in {self.root, core}:
                each.lifespan.refuse_during_close()
        if core is not self.root:
            await self.connect(self.root, create=create)
            core.is_shut = False
        if core.lifespan.connected is None:
            core.creates = create
        await core.connect()

    async def open(self, core: Core) -> None:
        """Connect a queue if it was asked for since its namespace connected.

        As for a call, a connection that is cut meanwhile is tried again for as long as a call may take.
        """
        root = self.root.lifespan
        give_up_at = clock.monotonic() + self.root.options.storage.operation_timeout_seconds
        pauses = delays(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        while core.lifespan.connected is None and not core.is_shut and root.connected is not None:
            root.require_open()
            try:
                await core.connect()
            except PartitionOffline:
                if not root.is_online or clock.monotonic() >= give_up_at:
                    raise
                await anyio.sleep(next(pauses))

    async def _open_if_it_may_be(self, core: Core) -> None:
        """Connect a queue that was asked for; one that would be too many is none, and its own calls tell so."""
        with suppress(QueuesFull):
            await self.open(core)

    async def _open_quietly(self, core: Core) -> None:
        """Connect a queue; the first call on it tells its caller if that fails."""
        try:
            await self.open(core)
        except Exception as error:  # noqa: BLE001 - of one queue, which must not take the namespace down with it
            self.root.log.warning("queue %r is not connected yet: %s", core.name, describe(error))

    def _is_called_inside(self) -> bool:
        """Tell if the caller is a run or a handler of the namespace or of one of its queues."""
        return any(
            each.executing.is_called_inside_run() or each.events.is_called_inside_handler()
            for each in self._members(self.root)
        )

    def _queues(self, *kinds: Mapping[str, Core]) -> list[Core]:
        with self._changing:
            return [core for queues in kinds for core in queues.values()]

    def _members(self, core: Core) -> list[Core]:
        """Return a queue alone, or the namespace with all its queues."""
        return [core] if core is not self.root else [core, *self._queues(self._asked, self._looked_after)]

    # Accepting

    async def accept(self, core: Core) -> None:
        """Connect, and accept tasks; a namespace does so with its queues."""
        await self.connect(core)
        core.lifespan.require_open()
        for member in [core, *(self._queues(self._asked) if core is self.root else ())]:
            if not member.is_shut:
                member.assigning.accept()

    def refuse(self, core: Core) -> None:
        """Accept no tasks; a namespace does so with its queues."""
        core.settle()
        for member in self._members(core):
            member.assigning.refuse()

    # Closing

    async def close(self, core: Core, drain_seconds: float, then: Callable[[], object] | None = None) -> bool:
        """Close a queue, or the namespace with all its queues; let runs and handlers end within that time, in seconds.

        If a run calls it, it goes on in the background, calls `then` at its end, and returns False. `then` is given if
        the event loop is to end as well.
        """
        members = self._members(core)
        for member in members:
            member.settle()
        hosts = {}
        for member in members:
            member.assigning.refuse()
            hosts[member] = member.lifespan.announce_close(with_loop=then is not None)
        core.is_shut = core is not self.root
        for member in members:
            if member.executing.is_called_inside_run():
                member.executing.start_in_background(lambda: self._close_for_run(core, drain_seconds, then))
                return False
        with ExitStack() as stack:
            for member in members:
                stack.enter_context(member.events.waiting_for_close())
            try:
                await together([self._drain(member, core, drain_seconds) for member in members])
            finally:
                try:
                    await together([each.lifespan.close(hosts[each]) for each in members if each is not core])
                finally:
                    await core.lifespan.close(hosts[core])
        if core is self.root:
            for member in members:
                member.is_shut = False  # it connects with the namespace again
        return True

    @staticmethod
    async def _drain(member: Core, closed: Core, drain_seconds: float) -> None:
        """Let runs and handlers end: those of a queue within its own time too, where its namespace is closed."""
        await member.drain(drain_seconds if member is closed else min(drain_seconds, member.options.drain_seconds))

    async def _close_for_run(self, core: Core, drain_seconds: float, then: Callable[[], object] | None) -> None:
        try:
            await self.close(core, drain_seconds)
        finally:
            if then is not None:
                then()


class _Inside:
    """The queues that connect with the namespace: those that were asked for, and all while the list changes."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._opened: list[Core] = []

    async def connect(self, partitions: Partitions, *, has_joined: bool) -> None:
        """Connect them; raise the first error."""
        family = self._family
        queues = family.to_connect() if has_joined else []
        if partitions.is_list_changing and partitions.master.problem is None:
            queues += [core for core in family.looked_after(await partitions.queue_names()) if core not in queues]
        mine = [core for core in queues if core.lifespan.connected is None]
        self._opened += mine
        await together([self._connect(core) for core in mine])

    async def _connect(self, core: Core) -> None:
        try:
            await core.connect()
        except UnknownNamespace:
            if core.creates:
                raise
            # It was asked for without being made, and is not there yet: the first call on it looks again.
        except QueuesFull as error:  # the others go on without it; the first call on it tries again, and raises
            self._family.root.log.warning("%s", describe(error))

    async def close(self) -> None:
        """Close those that were connected with a namespace which then was not."""
        opened, self._opened = self._opened, []
        await together([core.lifespan.close(core.lifespan.announce_close()) for core in opened])


async def together(calls: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Carry calls out at the same time, all of them to the end; then raise the first error."""
    if len(calls) == 1:  # it needs no event loop if it does not wait
        await calls[0]
    elif calls:
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

"""One partition: its client, whether it is online, and how it comes back.

::

    connecting ──admitted──▶ online ──cannot be reached──▶ offline ──reached again──▶ online
        │                      │                              │
        └──────────────────────┴─────────── close ────────────┴─────▶ closed

Losing a connection is noticed by the subscription, which is always open while online, and by requests. Reconnecting
starts after a jittered delay that doubles up to 5 s. While a partition is offline, reads and new changes raise
`PartitionOffline` at once; requests that were under way are sent again for as long as they may be. If the server
answers, but its data are lost, the handshake is made anew at once: the partition stays online, and requests wait.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, NoReturn

import anyio

from ...config.options import SchedulerOptions
from ...errors import NotConnected, PartitionListChanged, StorageError, UnknownNamespace
from ...model.health import PartitionHealth
from ...support import clock
from ...support.broadcast import Broadcast
from ...support.finishing import to_its_end
from ...support.log import Log
from ..commands import key_types
from ..connection.client import abandon, drop_idle, refuse_waiting
from ..connection.failures import FAILED, is_slot_moving, still_offline, translate
from ..connection.link import Link
from ..connection.server_time import ServerTime
from ..requests.sender import ScriptSender
from ..scripts.keys import Keys
from ..scripts.loader import Script
from ..scripts.ports import Argument, Detour, PartitionState
from .batchers import open_batchers
from .ear import Ear
from .gate import Gate
from .handshake import Handshake
from .pauses import Pauses
from .place import Place
from .unbroken import Unbroken


class Partition:
    """One partition.

    Args:
        link: the link to its server.
        options: the scheduler's options.
        keys: the names of its keys.
        log: the log for connects, losses and findings.
        on_state: called with this partition when it goes offline, and when it is back.
        place: the namespace or queue whose partition it is.
    """

    def __init__(
        self,
        link: Link,
        options: SchedulerOptions,
        keys: Keys,
        log: Log,
        on_state: Callable[[Partition], None],
        place: Place,
    ) -> None:
        self.instance: Final = link.instance
        self.name: Final = link.instance.partition_name
        self.keys: Final = keys
        self.state: PartitionState = "connecting"
        #: The stamp of its requests: the epoch of the list of partitions in force, and the birth of the database.
        self.stamp = b""
        self.problem: StorageError | None = None  #: The reason why it is not online, after a failed attempt.
        #: Tells a due time in ms, which may be earlier than those known before; 0: look now.
        self.due_times: Final[Broadcast[int]] = Broadcast()
        #: Tells its name when it is back after a loss of its data.
        self.losses: Final[Broadcast[str]] = Broadcast()
        #: Tells each message on the wake channel that is not a due time.
        self.hint_messages: Final[Broadcast[bytes]] = Broadcast()
        #: The way of changes while it is offline; `None`: hints are off.
        self.detour: Detour | None = None
        #: Called before it goes online, with itself.
        self.before_online: Callable[[Partition], Awaitable[None]] | None = None
        self._options, self._log = options, log
        self._on_state = on_state
        self.link, self._locator = link, link.locator
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client: Any = link.client
        self.handshake: Final[Handshake] = Handshake(self, link.instance, options.storage, self._client, place)
        self.online_from = 0.0  #: Since when it is online without a break, monotonic seconds.
        self.unbroken: Final = Unbroken()
        self.lost = asyncio.Event()
        self._enrolls_anew = self._is_retired = False
        self._online = asyncio.Event()
        self._tried = asyncio.Event()
        self._admitted = asyncio.Event()
        self._attempted = asyncio.Event()
        timeout_seconds = options.storage.operation_timeout_seconds
        self.ear: Final = Ear(self.name, self.keys.wake, link, timeout_seconds, log, warns=place.creates)
        name_keys = functools.partial(key_types.name_keys, self)
        #: Tells of runs that are said to be cancelled, see `Ear`.
        self.cancels: Final = self.ear.cancels
        self.sender: Final = ScriptSender(self, options.storage, self._client, name_keys)
        #: The way of calls that come in any number, so that they do not hold up the others.
        self.gate: Final = Gate(self, self.sender, link.turn)
        self._server_time = ServerTime(self.name, self._client)
        batchers = open_batchers(self, options)
        self._loops: Final = batchers.loops
        #: Changes of tasks that exist here, and of no others.
        self.if_exists: Final = batchers.if_exists
        self.assign, self.remove = batchers.assign, batchers.remove
        self.control, self.update = batchers.control, batchers.update
        self.clear, self.pause, self.restore = batchers.clear, batchers.pause, batchers.restore
        self.purge_dead, self.put_quotas = batchers.purge_dead, batchers.put_quotas
        self.lock, self.look, self.has, self.size = batchers.lock, batchers.look, batchers.has, batchers.size

    def require_online(self, *, with_any_list: bool = False) -> None:
        """Raise unless online; with any list of partitions, unless it can be reached.

        Raises:
            PartitionOffline: it is offline; nothing was changed.
            PartitionListChanged: it stays offline for this list of partitions.
            NotConnected: the scheduler was closed.
        """
        if self.state == "closed":
            raise NotConnected
        if isinstance(self.problem, PartitionListChanged):
            if with_any_list:
                return
            raise PartitionListChanged(*self.problem.args)  # each caller gets one with its own traceback
        if self.state != "online":
            raise still_offline(self.name, self.problem)

    async def first_try(self) -> None:
        """Wait until the first attempt to reach it has ended; if it failed, `problem` says why."""
        await self._tried.wait()

    async def admit(self) -> None:
        """Allow it to go online, now that all reachable partitions agree on the list.

        Returns when it is online or its attempt failed.
        """
        self._admitted.set()
        await self._attempted.wait()

    def use_detour(self, detour: Detour) -> None:
        """Use `detour` for changes while this partition is offline."""
        self.detour = detour

    def adopt(self, epoch: int, from_list: bytes) -> None:
        """Use the list of partitions that was agreed upon: its epoch, and the list before it, if any."""
        self.handshake.expect(epoch=b"%d" % epoch, from_list=from_list)

    def retire(self) -> None:
        """Stop reconnecting: once lost, it stays lost."""
        self._is_retired = True

    async def wait_online(self) -> None:
        """Wait until it is online."""
        await self._online.wait()

    async def wait_enrolled(self) -> None:
        """Wait until the handshake was made anew; raise if there is nothing to enroll in."""
        await self._attempted.wait()
        if isinstance(self.problem, UnknownNamespace):
            self.require_online()

    async def run(self) -> None:
        """Connect, stay connected and serve the batchers until cancelled."""
        self.link.enter()
        try:
            async with anyio.create_task_group() as group:
                for run in self._loops:
                    group.start_soon(run)
                if self._locator is not None:
                    group.start_soon(self.link.watch, self._leave_primary)
                await self._stay_connected()
        finally:
            self.state = "closed"
            self._online.clear()
            await to_its_end(self.link.leave())

    async def _stay_connected(self) -> None:
        pauses = Pauses(self._options.storage.reconnect_interval_seconds, is_located=self._locator is not None)
        while not self._is_retired:
            try:
                await self._greet()
            except (*FAILED, StorageError) as error:
                self.problem = translate(self.name, error)
                if self.detour is not None:
                    self.detour.assume()
                self._log.debug("partition %s: %s", self.name, self.problem)
                if self.state != "online" or not is_slot_moving(error):  # a slot that moves arrives soon
                    self._set_state("offline")
                self._tried.set()
                self._attempted.set()
                await drop_idle(self._client)
                await anyio.sleep(pauses.after_failure(error))
                continue
            self.problem = None
            self.lost.clear()
            self._enrolls_anew = False
            self._set_state("online")
            self._attempted.set()
            if self.handshake.take_loss():
                self.losses.tell(self.name)
            self.online_from = clock.monotonic()
            self.unbroken.note_break()
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen)
                await self.lost.wait()
                if self.detour is not None:
                    self._online.clear()  # no claims until it is known if hints wait
                group.cancel_scope.cancel()
            if self._enrolls_anew:
                continue  # the server is there
            await drop_idle(self._client)
            await anyio.sleep(pauses.after_loss(self.online_from))

    def _set_state(self, state: Literal["online", "offline"]) -> None:
        before, self.state = self.state, state
        if state == "online":
            self._online.set()
        else:
            self._online.clear()
            if not isinstance(self.problem, PartitionListChanged):  # others on this link have no fault
                refuse_waiting(self._client)
        if before not in (state, "connecting") and not self._is_retired:
            self._on_state(self)

    async def _greet(self) -> None:
        await self.handshake.inspect_server()
        self.sender.marks_reads = self.handshake.marks_reads
        if not self._admitted.is_set():
            self._tried.set()
            await self._admitted.wait()
        for finding in await self.handshake.enroll():
            if not self.link.is_told(self.handshake.server, finding.code, of_queue=self.handshake.is_of_queue):
                self._log.warning("%s", finding.message)
        self.stamp = self.handshake.expected.stamp
        if self.detour is not None:
            await self.detour.catch_up()
        if self.before_online is not None:
            await self.before_online(self)

    async def examine(self) -> PartitionHealth:
        """Inspect its server now. Never takes longer than a call may take."""
        return await self.handshake.examine(cannot_subscribe=self.ear.is_refused, turn=self.gate.turn)

    async def _listen(self) -> None:
        """Listen until the connection is lost, then report it."""
        await self.ear.listen(self.due_times.tell, self.hint_messages.tell)
        self.lost.set()

    async def leave_for_good(self) -> NoReturn:
        """Stop using this partition: another process changed the list of partitions.

        Raises:
            PartitionListChanged: the list of this scheduler is older.
            PartitionOffline: the list of the server is older (it was restored from a backup).
        """
        self.problem = await self.handshake.list_changed()
        self.go_offline()
        self.lost.set()
        raise self.problem from None

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        return await self.sender.evaluate(script, keys, args)

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing, until it is answered."""
        return await self.sender.read(script, keys, args)

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that anybody may repeat without effect, until it is answered."""
        return await self.sender.change(script, keys, args)

    async def now_ms(self) -> int:
        """Return about the server's time in epoch ms, for calculations that the scripts cannot do themselves."""
        return await self._server_time.now_ms()

    def announce(self, due_ms: int) -> None:
        """Tell the pollers of a due time in ms, which may be nearer than the one that they know."""
        self.due_times.tell(due_ms)

    def _leave_primary(self) -> None:
        """Take no further reply from its server: another one takes its place."""
        self._log.info("partition %s: another server takes the place of its primary", self.name)
        abandon(self._client)
        self.report_lost()

    def go_offline(self, problem: StorageError | None = None) -> None:
        """Mark it offline without dropping the connection; `problem` is the reason."""
        if self.state == "online":
            self.problem = self.problem or problem
            self._set_state("offline")

    def enroll_anew(self) -> None:
        """Make the handshake anew at once. The state stays, but requests wait: the server answers."""
        if self.state == "online":
            self._enrolls_anew = True
            self._attempted.clear()
            self._online.clear()
            self.lost.set()

    def give_up(self) -> None:
        """Mark it offline, and look for it."""
        self.go_offline()
        self.report_lost()

    def report_lost(self) -> None:
        """Drop the connection, and look for the partition."""
        if self._locator is not None:
            self._locator.invalidate()
        self.lost.set()

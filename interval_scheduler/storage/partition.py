"""One partition: its client, whether it is online, and how it comes back.

::

    connecting ──admitted──▶ online ──cannot be reached──▶ offline ──reached again──▶ online
        │                      │                              │
        └──────────────────────┴─────────── close ────────────┴─────▶ closed

Losing a connection is noticed by the subscription, which is always open while online, and by requests. Reconnecting
starts after a jittered delay that doubles up to 30 s. While a partition is offline, reads and new changes raise
`PartitionOffline` at once; requests that were under way wait for it as long as their patience lasts.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError

from ..errors import NotConnected, OutcomeUnknown, PartitionMismatch, PartitionOffline, StorageError, UnsuitableServer
from . import commands
from .batching import Calls
from .connect import FAILED, LOST, is_busy, look_at_server, open_client, translate
from .keys import Keys
from .session import Session

if TYPE_CHECKING:
    from ..instance import RedisInstance
    from ..log import Log
    from ..options import SchedulerOptions
    from .scripts import Script
    from .session import Argument

PartitionState = Literal["connecting", "online", "offline", "closed"]

_LONGEST_DELAY_SECONDS: Final = 30.0
_PROBE_JITTER_SECONDS: Final = 0.05


class Partition:
    """One partition.

    Args:
        instance: where it is.
        options: the scheduler's options.
        log: where to write what happens.
        on_state: called with this partition when it goes offline, and when it is back.
    """

    def __init__(
        self,
        instance: RedisInstance,
        options: SchedulerOptions,
        log: Log,
        on_state: Callable[[Partition], None],
    ) -> None:
        self.name: Final = instance.partition_name
        self.keys: Final = Keys(options.namespace, self.name)
        self.state: PartitionState = "connecting"
        #: Why it is not online, after a failed attempt.
        self.problem: StorageError | None = None
        #: Called with a due time in ms, which may be earlier than those known before; 0: look now.
        self.on_due: Callable[[int], None] = lambda _: None
        self._instance = instance
        self._options = options
        self._log = log
        self._on_state = on_state
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client: Any = open_client(instance, options.storage)
        self._lost = asyncio.Event()
        self._online = asyncio.Event()
        self._tried = asyncio.Event()
        self._admitted = asyncio.Event()
        self._settled = asyncio.Event()

        patience = options.storage.operation_timeout_seconds
        sessions = {lane: Session(self, patience) for lane in ("assign", "remove", "lock")}
        grid_ms = round(options.storage.task_interval_seconds * 1000)

        # Each lane looks first: what gathered while a batch was in doubt must not wait its patience out as well.
        async def assign(changes: Sequence[commands.Change]) -> Sequence[bool]:
            self.require_online()
            created, earliest_ms = await commands.assign(sessions["assign"], self.keys, grid_ms, changes)
            if earliest_ms >= 0:
                self.on_due(earliest_ms)
            return created

        async def remove(ids: Sequence[bytes]) -> Sequence[commands.Removed]:
            self.require_online()
            return await commands.remove(sessions["remove"], self.keys, ids)

        async def lock(steps: Sequence[commands.LockStep]) -> Sequence[int]:
            self.require_online()
            return await commands.lock(sessions["lock"], self.keys, steps)

        async def look(ids: Sequence[bytes]) -> Sequence[commands.Row | None]:
            return await commands.look(self, ids)

        self.assign: Final = Calls(self.name, assign, lambda change: len(change.assignment.data))
        self.remove: Final = Calls(self.name, remove)
        self.lock: Final = Calls(self.name, lock)
        self.look: Final = Calls(self.name, look)

    def require_online(self) -> None:
        """Raise unless online.

        Raises:
            PartitionOffline: it is not; nothing was changed.
            NotConnected: the scheduler was closed.
        """
        if self.state == "closed":
            raise NotConnected
        if self.state != "online":
            raise PartitionOffline(self.name)

    async def first_try(self) -> None:
        """Wait until it was reached for the first time, or could not be (then `problem` says why)."""
        await self._tried.wait()

    async def admit(self) -> None:
        """Let it go online, the configuration being right on all partitions that were reached; wait until it is."""
        self._admitted.set()
        await self._settled.wait()

    async def wait_online(self) -> None:
        """Wait until it is online."""
        await self._online.wait()

    async def run(self) -> None:
        """Connect, stay connected and serve the lanes until cancelled."""
        try:
            async with anyio.create_task_group() as group:
                for lane in (self.assign, self.remove, self.lock, self.look):
                    group.start_soon(lane.run)
                await self._stay_connected()
        finally:
            self.state = "closed"
            self._online.clear()
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await self._client.aclose()

    async def _stay_connected(self) -> None:
        delays = self._delays()
        while True:
            try:
                await self._handshake()
            except (*FAILED, StorageError) as error:
                self.problem = translate(self.name, error)
                self._log.debug("partition %s: %s", self.name, self.problem)
                self._set_state("offline")
                self._tried.set()
                self._settled.set()
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await anyio.sleep(next(delays))
                continue
            delays = self._delays()
            self.problem = None
            self._lost.clear()
            self._set_state("online")
            self._settled.set()
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen)
                await self._lost.wait()
                group.cancel_scope.cancel()
            # One lost connection is not a lost partition: ask again at once, but not all schedulers in one moment.
            await self._client.connection_pool.disconnect(inuse_connections=False)
            await anyio.sleep(random.uniform(0, _PROBE_JITTER_SECONDS))

    def _set_state(self, state: Literal["online", "offline"]) -> None:
        before, self.state = self.state, state
        if state == "online":
            self._online.set()
        else:
            self._online.clear()
        if before not in (state, "connecting"):
            self._on_state(self)

    async def _handshake(self) -> None:
        warnings = await look_at_server(
            self._client, self._instance, allow_eviction=self._options.storage.allow_eviction
        )
        stored: dict[bytes, bytes] = await self._client.hgetall(self.keys.enrollment)
        if stored:
            wanted = (b"schema", b"partition", b"list", b"master")
            self._compare(tuple(stored.get(field, b"") for field in wanted))
        if not self._admitted.is_set():
            self._tried.set()
            await self._admitted.wait()
        self._compare(await commands.enroll(self, *self._enrollment()))
        for warning in warnings:
            self._log.warning("%s", warning)

    def _enrollment(self) -> tuple[bytes, bytes, bytes, bytes]:
        storage = self._options.storage
        names = ",".join(sorted(instance.partition_name for instance in storage.instances))
        return commands.SCHEMA_VERSION, self.name.encode(), names.encode(), storage.master.partition_name.encode()

    def _compare(self, stored: tuple[bytes, ...]) -> None:
        wanted = self._enrollment()
        if stored == wanted:
            return
        schema, name, names, master = (field.decode(errors="replace") for field in stored)
        if stored[0] != wanted[0]:
            raise UnsuitableServer(
                self.name,
                f"has schema version {schema}, this library writes {wanted[0].decode()}: "
                "use the version of the library that wrote it, or another namespace",
            )
        for what, theirs, ours in (
            ("partition", name, wanted[1].decode()),
            ("list of partitions", names, wanted[2].decode()),
            ("master", master, wanted[3].decode()),
        ):
            if theirs != ours:
                raise PartitionMismatch(
                    self.name,
                    f"is in use with another configuration: its {what} is {theirs}, here it is {ours}. "
                    "Configure all schedulers of a namespace alike (RedisInstance.name fixes a name where addresses "
                    f"differ); to start anew, stop them all and delete {self.keys.enrollment.decode()} everywhere",
                )

    async def _listen(self) -> None:
        """Pass announced due times on; leave when the connection is lost."""
        pubsub = self._client.pubsub()
        try:
            await pubsub.subscribe(self.keys.wake)
            silent = False
            while True:
                # An own time-out, since the connection must also be seen to die when nothing is announced.
                message = await pubsub.get_message(timeout=self._options.storage.operation_timeout_seconds)
                if message is None:
                    if silent:
                        break
                    silent = True
                    await pubsub.ping()
                    continue
                silent = False
                if message["type"] == "subscribe":
                    self.on_due(0)
                elif message["type"] == "message" and message["data"].isdigit():
                    self.on_due(int(message["data"]))
        except FAILED as error:
            self._log.debug("partition %s: the subscription was lost: %s", self.name, type(error).__name__)
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await pubsub.aclose()
        self._lost.set()

    def _delays(self) -> Iterator[float]:
        """Jittered delays that double, in seconds."""
        delay = self._options.storage.reconnect_interval_seconds
        while True:
            yield delay * random.uniform(0.5, 1)
            delay = min(2 * delay, max(_LONGEST_DELAY_SECONDS, delay))

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        try:
            return await self._client.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._client.execute_command("EVAL", script.text, len(keys), *keys, *args)

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing; waits as long as `operation_timeout_seconds` for a lost partition."""
        self.require_online()
        return await self.request(script, keys, args, self._options.storage.operation_timeout_seconds)

    async def request(
        self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], patience_seconds: float
    ) -> Any:
        """Run a script that may safely be sent again, until it is answered or patience ends.

        Raises:
            OutcomeUnknown: patience ended.
            StorageError: Redis refused; nothing was changed.
        """
        give_up_at = time.monotonic() + patience_seconds
        failures = 0
        while True:
            try:
                return await self.evaluate(script, keys, args)
            except LOST as error:
                failures += 1
                # One connection may be stale, for example after a restart; a new one that fails too says more.
                if failures > 1 or not isinstance(error, RedisConnectionError):
                    self.report_lost()
            except FAILED as error:
                if not is_busy(error):
                    raise translate(self.name, error) from None
                failures += 1
            if time.monotonic() >= give_up_at or self.state == "closed":
                raise OutcomeUnknown(self.name)
            if failures > 1:
                await anyio.sleep(random.uniform(0.01, 0.05) * min(failures, 10))
            with anyio.move_on_after(give_up_at - time.monotonic()):
                await self._online.wait()

    def report_lost(self) -> None:
        """Say that the connection does not work: the partition goes offline and is looked for."""
        if self.state == "online":
            self._lost.set()

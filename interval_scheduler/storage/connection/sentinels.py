"""Asks the Sentinels of a partition for its primary, and hears from them when another server becomes it.

::

    failover begins ──▶ leave the primary, and connect to none ──▶ switched, given up, or too long ──▶ ask, connect

In a failover that somebody asks for, the old primary goes on for some ten seconds before it is told that it is a
replica now. All that it confirms in that time is lost. So its connections are cut when a replica is about to be
promoted. The Sentinel that carries the failover out knows first, and the others hear of it from that one; so all are
listened to.

Sentinels number their agreements. One that was away has an old number, and is not believed while another answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, NamedTuple

import anyio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import PartitionOffline, StorageError, StorageRefused, UnsuitableServer
from ...support.backoff import delays
from ...support.log import Log
from .connections import PlainConnection, TlsConnection
from .reasons import reason_of
from .tls import certificate_problem, tls_arguments

Address = tuple[str, int]

_UNHEARD: Final = "is offline (none of its {} Sentinels answers; the last: {}): nothing was changed, try again later"
_DOWN_SAYS: Final = "is offline (its Sentinels say that its primary is down): nothing was changed, try again later"
_NOT_HEARD: Final = (
    "partition %r: its Sentinel %s:%d does not let this user SUBSCRIBE. So a planned failover is followed seconds late "
    "there, and what is confirmed until then is lost: give the user +subscribe and allchannels"
)
_DOWN: Final = frozenset({b"s_down", b"o_down"})
#: The channel on which a Sentinel tells that a replica is about to be promoted.
_BEGINS: Final = "+failover-state-send-slaveof-noone"
#: The channels on which it tells that one was, that all others follow it, and that the failover was given up.
_ENDS: Final = ("+failover-state-reconf-slaves", "+switch-master", "-failover-abort-slave-timeout")
#: The longest time that nothing connects during a failover, seconds, and its longest share of the time to connect.
_HOLD_SECONDS: Final = 3.0
_HOLD_SHARE: Final = 0.5
#: The first delay, and the longest, before a Sentinel that was lost is listened to again, seconds.
_FIRST_DELAY_SECONDS: Final = 1.0
_LONGEST_DELAY_SECONDS: Final = 10.0


class _Answer(NamedTuple):
    """The answer of a Sentinel: the primary, and the number of the agreement about it."""

    address: Address
    epoch: int


class Sentinels:
    """Asks the Sentinels of one instance, first the one that knew last time.

    Args:
        instance: the instance.
        options: the time limits.
        log: the log, for a Sentinel that does not let this side listen.
    """

    def __init__(self, instance: RedisInstance, options: StorageOptions, log: Log) -> None:
        self._log = log
        self._partition: Final = instance.partition_name
        self._service: Final = str(instance.service)
        self._nodes: Final = [address_of(node) for node in instance.sentinels]
        # One share of the time is kept for the connection to the primary.
        self._seconds: Final = options.connect_timeout_seconds / (len(self._nodes) + 1)
        self._kind: Final = TlsConnection if instance.tls else PlainConnection
        self._asking: Final[dict[str, Any]] = {
            "username": instance.sentinel_username,
            "password": instance.sentinel_password,
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            **(tls_arguments(instance) if instance.tls else {}),
        }
        self._hold_seconds: Final = min(_HOLD_SECONDS, _HOLD_SHARE * options.connect_timeout_seconds)
        #: Is clear while a failover is under way.
        self._settled: Final = asyncio.Event()
        self._settled.set()
        self._known: _Answer | None = None
        self._on_moved: Callable[[], None] | None = None

    async def locate(self, slot: int) -> Address:  # noqa: ARG002 - a service has no slots
        """Return the address of the primary of the service.

        Raises:
            PartitionOffline: no Sentinel answers, or they say that the primary is down.
            UnsuitableServer: they do not know the service.
            StorageRefused: they do not accept the password, or lack a right.
        """
        if not self._settled.is_set():
            with anyio.move_on_after(self._hold_seconds):
                await self._settled.wait()
            self._settled.set()
        problem: StorageError | None = None
        outdated: _Answer | None = None
        unheard = PartitionOffline(self._partition)
        for node in tuple(self._nodes):
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await self._ask(*node)
            except (AuthenticationError, AuthorizationError, NoPermissionError):
                problem = StorageRefused(
                    self._partition,
                    "WRONGPASS",
                    "its Sentinels do not accept sentinel_username and sentinel_password, or the user lacks a right",
                )
            except StorageError as error:
                problem = error
            except (RedisError, OSError) as error:
                code, words = reason_of(error)
                unheard = PartitionOffline(self._partition, _UNHEARD.format(len(self._nodes), words), code)
                if advice := certificate_problem(error):
                    problem = UnsuitableServer(self._partition, f"has a Sentinel that {advice}")
            else:
                if self._known is None or answer.epoch >= self._known.epoch:
                    self._believe(node, answer)
                    return answer.address
                outdated = outdated or answer
        if outdated is not None and problem is None:
            self._known = outdated  # there is nobody who knows better: the Sentinels were set up anew
            return outdated.address
        raise problem or unheard

    def _believe(self, node: Address, answer: _Answer) -> None:
        """Note the primary, and tell if it is another than before; this Sentinel is asked first from now on."""
        self._nodes.remove(node)
        self._nodes.insert(0, node)
        before, self._known = self._known, answer
        if before is not None and before.address != answer.address:
            self._leave()

    def _leave(self) -> None:
        if self._on_moved is not None:
            self._on_moved()

    async def _ask(self, host: str, port: int) -> _Answer:
        """Ask one Sentinel for the primary."""
        connection = self._kind(host=host, port=port, **self._asking)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self._service)
            found = await connection.read_response()
            if found is None:
                raise UnsuitableServer(
                    self._partition, f"is not known to its Sentinels: they monitor no service {self._service!r}"
                )
            await connection.send_command("SENTINEL MASTER", self._service)
            state = await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)
        try:
            address = found[0].decode(), port_of(found[1])
            told = dict(zip(state[::2], state[1::2], strict=True))
            is_down = not _DOWN.isdisjoint(told[b"flags"].split(b","))
            is_told_of = address == (told[b"ip"].decode(), int(told[b"port"]))
            answer = _Answer(address, int(told[b"config-epoch"]))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise UnsuitableServer(
                self._partition, f"has a Sentinel, {host}:{port}, that answers in another form than Sentinels do"
            ) from None
        if is_down and is_told_of:
            raise PartitionOffline(self._partition, _DOWN_SAYS)
        return answer

    def invalidate(self) -> None:
        """Do nothing: the Sentinels are asked each time."""

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Listen to all Sentinels until cancelled; call `on_moved` when the primary has to be left."""
        self._on_moved = on_moved
        async with anyio.create_task_group() as group:
            for node in tuple(self._nodes):
                group.start_soon(self._stay_with, node)

    async def _stay_with(self, node: Address) -> None:
        waits = delays(_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS)
        is_told = False
        while True:
            try:
                async with contextlib.aclosing(self._messages(*node)) as messages:
                    async for channel, text in messages:
                        waits = delays(_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS)
                        await self._hear(node, channel, text)
            except NoPermissionError:
                if not is_told:
                    is_told = True
                    self._log.warning(_NOT_HEARD, self._partition, *node)
            except (RedisError, OSError, StorageError):
                pass  # whoever opens a connection is told the reason
            await anyio.sleep(next(waits))

    async def _messages(self, host: str, port: int) -> AsyncGenerator[tuple[str, str]]:
        """Yield the channel and the text of each message of a Sentinel; first an empty one: some may have been missed.

        There is no time-out: the connection keeps itself alive, and a Sentinel may be silent for years.
        """
        connection = self._kind(host=host, port=port, **self._asking)
        try:
            async with asyncio.timeout(self._seconds):
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("SUBSCRIBE", _BEGINS, *_ENDS)
                for _ in (_BEGINS, *_ENDS):
                    await connection.read_response()
            yield "", ""
            while True:
                message = await connection.read_response()
                if isinstance(message, list) and len(message) == 3 and all(isinstance(each, bytes) for each in message):
                    yield message[1].decode(errors="replace"), message[2].decode(errors="replace")
        finally:
            await connection.disconnect(nowait=True)

    async def _hear(self, node: Address, channel: str, text: str) -> None:
        is_ours = concerns(channel, text, self._service)
        if channel != _BEGINS:
            await self._look(node)
            if is_ours:
                self._settled.set()
        elif is_ours:
            self._settled.clear()
            self._leave()

    async def _look(self, node: Address) -> None:
        """Ask a Sentinel for the primary, and believe it if it knows of a newer one."""
        async with asyncio.timeout(self._seconds):
            answer = await self._ask(*node)
        if self._known is not None and answer.epoch > self._known.epoch:
            self._believe(node, answer)


def concerns(channel: str, text: str, service: str) -> bool:
    """Tell if a message of a Sentinel is about a service. Pure.

    The texts are `slave NAME IP PORT @ SERVICE IP PORT`, `master SERVICE IP PORT`, and in `+switch-master`
    `SERVICE IP PORT IP PORT`.
    """
    words = text.split(" ")
    if channel == _BEGINS:
        return text.partition(" @ ")[2].split(" ")[0] == service
    return words[0 if channel == "+switch-master" else 1 :][:1] == [service]


def port_of(told: Any) -> int:
    """Return a port that a server told; raise a `ValueError` if it can be none, which a connection would call a bug."""
    port = int(told)
    if not 0 <= port < 1 << 16:
        raise ValueError(port)
    return port


def address_of(node: str) -> Address:
    """Return the host and the port of a `"host:port"`."""
    host, _, port = node.rpartition(":")
    return host.strip("[]"), int(port)

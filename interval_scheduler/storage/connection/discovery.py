"""Finds the primary of a partition by asking Sentinels or the nodes of a Redis Cluster.

A connection asks each time it is opened. So a lost partition finds its new primary by connecting again, and requests
and replies are the same as with a single server.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import PartitionOffline, StorageError, StorageRefused, UnsuitableServer
from ...support import clock
from .connections import PlainConnection, TlsConnection
from .reasons import reason_of
from .tls import certificate_problem

Address = tuple[str, int]

#: The time for which all partitions share an answer of the cluster: they often ask at the same moment.
_KEPT_SECONDS: Final = 0.5
_UNHEARD: Final = "is offline (none of its {} Sentinels answers; the last: {}): nothing was changed, try again later"
_DOWN_SAYS: Final = "is offline (its Sentinels say that its primary is down): nothing was changed, try again later"
_DOWN: Final = frozenset({b"s_down", b"o_down"})


class Locator(Protocol):
    """Finds primaries."""

    async def locate(self, slot: int) -> Address:
        """Return the host and the port of the primary; in a cluster, of the primary that has the slot.

        Raises:
            RedisError: no Sentinel or node knows it.
        """

    def invalidate(self) -> None:
        """Drop the known address, because the primary is gone: the next `locate` asks again."""


class Sentinels:
    """Asks the Sentinels of one instance, first the one that knew last time.

    Nothing is kept open to them: they are seldom asked.
    """

    def __init__(self, instance: RedisInstance, options: StorageOptions) -> None:
        self._partition: Final = instance.partition_name
        self._service: Final = str(instance.service)
        self._nodes: Final = [_address(node) for node in instance.sentinels]
        # One share of the time is kept for the connection to the primary.
        self._seconds: Final = options.connect_timeout_seconds / (len(self._nodes) + 1)
        self._kind: Final = TlsConnection if instance.tls else PlainConnection
        self._asking: Final[dict[str, Any]] = {
            "username": instance.sentinel_username,
            "password": instance.sentinel_password,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            **({"ssl_ca_certs": instance.tls_ca_file, "ssl_check_hostname": True} if instance.tls else {}),
        }

    async def locate(self, slot: int) -> Address:  # noqa: ARG002 - a service has no slots
        """Return the address of the primary of the service.

        Raises:
            PartitionOffline: no Sentinel answers, or they say that the primary is down.
            UnsuitableServer: they do not know the service.
            StorageRefused: they do not accept the password, or lack a right.
        """
        problem: StorageError | None = None
        unheard = PartitionOffline(self._partition)
        for node in tuple(self._nodes):
            try:
                async with asyncio.timeout(self._seconds):
                    address = await self._ask(*node)
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
                self._nodes.remove(node)
                self._nodes.insert(0, node)
                return address
        raise problem or unheard

    async def _ask(self, host: str, port: int) -> Address:
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
        address = found[0].decode(), int(found[1])
        told = dict(zip(state[::2], state[1::2], strict=True))
        down = _DOWN.intersection(told[b"flags"].split(b","))
        if down and address == (told[b"ip"].decode(), int(told[b"port"])):
            raise PartitionOffline(self._partition, _DOWN_SAYS)
        return address

    def invalidate(self) -> None:
        """Do nothing: the Sentinels are asked each time."""


class Cluster:
    """The slot map of a cluster: the node that has each slot. All partitions share one object."""

    def __init__(self, instance: RedisInstance, options: StorageOptions) -> None:
        self._seeds: Final = [_address(node) for node in instance.cluster]
        self._instance: Final = instance
        self._connect_seconds: Final = options.connect_timeout_seconds
        self._ranges: Sequence[tuple[int, int, Address]] = ()
        self._error: RedisError | OSError | None = None
        self._asked_at = -math.inf
        self._one_at_a_time: Final = asyncio.Lock()
        self._told: Final[set[tuple[str, str]]] = set()

    async def locate(self, slot: int) -> Address:
        """Return the address of the primary that has a slot."""
        async with self._one_at_a_time:
            if clock.monotonic() - self._asked_at > _KEPT_SECONDS:
                try:
                    self._ranges, self._error = await self._ask(), None
                except (RedisError, OSError) as error:
                    # The error is kept as well, so that dead nodes are not asked once for each partition.
                    self._error = error
                self._asked_at = clock.monotonic()
        if self._error is not None:
            raise self._error
        for first, last, address in self._ranges:
            if first <= slot <= last:
                return address
        raise RedisConnectionError(f"no node of the cluster has slot {slot}")

    def invalidate(self) -> None:
        """Drop the slot map.

        After a failed look-up it stays for its half second, so that dead nodes are not asked once a partition.
        """
        if self._error is None:
            self._asked_at = -math.inf

    def was_told(self, server: str, code: str) -> bool:
        """Tell if this was called before with the same arguments: one warning a server is enough."""
        known = (server, code) in self._told
        self._told.add((server, code))
        return known

    async def _ask(self) -> Sequence[tuple[int, int, Address]]:
        nodes = list(dict.fromkeys([*(address for _, _, address in self._ranges), *self._seeds]))
        # In random order: a node that is cut off from the others has an old map, and must not be asked every time.
        random.shuffle(nodes)
        # All nodes together must not take longer than a connection may take.
        seconds = self._connect_seconds / (len(nodes) + 1)
        kind = TlsConnection if self._instance.tls else PlainConnection
        error: RedisError | OSError = RedisConnectionError("the cluster has no nodes")
        for host, port in nodes:
            asked = kind(host=host, port=port, **_asking(self._instance, seconds))
            try:
                await asked.connect()  # type: ignore[no-untyped-call]
                await asked.send_command("CLUSTER SLOTS")
                reply: list[Any] = await asked.read_response()
            except (RedisError, OSError) as failure:
                error = failure
            else:
                # A node that does not know its own address leaves it out.
                return [
                    (int(first), int(last), ((primary[0] or b"").decode() or host, int(primary[1])))
                    for first, last, primary, *_ in reply
                ]
            finally:
                await asked.disconnect(nowait=True)
        raise error


def open_locators(instances: Sequence[RedisInstance], options: StorageOptions) -> Sequence[Locator | None]:
    """Return for each instance the locator of its primary; `None`: the instance is the primary."""
    first = instances[0]
    if first.cluster:
        return [Cluster(first, options)] * len(instances)
    return [Sentinels(instance, options) if instance.sentinels else None for instance in instances]


def _asking(instance: RedisInstance, seconds: float) -> dict[str, Any]:
    """Return the settings of a connection that asks a node of the cluster."""
    tls: Mapping[str, Any] = {}
    if instance.tls:
        tls = {"ssl_ca_certs": instance.tls_ca_file, "ssl_check_hostname": True}
    return {
        "username": instance.username,
        "password": instance.password,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **tls,
    }


def _address(node: str) -> Address:
    host, _, port = node.rpartition(":")
    return host.strip("[]"), int(port)

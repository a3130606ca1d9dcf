"""Finds the primary of a partition by asking Sentinels or the nodes of a Redis Cluster.

A connection asks each time it is opened. So a lost partition finds its new primary by connecting again, and requests
and replies are the same as with a single server.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...support import clock
from ...support.log import Log
from .connections import PlainConnection, TlsConnection
from .sentinels import Address, Sentinels, address_of, port_of
from .tls import tls_arguments

#: The time for which all partitions share an answer of the cluster: they often ask at the same moment.
_KEPT_SECONDS: Final = 0.5


class Locator(Protocol):
    """Finds primaries."""

    async def locate(self, slot: int) -> Address:
        """Return the host and the port of the primary; in a cluster, of the primary that has the slot.

        Raises:
            RedisError: no Sentinel or node knows it.
        """

    def invalidate(self) -> None:
        """Drop the known address, because the primary is gone: the next `locate` asks again."""

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Call `on_moved` when the primary has to be left although it answers: another server takes its place.

        Returns at once if the old primary says so by itself.
        """


class Cluster:
    """The slot map of a cluster: the node that has each slot. All partitions share one object."""

    def __init__(self, instance: RedisInstance, options: StorageOptions) -> None:
        self._seeds: Final = [address_of(node) for node in instance.cluster]
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

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Do nothing: a node that lost a slot says so, to each request."""

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
                return _ranges(await asked.read_response(), host)
            except (RedisError, OSError) as failure:
                error = failure
            finally:
                await asked.disconnect(nowait=True)
        raise error


def _ranges(reply: Any, asked: str) -> Sequence[tuple[int, int, Address]]:
    """Return the slots and the primary of each range, from the answer of a node that was asked at a host.

    Raises:
        InvalidResponse: it answers in another form than a node of a cluster does.
    """
    try:
        # A node that does not know its own address leaves it out.
        return [
            (int(first), int(last), ((primary[0] or b"").decode() or asked, port_of(primary[1])))
            for first, last, primary, *_ in reply
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InvalidResponse("CLUSTER SLOTS") from None


def open_locators(instances: Sequence[RedisInstance], options: StorageOptions, log: Log) -> Sequence[Locator | None]:
    """Return for each instance the locator of its primary; `None`: the instance is the primary."""
    first = instances[0]
    if first.cluster:
        return [Cluster(first, options)] * len(instances)
    return [Sentinels(instance, options, log) if instance.sentinels else None for instance in instances]


def _asking(instance: RedisInstance, seconds: float) -> dict[str, Any]:
    """Return the settings of a connection that asks a node of the cluster."""
    return {
        "username": instance.username,
        "password": instance.password,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **(tls_arguments(instance) if instance.tls else {}),
    }

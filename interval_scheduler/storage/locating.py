"""Where the primary of a partition is, if that is not for its instance to say but for Sentinels or a Redis Cluster.

A connection asks each time it is opened. So a partition that was lost finds its new primary by just connecting again,
and of all that is sent and received nothing is different from a plain server.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from .. import clock

if TYPE_CHECKING:
    from ..instance import RedisInstance
    from ..options import StorageOptions

Address = tuple[str, int]

#: For so long an answer of the cluster holds for other partitions too: they often ask at the same moment.
_KEPT_SECONDS: Final = 0.5


class Locator(Protocol):
    """Finds primaries."""

    async def locate(self, slot: int) -> Address:
        """The host and the port of the primary, in a cluster that of a slot.

        Raises:
            RedisError: nobody knows.
        """

    def forget(self) -> None:
        """The primary is not there any more: ask anew."""

    async def aclose(self) -> None:
        """Close the connections to who is asked."""


class Sentinels:
    """Asks the Sentinels of one instance."""

    def __init__(self, instance: RedisInstance, options: StorageOptions) -> None:
        self._service: Final = instance.service
        asking = _asking(instance, options, len(instance.sentinels))
        asking |= {"username": instance.sentinel_username, "password": instance.sentinel_password}
        self._sentinel: Final = Sentinel([_address(node) for node in instance.sentinels], sentinel_kwargs=asking)

    async def locate(self, slot: int) -> Address:
        """The primary of the service."""
        host, port = await self._sentinel.discover_master(self._service)
        return str(host), int(port)

    def forget(self) -> None:
        """They are asked each time."""

    async def aclose(self) -> None:
        """Close the connections to them."""
        for client in self._sentinel.sentinels:
            await client.aclose()


class Cluster:
    """Knows which node of a cluster has which slots; one for all partitions."""

    def __init__(self, instance: RedisInstance, options: StorageOptions) -> None:
        self._seeds: Final = [_address(node) for node in instance.cluster]
        self._asking: Final = _asking(instance, options, len(instance.cluster)) | {
            "username": instance.username,
            "password": instance.password,
        }
        self._ranges: Sequence[tuple[int, int, Address]] = ()
        self._asked_at = -math.inf
        self._one_at_a_time: Final = asyncio.Lock()

    async def locate(self, slot: int) -> Address:
        """The primary that has a slot."""
        async with self._one_at_a_time:
            if clock.monotonic() - self._asked_at > _KEPT_SECONDS:
                self._ranges = await self._ask()
                self._asked_at = clock.monotonic()
        for first, last, address in self._ranges:
            if first <= slot <= last:
                return address
        raise RedisConnectionError(f"no node of the cluster has slot {slot}")

    def forget(self) -> None:
        """A slot is elsewhere: ask anew."""
        self._asked_at = -math.inf

    async def aclose(self) -> None:
        """Nothing is kept open: it is seldom asked."""

    async def _ask(self) -> Sequence[tuple[int, int, Address]]:
        known = [address for _, _, address in self._ranges]
        error: Exception = RedisConnectionError("the cluster has no nodes")
        for host, port in dict.fromkeys([*known, *self._seeds]):
            client = Redis(host=host, port=port, single_connection_client=True, **self._asking)
            try:
                reply: list[Any] = await client.execute_command("CLUSTER SLOTS")
            except (RedisError, OSError) as failure:
                error = failure
            else:
                # A node that does not know its own address leaves it out.
                return [
                    (int(first), int(last), (primary[0].decode() or host, int(primary[1])))
                    for first, last, primary, *_ in reply
                ]
            finally:
                await client.aclose()
        raise error


def open_locators(options: StorageOptions) -> Sequence[Locator | None]:
    """For each instance who knows where its primary is; `None`: the instance itself."""
    first = options.instances[0]
    if first.cluster:
        return [Cluster(first, options)] * len(options.instances)
    return [Sentinels(instance, options) if instance.sentinels else None for instance in options.instances]


def _asking(instance: RedisInstance, options: StorageOptions, count: int) -> dict[str, Any]:
    """How those are reached who know: all must have had their turn before a connection takes too long."""
    seconds = options.connect_timeout_seconds / (count + 1)
    tls: Mapping[str, Any] = {"ssl": True, "ssl_ca_certs": instance.tls_ca_file} if instance.tls else {}
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **tls,
    }


def _address(node: str) -> Address:
    host, _, port = node.rpartition(":")
    return host.strip("[]"), int(port)

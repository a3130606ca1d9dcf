"""Three partitions, of which one that is not the master goes away: what the tests of hints share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from interval_scheduler import Scheduler
from interval_scheduler.model.placement import homes
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

QUICK: dict[str, Any] = {
    "on_offline": "hint",
    "reconnect_interval_seconds": 0.05,
    "operation_timeout_seconds": 20,
    "check_tasks_every_seconds": 0.5,
}


class Trio:
    """A master and two more, each a server that keeps all that it acknowledges, or a proxy before one."""

    def __init__(self, own_server: Callable[..., RedisServer], namespace: str) -> None:
        self.servers = [own_server(appendonly="yes", appendfsync="always") for _ in range(3)]
        self.namespace = namespace
        self.names = [f"p{n}" for n in range(3)]
        self._home = homes(self.names)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, tb)

    @property
    def lost(self) -> RedisServer:
        """The server of the partition that goes away, the last one."""
        return self.servers[2]

    def urls(self, proxies: Sequence[Proxy | None] = (None, None, None)) -> list[str]:
        """The URL of each partition, past a server through its proxy."""
        return [
            f"{server.url if proxy is None else proxy.url}?name={name}"
            for server, proxy, name in zip(self.servers, proxies, self.names, strict=True)
        ]

    async def scheduler(self, proxies: Sequence[Proxy | None] = (None, None, None), **options: Any) -> Scheduler:
        """A scheduler that accepts tasks, closed in the end."""
        made = Scheduler.from_url(*self.urls(proxies), namespace=self.namespace, **{**QUICK, **options})
        return await self._stack.enter_async_context(made)

    def ids(self, prefix: str, home: int = 2) -> Iterator[str]:
        """Ids that belong to a partition, by default to the one that goes away."""
        n = 0
        while True:
            if self._home(f"{prefix}{n}".encode()) == home:
                yield f"{prefix}{n}"
            n += 1

    def some(self, prefix: str, count: int, home: int = 2) -> list[str]:
        """So many of them."""
        ids = self.ids(prefix, home)
        return [next(ids) for _ in range(count)]

    def waiting(self) -> int:
        """How many hints wait on the master for the partition that goes away."""
        with self.servers[0].client() as client:
            return int(client.zcard(f"{{{self.namespace}:p0}}:hint-order:p2"))


def state(scheduler: Scheduler, partition: int = 2) -> str:
    """What a scheduler holds of a partition."""
    return scheduler._lifespan.require().partitions.all[partition].state


async def gone(*schedulers: Scheduler) -> None:
    """Wait until the schedulers know that the partition is offline."""
    await until(lambda: all(state(scheduler) == "offline" for scheduler in schedulers))


async def back(*schedulers: Scheduler) -> None:
    """Wait until the partition is online for the schedulers."""
    await until(lambda: all(state(scheduler) == "online" for scheduler in schedulers))

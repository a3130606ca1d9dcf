"""Calls of a scheduler on two servers that are cut off anywhere, and then repeated until they pass."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Self

from interval_scheduler import Scheduler, StorageError
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.interrupting import interrupt
from tests.proxy import Proxy, nth
from tests.servers import RedisServer

Call = Callable[[], Coroutine[Any, Any, object]]


class Cutting:
    """A scheduler behind proxies, and its troubles.

    Args:
        proxies: what it reaches its servers through.
        scheduler: the scheduler.
        lost: the scripts of which a reply may be lost.
        seed: where the dice begin.
    """

    def __init__(
        self, proxies: Sequence[Proxy], scheduler: Scheduler, lost: Sequence[scripts.Script], seed: int
    ) -> None:
        self._proxies = proxies
        self._lost = [script.sha.encode() for script in lost]
        self._dice = random.Random(seed)
        self.scheduler = scheduler
        #: How many calls were cut off, and how often calls were repeated.
        self.cut_off = self.repeated = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def of(
        cls, servers: Sequence[RedisServer], namespace: str, lost: Sequence[scripts.Script], seed: int
    ) -> AsyncIterator[Self]:
        """Connect one to some servers."""
        for server in servers:
            with server.client() as client:
                for script in scripts.ALL:
                    client.script_load(script.text)  # or the reply that is dropped would be NOSCRIPT
        async with contextlib.AsyncExitStack() as stack:
            proxies = [await stack.enter_async_context(Proxy(server.port)) for server in servers]
            scheduler = Scheduler.from_url(
                *[f"{proxy.url}?name=p{n}" for n, proxy in enumerate(proxies)],
                namespace=namespace,
                reconnect_interval_seconds=0.01,
                operation_timeout_seconds=5,
            )
            yield cls(proxies, await stack.enter_async_context(scheduler), lost, seed)

    async def once(self, call: Call) -> None:
        """Make a call that is cancelled, whose connections are cut, or that loses a reply; it may pass all the same."""
        dice = self._dice
        with contextlib.suppress(StorageError):  # that is what the trouble is for
            trouble = dice.choice(["cancel", "cut", "drop"])
            if trouble == "cancel":
                self.cut_off += await interrupt(call(), dice.randrange(10))
            elif trouble == "cut":
                making = asyncio.ensure_future(call())
                await asyncio.sleep(dice.uniform(0, 0.005))  # a random moment of the call is the point
                self.cut_off += not making.done()
                dice.choice(self._proxies).cut()
                await making
            else:
                for proxy in self._proxies:
                    proxy.drop_reply = nth(dice.choice(self._lost), dice.randrange(2))
                await call()
        self.cut_off += any(proxy.dropped for proxy in self._proxies)
        for proxy in self._proxies:
            proxy.drop_reply, proxy.dropped = lambda _: False, 0

    async def surely(self, call: Call) -> None:
        """Make a call until it passes."""
        while True:
            self.repeated += 1
            try:
                await call()
            except StorageError:
                await asyncio.sleep(0.002)  # a partition may still be away, of which nothing tells here
            else:
                return

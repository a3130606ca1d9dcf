"""The connection of a subscription goes back to the pool, however it ends."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from interval_scheduler import RedisInstance, StorageOptions
from interval_scheduler.storage.connection.client import open_client
from interval_scheduler.storage.connection.subscription import Subscription
from interval_scheduler.support.finishing import to_its_end
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("turns", range(4))
async def test_its_last_listener_leaves_while_it_ends(redis_server: RedisServer, turns: int) -> None:
    async with Proxy(redis_server.port) as proxy:
        client = open_client(RedisInstance.from_url(proxy.url), StorageOptions())
        in_use = client.connection_pool._in_use_connections
        heard: list[bytes] = []
        for _ in range(5):
            heard.clear()
            subscription = Subscription(client, 5)
            listener = asyncio.create_task(subscription.hear(b"here", heard.append))
            while not heard:
                await client.publish("here", "message")
                await asyncio.sleep(0.01)  # nothing tells when it has subscribed
            hearing = subscription._hearing
            assert hearing is not None
            proxy.cut()
            while not hearing.is_over:  # noqa: ASYNC110 - the very turn of the event loop counts
                await asyncio.sleep(0)  # one turn
            for _ in range(turns):
                await asyncio.sleep(0)  # the turn at which it is cancelled counts
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # both are ends of a listener
                await listener
        await until(lambda: not in_use)
        await client.aclose()


async def test_work_goes_on_to_its_end_through_any_number_of_cancels() -> None:
    go_on, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.set()

    caller = asyncio.create_task(to_its_end(work()))
    for _ in range(3):
        await asyncio.sleep(0)  # the work goes on by one turn between the cancels
        caller.cancel()
    await asyncio.sleep(0)  # the last cancel arrives
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done.is_set()


async def test_the_result_and_the_error_of_work_that_is_done_to_its_end() -> None:
    async def work(*, fails: bool) -> int:
        await asyncio.sleep(0)  # not done at once
        if fails:
            raise LookupError("nothing there")
        return 7

    assert await to_its_end(work(fails=False)) == 7
    with pytest.raises(LookupError, match="nothing there"):
        await to_its_end(work(fails=True))

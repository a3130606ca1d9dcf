"""What many readers cost, and how they share what is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.dashboard.look import Look
from interval_scheduler.dashboard.pages import overview
from interval_scheduler.dashboard.sharing import Shared
from tests.dashboard.acting import use_page
from tests.dashboard.conftest import reader_of
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio


async def test_a_hundred_readers_cost_as_much_as_one(
    own_server: Callable[..., RedisServer], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_server()
    begun, gate = asyncio.Event(), asyncio.Event()

    async def read(look: Look) -> Any:
        begun.set()
        await gate.wait()
        return await overview.PAGE.read(look)

    def calls() -> int:
        with server.client() as client:
            stats: Any = client.info("commandstats")
        return sum(each["calls"] for name, each in stats.items() if name not in _OF_THE_TEST)

    use_page(monkeypatch, read)
    # It tells nothing of itself by the way, which would be counted.
    async with Scheduler.from_url(server.url, namespace=namespace, statistics=False) as scheduler:
        costs = []
        for count in (1, 100):
            async with reader_of(scheduler) as reader:
                begun.clear()
                gate.clear()
                before = calls()
                asked = [asyncio.create_task(reader.get("/")) for _ in range(count)]
                await begun.wait()
                await asyncio.sleep(0)  # those that have been started ask now
                gate.set()
                assert {(await each).status_code for each in asked} == {200}
                costs.append(calls() - before)
    assert costs[0] >= 2
    assert costs[1] <= 1.2 * costs[0]


#: What the test itself asks, and what the connections of a scheduler say when they begin or while they rest.
_OF_THE_TEST = {"cmdstat_info", "cmdstat_ping", "cmdstat_hello", "cmdstat_client|setinfo", "cmdstat_select"}


async def test_views_are_shared_by_those_who_may_see_the_same() -> None:
    shared: Shared[int] = Shared(60)
    read = 0

    async def value() -> int:
        nonlocal read
        read += 1
        return read

    assert [await shared.get(key, value) for key in ("a", "a", "b")] == [1, 1, 2]
    shared.forget()
    assert await shared.get("a", value) == 3
    short: Shared[int] = Shared(0)
    assert [await short.get("a", value), await short.get("a", value)] == [4, 5]


async def test_errors_are_shared_and_not_kept() -> None:
    shared: Shared[int] = Shared(60)
    asked: asyncio.Queue[None] = asyncio.Queue()
    gate = asyncio.Event()

    async def fails() -> int:
        asked.put_nowait(None)
        await gate.wait()
        raise PartitionOffline("a:1/0")

    async def works() -> int:
        return 7

    both = [asyncio.create_task(shared.get("a", fails)) for _ in range(2)]
    await asked.get()
    gate.set()
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(each) for each in results] == [PartitionOffline, PartitionOffline]
    assert asked.empty()
    assert await shared.get("a", works) == 7


async def test_who_is_cancelled_harms_nobody_else() -> None:
    shared: Shared[int] = Shared(60)
    gate, ended = asyncio.Event(), asyncio.Event()

    async def waits() -> int:
        try:
            await gate.wait()
        finally:
            ended.set()
        return 7

    async def works() -> int:
        return 8

    first, second = (asyncio.create_task(shared.get("a", waits)) for _ in range(2))
    await asyncio.sleep(0)  # both ask now
    first.cancel()
    await asyncio.wait([first])
    gate.set()
    assert await second == 7
    shared.forget()
    gate.clear()
    ended.clear()
    last = asyncio.create_task(shared.get("a", waits))
    await asyncio.sleep(0)  # it asks now
    await asyncio.sleep(0)  # and reads
    last.cancel()
    await asyncio.wait([last])
    assert await shared.get("a", works) == 8, "nobody joins a reading that is given up"
    await until(ended.is_set)


async def test_what_is_read_while_all_is_forgotten_is_not_kept() -> None:
    shared: Shared[int] = Shared(60)
    gate, value = asyncio.Event(), 1

    async def reads() -> int:
        found = value
        await gate.wait()
        return found

    first = asyncio.create_task(shared.get("a", reads))
    await asyncio.sleep(0)  # it asks now
    await asyncio.sleep(0)  # and reads
    value = 2
    shared.forget()
    gate.set()
    assert await first == 1
    assert await shared.get("a", reads) == 2


async def test_few_values_are_kept() -> None:
    shared: Shared[int] = Shared(60)

    async def value() -> int:
        return 1

    for key in range(300):
        await shared.get(key, value)
    assert len(shared._readings) == 256


async def test_a_page_that_has_not_changed_is_not_sent_again(scheduler: Scheduler) -> None:
    async with reader_of(scheduler) as reader:
        first = again = await reader.get("/")

        async def is_known() -> bool:  # a page is read anew after two seconds, and may have changed
            nonlocal first, again
            first = await reader.get("/")
            again = await reader.get("/", headers={"If-None-Match": first.headers["etag"]})
            return again.status_code == 304

        await until(is_known, 60)
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
        await scheduler.assign_task(IntervalTask("one", every=60))

        async def is_sent() -> bool:
            answer = await reader.get("/", headers={"If-None-Match": first.headers["etag"]})
            return answer.status_code == 200 and answer.headers["etag"] != first.headers["etag"]

        await until(is_sent, 60)

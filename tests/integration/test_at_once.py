"""A call that concerns all partitions asks them at the same time, so that it takes as long as the slowest of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.support.at_once import at_once
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]

CALLS: dict[str, tuple[bytes, Callable[[Scheduler], Awaitable[Any]]]] = {
    "task_size": (b"EVALSHA", lambda scheduler: scheduler.task_size()),
    "queue_size": (b"EVALSHA", lambda scheduler: scheduler.queue_size()),
    "count_tasks": (b"EVALSHA", lambda scheduler: scheduler.count_tasks(prefix="t")),
    "pause_tasks": (b"EVALSHA", lambda scheduler: scheduler.pause_tasks(prefix="t")),
    "resume_tasks": (b"EVALSHA", lambda scheduler: scheduler.resume_tasks(prefix="t")),
    "clear_tasks": (b"EVALSHA", lambda scheduler: scheduler.clear_tasks(prefix="t")),
    "clear_all_tasks": (b"EVALSHA", lambda scheduler: scheduler.clear_all_tasks()),
    "clear_dead_tasks": (b"EVALSHA", lambda scheduler: scheduler.clear_dead_tasks()),
    "failing_page": (b"EVALSHA", lambda scheduler: scheduler.failing_page()),
    "pause": (b"EVALSHA", lambda scheduler: scheduler.pause()),
    "audit": (b"EVALSHA", lambda scheduler: scheduler.audit()),
    "check_health": (b"INFO", lambda scheduler: scheduler.check_health()),
    "acknowledge_data_loss": (b"HGETALL", lambda scheduler: scheduler.acknowledge_data_loss()),
}


@pytest_asyncio.fixture
async def proxies(own_server: NewServer) -> AsyncIterator[list[Proxy]]:
    async with Proxy(own_server().port) as first, Proxy(own_server().port) as second, Proxy(own_server().port) as third:
        yield [first, second, third]


@pytest.mark.parametrize("name", CALLS)
async def test_all_partitions_are_asked_at_once(proxies: list[Proxy], namespace: str, name: str) -> None:
    marker, call = CALLS[name]
    async with Scheduler.from_url(*[proxy.url for proxy in proxies], namespace=namespace) as scheduler:
        # Some calls on a namespace ask its master for the queues first; those on a queue do not.
        queue = scheduler.queue("mail")
        await queue.assign_tasks([IntervalTask(f"t{n}", start=2e9) for n in range(30)])
        passing = asyncio.Event()
        for proxy in proxies:
            proxy.hold(marker, passing)
        calling = asyncio.ensure_future(call(queue))
        await until(lambda: all(proxy.held >= 1 for proxy in proxies))
        passing.set()
        await calling


async def test_one_that_is_lost_ends_the_walks_over_the_others(proxies: list[Proxy], namespace: str) -> None:
    urls = [proxy.url for proxy in proxies]
    async with Scheduler.from_url(*urls, namespace=namespace, operation_timeout_seconds=5) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=2e9) for n in range(30)])
        proxies[1].swallowing = True
        looked: list[tuple[int, int]] = []
        with pytest.raises(PartitionOffline):
            await scheduler.count_tasks(prefix="t", progress=lambda *step: looked.append(step))
        assert len(looked) == 2, "the others were walked over meanwhile"
        proxies[1].swallowing = False


async def test_results_come_in_order() -> None:
    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)  # the later ones are done first
        return seconds

    assert await at_once(after(seconds) for seconds in (0.02, 0.01, 0.0)) == [0.02, 0.01, 0.0]
    assert await at_once([]) == []


async def test_none_is_left_behind() -> None:
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def fail() -> None:
        await asyncio.sleep(0)  # after the others have begun
        raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        await at_once([wait("a"), fail(), wait("b")])
    assert ended == ["a", "b"]
    calling = asyncio.create_task(at_once([wait("c"), wait("d")]))
    await asyncio.sleep(0)  # it begins its calls in this turn of the event loop
    await asyncio.sleep(0)  # and these begin to wait in the next
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert sorted(ended[2:]) == ["c", "d"]

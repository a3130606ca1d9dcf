"""Calls on single tasks beside bulk calls: what was handed over before keeps its order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from interval_scheduler import IntervalTask, InvalidValue, Scheduler
from tests.proxy import Proxy
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000


@pytest.mark.parametrize("is_lossy", [False, True])
async def test_a_single_call_comes_behind_what_was_handed_over(
    redis_server: RedisServer,
    namespace: str,
    is_lossy: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Whoever makes the single call has seen the task go from the iterable to the bulk call."""
    async with Proxy(redis_server.port) as proxy, Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", "old", start=FAR) for n in range(20)])
        singles: list[asyncio.Task[bool]] = []

        async def tasks() -> AsyncIterator[IntervalTask]:
            for n in range(20):
                if is_lossy and n % 7 == 3:
                    proxy.drop_next(b"EVALSHA")
                yield IntervalTask(f"t{n}", "bulk", start=FAR)
                if n % 2:
                    singles.append(asyncio.create_task(scheduler.remove_task(f"t{n}")))
                else:
                    singles.append(
                        asyncio.create_task(scheduler.assign_task(IntervalTask(f"t{n}", "single", start=FAR)))
                    )
                await asyncio.sleep(0)  # the single calls go beside the bulk call

        counts = await scheduler.assign_tasks(tasks())
        assert (counts.assigned, counts.updated) == (0, 20)
        assert await asyncio.gather(*singles) == [n % 2 == 1 for n in range(20)]
        assert {task.id: task.data async for task in scheduler.tasks()} == {f"t{n}": "single" for n in range(0, 20, 2)}
        removing = scheduler.remove_tasks(f"t{n}" for n in range(0, 20, 2))
        again = [scheduler.assign_task(IntervalTask(f"t{n}", "again", start=FAR)) for n in range(0, 20, 2)]
        removed, *_ = await asyncio.gather(removing, *again)
        assert removed == 10
        assert {task.data async for task in scheduler.tasks()} == {"again"}


async def test_a_task_that_is_refused_leaves_nothing_under_way(redis_server: RedisServer, namespace: str) -> None:
    """What was handed over before is carried out when the error is raised, and nothing goes on behind it."""
    over = IntervalTask("over", every=60, until=1_000_000_000)
    read = 0

    def tasks() -> Iterator[IntervalTask]:
        nonlocal read
        yield over
        for read in range(1, 2_001):
            yield IntervalTask(f"t{read}", start=FAR)

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        with pytest.raises(InvalidValue, match="never run"):
            await scheduler.assign_tasks(tasks())
        assert await scheduler.task_size() == read

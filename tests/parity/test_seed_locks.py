"""The README of the npm original: locking task execution."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Lock, Scheduler, current_run
from interval_scheduler.storage.scripts.keys import Keys
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


async def test_locking_task_execution_auto_released(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    outcomes: list[bool] = []

    async def executor(_: str) -> None:
        task_id = current_run().id
        outcomes.append(await one.try_auto_lock(task_id, 5))
        outcomes.append(await other.try_auto_lock(task_id, 5))

    await one.assign_task(IntervalTask("user:1", every=60))
    await one.start_task_execute(executor)
    await until(lambda: len(outcomes) == 2)
    assert outcomes == [True, False]
    await until(lambda: other.try_auto_lock("user:1", 60), 60)  # nobody released it
    assert await one.try_auto_lock("user:2", 60), "a lock concerns its own name only"


async def test_locking_task_execution_manually_released(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    locks: list[Lock | None] = []

    async def executor(_: str) -> None:
        locks.append(await one.try_lock(current_run().id))

    await one.assign_task(IntervalTask("user:1", every=60))
    await one.start_task_execute(executor)
    await until(lambda: locks)
    held = locks[0]
    assert held is not None
    assert await other.try_lock("user:1") is None
    assert await other.unlock(held) is True
    assert await one.unlock(held) is False, "it is released already"
    assert await other.try_lock("user:1") is not None


async def test_a_lock_that_nobody_releases_is_released_in_24_hours(redis_server: RedisServer, namespace: str) -> None:
    day_ms = 24 * 3600 * 1000
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        assert await scheduler.try_lock("by hand")
        assert await scheduler.try_auto_lock("by itself", 60)
    keys = Keys(namespace, f"127.0.0.1:{redis_server.port}/0")
    with redis_server.client() as client:
        left: Any = client.pttl(keys.lock(b"by hand"))
        assert day_ms - 30_000 < left <= day_ms
        left = client.pttl(keys.lock(b"by itself"))
        assert 30_000 < left <= 60_000

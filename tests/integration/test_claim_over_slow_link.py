"""At most once over a link that carries a heavy claim more slowly than its sender waits: it comes in parts."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
SIZE: Final = 64 << 10
COUNT: Final = 24


async def test_what_was_taken_comes_in_parts_and_each_task_runs_once(redis_server: RedisServer, namespace: str) -> None:
    started: Counter[str] = Counter()
    leased: Counter[str] = Counter()

    async def executor(data: str) -> None:
        assert len(data) == SIZE
        (leased if current_run().is_leased else started)[current_run().id] += 1

    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(f"{redis_server.url}?name=p", namespace=namespace) as near,
        Scheduler.from_url(
            f"{proxy.url}?name=p", namespace=namespace, delivery="at-most-once", operation_timeout_seconds=0.5
        ) as far,
    ):
        await near.assign_tasks([IntervalTask(f"t{n:02}", "x" * SIZE) for n in range(COUNT)])
        await near.assign_tasks([IntervalTask(f"leased{n}", "x" * SIZE, retries=1) for n in range(3)])
        proxy.rate = 300_000  # the first claim brings 512 KiB
        await far.start_task_execute(executor)
        await until(lambda: len(started) == COUNT and len(leased) == 3, 120)
        assert (set(started.values()), set(leased.values())) == ({1}, {1})
        assert (await near.task_size(), [task async for task in near.dead_tasks()]) == (0, [])

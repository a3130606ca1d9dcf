"""Very many tasks are removed while they run: the leases of the others are renewed in time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import pytest

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

_LEASE_SECONDS: Final = 6.0


async def test_others_keep_their_leases(redis_server: RedisServer, namespace: str) -> None:
    begun: Counter[str] = Counter()
    cut: Counter[str] = Counter()
    end = asyncio.Event()

    async def executor(_: str) -> None:
        name = current_run().id
        begun[name] += 1
        try:
            await end.wait()
        except asyncio.CancelledError:
            cut[name] += 1
            raise

    removed, staying = [f"removed{n}" for n in range(300)], [f"staying{n}" for n in range(20)]
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(
            proxy.url, namespace=namespace, lease_seconds=_LEASE_SECONDS, concurrency=400, prefetch=0
        ) as scheduler,
    ):
        await scheduler.assign_tasks(IntervalTask(name) for name in removed + staying)
        await scheduler.start_task_execute(executor)
        await until(lambda: len(begun) == 320)
        proxy.delay = lambda: 0.02  # a round trip of 40 ms: to look 300 tasks up one by one takes two leases
        await scheduler.remove_tasks(removed)
        await asyncio.sleep(1.5 * _LEASE_SECONDS)  # the time in which leases that are not renewed end
        assert cut == {}
        assert set(begun.values()) == {1}
        end.set()

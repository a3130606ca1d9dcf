"""Rates and bounds while workers are killed and replies get lost: there may be fewer starts, and never more."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Rate, Scheduler, current_run
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often
from tests.faults.measuring import most_within
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.proxy import Proxy, nth
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: The scripts whose replies get lost here.
LOST = (scripts.PUT_QUOTAS, scripts.QUOTAS, scripts.NOTE_BACKLOGS, scripts.TAKE_TOKENS, scripts.CLAIM, scripts.RELEASE)
#: A run starts so long after its claim at the latest, or after its tokens were asked for.
WINDOW_SECONDS = 1.0


async def test_killed_workers_never_make_a_rate_faster(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    rate, options = Rate(60, burst=6), {"lease_seconds": 1, "check_tasks_every_seconds": 1, "concurrency": 20}
    count = often(120, 600)

    async def is_empty() -> bool:
        return await scheduler.task_size() == 0

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.set_rate(rate)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", group="g") for n in range(count)])
        for _ in range(3):
            with Worker(redis_server.url, namespace, ledger, "sleep:0.05", **options) as worker:
                await asyncio.sleep(random.uniform(0.2, 0.5))  # a random moment of the worker's life is the point
                worker.kill()
        with Worker(redis_server.url, namespace, ledger, "sleep:0", **options) as worker:
            await until(is_empty, 60)
            assert worker.terminate() == 0
    starts = [entry for entry in read_ledger(ledger) if entry.event == "start"]
    assert {entry.id for entry in starts} == {f"t{n}" for n in range(count)}, "lost"
    # The ledger has the time of the start, which may be up to a second after that of the claim.
    assert most_within([entry.moment for entry in starts], 1) <= rate.burst + rate.count * (1 + WINDOW_SECONDS)
    with redis_server.client() as client:
        check_key_space(client, namespace)


@pytest.mark.parametrize("script", LOST, ids=[script.name for script in LOST])
@pytest.mark.parametrize("partitions", [1, 2])
async def test_lost_replies_never_make_a_rate_faster(
    own_server: Callable[..., RedisServer], namespace: str, script: scripts.Script, partitions: int
) -> None:
    """The k-th reply is thrown away, and the connection cut; what was set holds, and all tasks run, each once."""
    servers = [own_server() for _ in range(partitions)]
    runs: Counter[str] = Counter()
    running: Counter[str] = Counter()
    moments: list[float] = []
    most = 0

    async def executor(group: str) -> None:
        nonlocal most
        runs[current_run().id] += 1
        moments.append(time.monotonic())
        running[group] += 1
        most = max(most, running["g"])
        await asyncio.sleep(0.02)  # so that runs of a group can overlap
        running[group] -= 1

    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for server in servers]
        for server in servers:
            with server.client() as client:
                for each in scripts.ALL:
                    client.script_load(each.text)  # or the reply that is dropped would be NOSCRIPT
        urls = [f"{proxy.url}?name=p{n}" for n, proxy in enumerate(proxies)]
        scheduler = Scheduler.from_url(*urls, namespace=namespace, operation_timeout_seconds=20, lease_seconds=60)
        with contextlib.suppress(PartitionOffline):  # a reply of the start may be dropped too; the block connects
            await scheduler.connect()
        async with scheduler:
            for proxy in proxies:
                proxy.drop_reply = nth(script.sha.encode(), random.randrange(2))
            await scheduler.set_rate(Rate(100, burst=10))
            await scheduler.set_rate(Rate(20, burst=2), group="g")
            await scheduler.set_group_concurrency({"g": 2})
            assert await scheduler.get_rate() == Rate(100, burst=10)
            assert await scheduler.get_rate(group="g") == Rate(20, burst=2)
            assert await scheduler.get_group_concurrency() == {"g": 2}
            await scheduler.assign_tasks([IntervalTask(f"{{g}}:{n}", "g", group="g") for n in range(20)])
            await scheduler.assign_tasks([IntervalTask(f"t{n}", "none") for n in range(100)])
            began = time.monotonic()
            await scheduler.start_task_execute(executor)
            await until(lambda: len(runs) >= 60)
            await scheduler.stop_task_execute()
            await scheduler.start_task_execute(executor)
            await until(lambda: len(runs) == 120, 60)
            assert time.monotonic() - began >= 1.09
            await scheduler.stop_task_execute()
            assert await scheduler.task_size() == 0
            await scheduler.set_rate(None)
            assert (await scheduler.audit()).ok
    assert set(runs.values()) == {1}
    assert most <= 2
    assert most_within(moments, 0.5) <= 10 + 100 * (0.5 + WINDOW_SECONDS)
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)

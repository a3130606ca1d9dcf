"""A backlog of groups while their limit changes: row 32."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from interval_scheduler import IntervalTask, Scheduler, current_run
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import FULL, often, tell, unless_full
from tests.faults.measuring import is_empty, percentile
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio

#: A few scripts may be slower: other programs take the processor away in the middle. On a quiet machine, none is.
BOUND_MS = often(25, 5)


class Work:
    """An executor that counts the runs of each task, and of each group at once."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, group: str) -> None:
        self.runs[current_run().id] += 1
        self.running[group] += 1
        self.most[group] = max(self.most[group], self.running[group])
        try:
            await self.gate.wait()
            await asyncio.sleep(0.005)  # so that runs of a group can overlap
        finally:
            self.running[group] -= 1


def slowest(client: redis.Redis) -> list[float]:
    """The times of the slowest scripts in ms, the longest first."""
    entries: list[dict[str, Any]] = client.slowlog_get(1000)
    return sorted((each["duration"] / 1000 for each in entries if each["command"].startswith(b"EVAL")), reverse=True)


def name_of_slowest(client: redis.Redis) -> str:
    """The name of the script that took longest."""
    names = {script.sha.encode(): script.name for script in scripts.ALL}
    entries = [each for each in client.slowlog_get(1000) if each["command"].startswith(b"EVALSHA")]
    longest = max(entries, key=lambda each: each["duration"], default=None)
    return "none" if longest is None else names.get(longest["command"].split()[1], "another")


@asynccontextmanager
async def executing(url: str, namespace: str, work: Work, limit: int | None) -> AsyncIterator[Scheduler]:
    """One scheduler of a deploy, with its limit."""
    async with Scheduler.from_url(
        url, namespace=namespace, group_concurrency=limit, concurrency=500, prefetch=200, drain_seconds=5
    ) as scheduler:
        await scheduler.start_task_execute(work)
        yield scheduler
        await scheduler.stop_task_execute()


@pytest.mark.parametrize(("before", "after"), [(1, 20), (20, 1), (1, None)], ids=["raised", "lowered", "dropped"])
async def test_a_rolling_change_of_the_limit(
    own_server: Callable[..., RedisServer], namespace: str, before: int, after: int | None
) -> None:
    """Row 32: very many parked tasks, a scheduler of the new deploy beside one of the old; then the new one alone."""
    # So few groups that their runs do not fill the scheduler: it would park nothing more.
    groups, count = often(20, 400) if before == 1 else 20, often(2_000, 250_000)
    server, work = own_server(), Work()
    work.gate.clear()
    past = time.time() - 60
    tasks = (IntervalTask(f"{n}", f"g{n % groups}", start=past, group=f"g{n % groups}") for n in range(count))
    with server.client() as client:
        client.config_set("slowlog-log-slower-than", 1000)
        client.config_set("slowlog-max-len", 1000)

        async def all_parked() -> bool:
            held = before * groups
            return int(client.zcard(parked_key)) == count - held and sum(work.running.values()) == held

        async with Scheduler.from_url(server.url, namespace=namespace) as assigning:
            await assigning.assign_tasks(tasks)
            parked_key = next(key for key in client.keys("*:tasks")).replace(b":tasks", b":group:parked")
            async with executing(server.url, namespace, work, before):
                await until(all_parked, often(60, 240))
                client.slowlog_reset()
                async with executing(server.url, namespace, work, after):
                    work.gate.set()
                    await until(lambda: len(work.runs) > count // 3, often(60, 300))
            async with executing(server.url, namespace, work, after):
                await until(lambda: is_empty(assigning), often(60, 300))
        check_key_space(client, namespace)
        slow, worst = slowest(client), name_of_slowest(client)
    widest = max(before, after or count)
    over = max(work.most.values()) - widest
    lost, again = count - len(work.runs), sum(work.runs.values()) - len(work.runs)
    above = sum(each > BOUND_MS for each in slow)
    # Other programs may hold up some: half of those that took a millisecond count.
    most_above = 3 if FULL else max(3, len(slow) // 2)
    tell(
        32,
        f"parked tasks of {groups} groups, and their limit goes from {before} to {after or 'none'}, in one scheduler "
        "after the other",
        count=f"{count:,} tasks",
        expected=f"scripts above {BOUND_MS} ms: {most_above} at most, when the machine takes the processor from Redis; "
        "lost 0; runs of a group beyond the wider of both limits 0",
        figure=f"slowest script {next(iter(slow), 1.0):.1f} ms ({worst}), {above} above {BOUND_MS} ms, median of those "
        f"above 1 ms {percentile(slow, 0.5):.1f} ms; lost {lost}, run again {again}; most runs of a group "
        f"{max(work.most.values())}",
        holds=above <= most_above and lost == 0 and over <= 0,
    )


async def test_a_backlog_of_one_group_delays_nobody(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """Row 32: the runs of one tenant fill its limit, very many of its tasks are due; then one of another tenant."""
    count = often(2_000, 20_000)
    server, started = own_server(), asyncio.Event()

    async def executor(group: str) -> None:
        if group == "small":
            started.set()
        else:
            await asyncio.Event().wait()

    async with Scheduler.from_url(
        server.url, namespace=namespace, group_concurrency=2, concurrency=4, prefetch=1000
    ) as scheduler:
        past = time.time() - 60
        await scheduler.assign_tasks(IntervalTask(f"big:{n}", "big", start=past, group="big") for n in range(count))
        await scheduler.assign_task(IntervalTask("small", "small", group="small"))
        with server.client() as client:
            client.config_set("slowlog-log-slower-than", 1000)
            began = time.monotonic()
            async with heartbeat() as beat:
                await scheduler.start_task_execute(executor)
                await asyncio.wait_for(started.wait(), 60)
            took = time.monotonic() - began
            slow = slowest(client)
        await scheduler.stop_task_execute(drain_seconds=0)
    most = often(5, 1)
    tell(
        32,
        "tasks of one group due before one of another, with four places of which the group has two",
        count=f"{count:,} tasks",
        expected=f"the other starts within {most} s",
        figure=f"{took:.2f} s; slowest script {next(iter(slow), 1.0):.1f} ms",
        holds=took <= most + unless_full(beat.longest),
    )

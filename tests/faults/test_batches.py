"""Workers are killed in the middle of batches, some of whose runs fail by themselves."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell
from tests.faults.killing import Fleet
from tests.faults.measuring import ended, is_empty, not_after_a_kill, starts_of
from tests.integration.processes import Entry, Worker, check_key_space, read_ledger
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
#: Of those that are killed. Who lives on loses no lease, however slow the machine is.
OPTIONS = {"lease_seconds": 1.5, "check_tasks_every_seconds": 0.3, "concurrency": 3, "batch": 25}


def in_the_middle(entries: list[Entry], pid: int) -> int:
    """How many runs of a process were begun and not ended."""
    noted = Counter(entry.event == "start" for entry in entries if entry.pid == pid)
    return noted[True] - noted[False]


async def assign_until_in_the_middle(worker: Worker, ledger: Path, assign: Callable[[], Awaitable[object]]) -> None:
    """Assign tasks, and more of them while the others are faster, until a worker has begun some and not ended them."""
    for _ in range(50):
        await assign()
        with contextlib.suppress(AssertionError):  # all were ended: more are assigned
            await until(lambda: in_the_middle(read_ledger(ledger), worker.pid) > 0, 1)
            return
    raise AssertionError("the others take all")


async def test_killed_in_the_middle_of_batches(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """At least once: all runs of a batch come again; those that its executor names fail, and no others."""
    kills, each_time, ledger = often(2, 60), 120, tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, **OPTIONS)
    good, bad = list[str](), list[str]()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:

        async def assign() -> None:
            more = [IntervalTask(f"good{len(good) + n}") for n in range(each_time)]
            some = [IntervalTask(f"bad{len(bad) + n}", "bad", retries=1, backoff=0.05) for n in range(each_time // 6)]
            good.extend(task.id for task in more)
            bad.extend(task.id for task in some)
            await scheduler.assign_tasks([*more, *some])

        async with fleet.worker("failing:0.02", lease_seconds=60) as survivor:
            for _ in range(kills):
                async with fleet.worker("failing:0.1") as victim:
                    await assign_until_in_the_middle(victim, ledger, assign)
                    await fleet.kill_soon(victim, 0.05)
            await until(lambda: is_empty(scheduler), 60)
            await fleet.end(survivor)
        dead = {task.id async for task in scheduler.dead_tasks()}
        is_well = (await scheduler.audit()).ok
    entries = read_ledger(ledger)
    lost = len(set(good) - ended(entries)) + len(set(bad) ^ dead)
    cut_short = sum(in_the_middle(entries, pid) for pid in fleet.killed)
    # A run that fails is tried again once, by anybody.
    starts = starts_of(entry for entry in entries if entry.id.startswith("good"))
    failed = Counter(entry.id for entry in entries if entry.event == "failed" and entry.pid not in fleet.killed)
    unexplained = not_after_a_kill(starts, fleet.killed)
    most_failed = max(failed.values())
    twice = sum(count > 1 for count in Counter(entry.id for entry in entries if entry.event == "end").values())
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        "batches",
        "workers are killed (SIGKILL) in the middle of batches of 25, some of whose runs fail (BatchFailed)",
        count=f"{kills} kills, {cut_short} runs cut short, {len(good):,} one-shots and {len(bad):,} that fail",
        expected="lost 0; those that fail are dead after 2 failures, and no others; every second run follows a kill",
        figure=f"lost or wrongly dead {lost}; failures of one {most_failed} at the most; second runs "
        f"{sum(len(runs) - 1 for runs in starts.values())}, of these not after a kill {unexplained}, of these that had "
        f"come to their end {twice}",
        holds=(lost, unexplained, is_well) == (0, 0, True) and most_failed <= 2 and cut_short > 0,
    )


async def test_at_most_once_in_batches(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """At most once: no run comes twice, and what is lost was in the hands of those that were killed."""
    kills, each_time, ledger = often(1, 60), 200, tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, **OPTIONS, delivery="at-most-once", prefetch=0)
    count = 0
    async with (
        Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
        fleet.worker("sleep:0.02") as survivor,
    ):

        async def assign() -> None:
            nonlocal count
            await scheduler.assign_tasks([IntervalTask(f"t{count + n}") for n in range(each_time)])
            count += each_time

        for _ in range(kills):
            async with fleet.worker("sleep:0.1") as victim:
                await assign_until_in_the_middle(victim, ledger, assign)
                await fleet.kill_soon(victim, 0.05)
        await until(lambda: is_empty(scheduler), 60)
        await fleet.end(survivor)
    entries = read_ledger(ledger)
    starts = starts_of(entries)
    doubled = sum(len(runs) - 1 for runs in starts.values())
    lost = count - len(ended(entries))
    most = kills * OPTIONS["batch"] * (OPTIONS["concurrency"] + 1)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        "batches",
        "workers are killed (SIGKILL) in the middle of batches of 25, at most once",
        count=f"{kills} kills, {count:,} one-shots",
        expected="doubled 0; lost are no more than the killed ones held",
        figure=f"doubled {doubled}; lost {lost} of {most} that may have been held",
        holds=doubled == 0 and lost <= most,
    )

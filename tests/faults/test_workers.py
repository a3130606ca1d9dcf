"""Worker processes that crash, freeze, block or die of a task: rows 1, 3, 22 and 23."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell, unless_full
from tests.faults.killing import Fleet
from tests.faults.measuring import ended, is_empty, percentile, starts_of
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio
LEASE, LOOK = 1.5, 1.0


async def test_crash(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 1: one worker lives on, others are killed at random moments."""
    kills, concurrency = often(3, 200), 10
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": LEASE, "concurrency": concurrency, "check_tasks_every_seconds": LOOK}
    # It loses no lease, however slow the machine is.
    with_room = options | {"concurrency": 5 * concurrency, "lease_seconds": 60}
    ids: list[str] = []
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        fleet = Fleet(redis_server.url, namespace, ledger, **options)
        async with fleet.worker("sleep:0.05", **with_room) as survivor, heartbeat() as beat:
            for _ in range(kills):
                more = [f"t{len(ids) + n}" for n in range(120)]
                ids += more
                async with fleet.worker("sleep:0.05") as victim:
                    await scheduler.assign_tasks([IntervalTask(task_id) for task_id in more])
                    await fleet.kill_soon(victim, 0.4)
            await until(lambda: is_empty(scheduler), 60)
            await fleet.end(survivor)
    killed = fleet.killed
    entries = read_ledger(ledger)
    starts = starts_of(entries)
    lost = len(set(ids) - ended(entries))
    again = [(first, then) for runs in starts.values() for first, then in itertools.pairwise(runs)]
    unexplained = sum(first.pid not in killed for first, _ in again)
    recovery = percentile((then.moment - killed[first.pid] for first, then in again if first.pid in killed), 0.99)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        1,
        "a worker process is killed (SIGKILL) at a random moment",
        count=f"{kills} kills, {len(ids):,} one-shots",
        expected=f"lost 0; every second run follows one of a killed worker; recovery p99 ≤ {LEASE + LOOK:g} s + 0.5 s",
        figure=f"lost {lost}; second runs {len(again)}, of these not after a kill {unexplained}; "
        f"recovery p99 {recovery:.2f} s (lease {LEASE:g} s, look {LOOK:g} s)",
        holds=(lost, unexplained) == (0, 0) and recovery <= LEASE + LOOK + 0.5 + unless_full(beat.longest),
    )


async def test_zombie(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 3: a worker stands still for three leases; its tasks run elsewhere when it wakes up."""
    count, lease = often(5, 100), 1.0
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": lease, "check_tasks_every_seconds": 0.5, "concurrency": count}
    leases = f"{{{namespace}:127.0.0.1::{redis_server.port}/0}}:leases"
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=1000) for n in range(count)])
        with Worker(redis_server.url, namespace, ledger, "sleep:0.4", **options) as zombie:
            await until(lambda: len(starts_of(read_ledger(ledger))) == count)
            zombie.freeze()
            began = time.monotonic()
            # It loses no lease, however slow the machine is.
            with Worker(redis_server.url, namespace, ledger, "sleep:20", **(options | {"lease_seconds": 60})) as heir:
                await until(lambda: sum(e.pid == heir.pid for e in read_ledger(ledger)) == count, 60)
                await asyncio.sleep(max(0, began + 3 * lease - time.monotonic()))  # three leases are the point
                with redis_server.client() as client:
                    key = next(key for key in client.keys(f"{{{namespace}:*") if key.endswith(b":leases"))
                    tokens = {i: held.split()[0] for i, held in client.hgetall(key).items()}
                    zombie.thaw()
                    assert zombie.terminate() == 0
                    now = {i: held.split()[0] for i, held in client.hgetall(key).items()}
                stale = sum(now.get(task_id) != token for task_id, token in tokens.items())
                check_key_space(client, namespace)
    assert len(tokens) == count, leases
    tell(
        3,
        "a worker is stopped (SIGSTOP) for three leases, then goes on (SIGCONT)",
        count=f"{count} runs in progress",
        expected="stale completions accepted 0",
        figure=f"stale completions accepted {stale}",
        holds=stale == 0,
    )


async def test_poison(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 22: a task kills its process each time, among others that do no harm."""
    deliveries, bystanders = often(3, 10), often(30, 500)
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 1, "check_tasks_every_seconds": 0.5, "concurrency": 10, "max_crashes": deliveries}
    crashes = 0
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(bystanders // 2)])
        await scheduler.assign_task(IntervalTask("poison", "poison"))
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(bystanders // 2, bystanders)])
        while not [task async for task in scheduler.dead_tasks()]:
            assert crashes <= deliveries + 1
            with Worker(redis_server.url, namespace, ledger, "exit:0.01", **options) as worker:
                await until(lambda worker=worker: not worker.is_alive or _is_over(scheduler), 60)  # type: ignore[misc]
                if worker.is_alive:
                    assert worker.terminate() == 0
                else:
                    crashes += 1
        with Worker(redis_server.url, namespace, ledger, "exit:0", **(options | {"lease_seconds": 60})) as worker:
            await until(lambda: is_empty(scheduler), 60)
            assert worker.terminate() == 0
        dead = [task.id async for task in scheduler.dead_tasks()]
    lost = bystanders - len(ended(read_ledger(ledger)))
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        22,
        "a task ends its process (os._exit) at each delivery",
        count=f"{crashes} crashes, {bystanders} others beside it",
        expected=f"set aside after {deliveries} deliveries, one more if it was held ready at first; others lost 0",
        figure=f"set aside after {crashes} deliveries; others lost {lost}",
        holds=(dead, lost) == (["poison"], 0) and crashes - deliveries in (0, 1),
    )


async def _is_over(scheduler: Scheduler) -> bool:
    return bool([task async for task in scheduler.dead_tasks()])


async def test_blocked_event_loop(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 23: an executor blocks its event loop for two leases, while another worker is there."""
    count = often(1, 10)
    options = {"lease_seconds": 1, "check_tasks_every_seconds": 0.5, "concurrency": 1, "prefetch": 1}
    extra: list[int] = []
    told = 0
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        for n in range(count):
            ledger = tmp_path / f"ledger{n}"
            await scheduler.assign_task(IntervalTask(f"t{n}"))
            with Worker(redis_server.url, namespace, ledger, "block:2", **options) as blocked:
                await until(lambda ledger=ledger: read_ledger(ledger))  # type: ignore[misc]
                with Worker(
                    redis_server.url, namespace, ledger, "block:0", **(options | {"lease_seconds": 60})
                ) as heir:
                    await until(lambda: is_empty(scheduler), 60)
                    assert blocked.terminate() == 0
                    assert heir.terminate() == 0
                told += "event loop was blocked" in blocked.log
            extra.append(Counter(entry.event for entry in read_ledger(ledger))["start"] - 1)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        23,
        "an executor blocks the event loop for two leases (time.sleep)",
        count=f"{count} times",
        expected="told in the log each time; no more than 1 run too many each time",
        figure=f"told {told} times; runs too many: {max(extra)} at the most",
        holds=told == count and max(extra) <= 1,
    )

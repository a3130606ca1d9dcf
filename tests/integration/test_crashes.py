"""Worker processes that are killed, frozen, terminated: nothing lost, nothing doubled beyond what is promised."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.scripts.keys import Keys
from tests.integration.processes import Worker, check_key_space, end_leases, read_ledger
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


def server_now(client: Any) -> float:
    """The server's clock, which workers on the same machine share."""
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6)


async def test_killed_workers_lose_no_one_shot(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 30, "concurrency": 20, "check_tasks_every_seconds": 1}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(600)])
        kills = 3
        for _ in range(kills):
            with Worker(redis_server.url, namespace, ledger, "sleep:0.05", **options) as worker:
                await asyncio.sleep(random.uniform(0.1, 0.3))  # a random moment of the worker's life is the point
                worker.kill()
            with redis_server.client() as client:
                end_leases(client, namespace)
        with Worker(redis_server.url, namespace, ledger, "sleep:0", **options) as worker:
            await until(lambda: is_empty(scheduler))
            assert worker.terminate() == 0
    entries = read_ledger(ledger)
    started = Counter(entry.id for entry in entries if entry.event == "start")
    ended = Counter(entry.id for entry in entries if entry.event == "end")
    assert set(ended) == {f"t{n}" for n in range(600)}, "lost"
    # In flight at a kill: what runs, and what ran and whose completion is under way.
    assert sum(started.values()) - 600 <= kills * 2 * 20, "more duplicates than runs were in flight"
    with redis_server.client() as client:
        check_key_space(client, namespace)


async def test_a_crashed_workers_task_runs_again_within_a_lease_and_a_look(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    # It is renewed so often that no pause of the machine ends it before the crash.
    options = {"lease_seconds": 8, "lease_renewal_seconds": 0.5, "check_tasks_every_seconds": 1}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a"))
        with Worker(redis_server.url, namespace, ledger, "sleep:600", **options) as crashing:
            await until(lambda: read_ledger(ledger))
            with Worker(redis_server.url, namespace, ledger, "sleep:0", **options), redis_server.client() as client:
                crashing.kill()
                (partition,) = (await scheduler.check_health()).partitions
                lease_ends = client.zscore(Keys(namespace, partition.name).leased, "a") / 1000
                assert lease_ends - server_now(client) <= 8
                async with heartbeat() as beat:
                    await until(lambda: is_empty(scheduler))
    first, second, _ = read_ledger(ledger)
    # A worker that is ready looks once the lease is over; later by what the machine keeps anybody waiting.
    assert lease_ends <= second.moment + 0.001 < lease_ends + 1 + 4 + 3 * beat.longest
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.token > first.token


async def test_terminated_workers_hand_everything_back(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(400)])
        for _ in range(3):
            with Worker(redis_server.url, namespace, ledger, "sleep:0.02", concurrency=10) as worker:
                await asyncio.sleep(random.uniform(0.05, 0.2))  # likewise
                assert worker.terminate() == 0
        with redis_server.client() as client:
            check_key_space(client, namespace)
        assert [task async for task in scheduler.tasks(state="leased")] == []
        with Worker(redis_server.url, namespace, ledger, "sleep:0") as worker:
            await until(lambda: is_empty(scheduler), 60)
            worker.terminate()
    entries = read_ledger(ledger)
    started = Counter(entry.id for entry in entries if entry.event == "start")
    assert set(started) == {f"t{n}" for n in range(400)}, "lost"
    assert max(started.values()) == 1, "doubled"
    assert {entry.attempt for entry in entries} == {1}


async def test_a_zombies_completion_is_refused(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    zombie_may_end, heir_may_end = tmp_path / "zombie", tmp_path / "heir"
    options = {"lease_seconds": 30, "check_tasks_every_seconds": 0.5}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=1000))
        with Worker(redis_server.url, namespace, ledger, f"hold:{zombie_may_end}", **options) as zombie:
            await until(lambda: read_ledger(ledger))
            zombie.freeze()
            zombie_may_end.touch()
            with redis_server.client() as client:
                end_leases(client, namespace)  # it trusts in it all the same
            with Worker(redis_server.url, namespace, ledger, f"hold:{heir_may_end}", **options) as heir:
                await until(lambda: len([e for e in read_ledger(ledger) if e.event == "start"]) == 2)
                zombie.thaw()
                assert zombie.terminate() == 0
                task = await scheduler.get_task("a")
                assert task is not None
                assert task.state == "leased", "the zombie ended the run of its heir"
                heir_may_end.touch()
                await until(lambda: any(e.event == "end" and e.pid == heir.pid for e in read_ledger(ledger)))
                assert heir.terminate() == 0
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.state, task.attempt) == ("waiting", 1)
        assert task.next_run > time.time() + 900


async def test_a_blocked_event_loop_keeps_its_lease(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 8, "lease_renewal_seconds": 0.5, "check_tasks_every_seconds": 0.5}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a"))
        with Worker(redis_server.url, namespace, ledger, "block:12", **options) as blocked:
            await until(lambda: read_ledger(ledger))
            with Worker(redis_server.url, namespace, ledger, "block:0", **options) as heir:
                await until(lambda: is_empty(scheduler))
                await until(lambda: any(e.event == "end" and e.pid == blocked.pid for e in read_ledger(ledger)))
                assert blocked.terminate() == 0
                assert heir.terminate() == 0
    assert [(e.event, e.pid, e.attempt) for e in read_ledger(ledger)] == [
        ("start", blocked.pid, 1),
        ("end", blocked.pid, 1),
    ]
    with redis_server.client() as client:
        check_key_space(client, namespace)

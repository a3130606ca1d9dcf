"""Batches whose worker is killed, whose connections are cut, or one of whose tasks ends its process."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler, StorageError, TaskRun
from tests.integration.processes import Worker, check_key_space, end_leases, read_ledger
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


async def test_a_batch_whose_worker_is_killed_runs_again(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 30, "concurrency": 2, "check_tasks_every_seconds": 1, "batch": 50}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(300)])
        for _ in range(2):
            noted = len(read_ledger(ledger)) if ledger.exists() else 0
            with Worker(redis_server.url, namespace, ledger, "sleep:30", **options) as worker:
                await until(lambda noted=noted: len(read_ledger(ledger)) > noted)  # type: ignore[misc]
                worker.kill()
            with redis_server.client() as client:
                end_leases(client, namespace)
        with Worker(redis_server.url, namespace, ledger, "sleep:0.01", **options) as worker:
            await until(lambda: is_empty(scheduler))
            assert worker.terminate() == 0
    entries = read_ledger(ledger)
    ended = Counter(entry.id for entry in entries if entry.event == "end")
    assert ended == Counter({f"t{n}": 1 for n in range(300)}), "lost, or ended twice"
    assert {entry.attempt for entry in entries if entry.event == "end"} > {1}
    with redis_server.client() as client:
        check_key_space(client, namespace)


async def test_a_task_that_ends_its_process_takes_ever_fewer_others_down(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 30, "concurrency": 1, "check_tasks_every_seconds": 0.2, "batch": 64, "max_crashes": 6}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        others = [f"t{n}" for n in range(63)]
        await scheduler.assign_tasks([IntervalTask("poison", "poison"), *map(IntervalTask, others)])
        crashes = 0
        while not await is_empty(scheduler):
            with Worker(redis_server.url, namespace, ledger, "exit:0", **options) as worker:
                await until(lambda: worker_is_done(worker, scheduler))
                crashes += not worker.is_alive
            with redis_server.client() as client:
                end_leases(client, namespace)
        dead = [task.id async for task in scheduler.dead_tasks()]
    assert dead == ["poison"]
    assert crashes == 6
    entries = read_ledger(ledger)
    assert {entry.id for entry in entries if entry.event == "end"} == set(others)
    # Batches of 64, 16, 4, and from then on it is alone.
    by_process = [
        {entry.id for entry in entries if entry.pid == pid and entry.event == "start"}
        - {entry.id for entry in entries if entry.pid == pid and entry.event == "end"}
        for pid in dict.fromkeys(entry.pid for entry in entries)
    ]
    fallen = [len(ids) for ids in by_process if "poison" in ids]
    assert fallen[0] <= 64
    assert fallen[1] <= 16
    assert fallen[2] <= 4
    assert fallen[3:] == [1, 1, 1]


async def worker_is_done(worker: Worker, scheduler: Scheduler) -> bool:
    return not worker.is_alive or await is_empty(scheduler)


async def test_cut_connections_lose_nothing(redis_server: RedisServer, namespace: str) -> None:
    ended: Counter[str] = Counter()

    async def executor(runs: list[TaskRun]) -> None:
        await asyncio.sleep(0.005)  # the batch takes some time, so that processes are killed within one
        ended.update(run.id for run in runs if not run.lost)

    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(
            proxy.url, namespace=namespace, lease_seconds=30, operation_timeout_seconds=20, concurrency=3
        ) as scheduler,
    ):
        await scheduler.assign_tasks(IntervalTask(f"t{n}") for n in range(3_000))
        await scheduler.start_task_execute(executor, batch=50)
        for _ in range(10):
            await asyncio.sleep(random.uniform(0, 0.02))  # a random moment is the point
            proxy.cut()
        await until(lambda: is_surely_empty(scheduler))
    assert set(ended) == {f"t{n}" for n in range(3_000)}
    assert set(ended.values()) == {1}, "replies that were lost are asked for again"


async def is_surely_empty(scheduler: Scheduler) -> bool:
    try:
        return await is_empty(scheduler)
    except StorageError:  # it cannot be told yet
        return False

"""check_health and audit, on a real Redis and on the embedded engine."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, NotConnected, PartitionHealth, Problem, Scheduler
from tests.semantics.test_assign import MakeScheduler
from tests.servers import RedisServer
from tests.waiting import Recorder

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


async def test_health(scheduler: Scheduler, url: str) -> None:
    health = await scheduler.check_health()
    assert health
    (partition,) = health.partitions
    assert (health.connected, health.accepting, health.executing) == (True, True, False)
    assert partition.online
    assert partition.problem is None
    assert partition.round_trip is not None
    assert 0 < partition.round_trip < 5
    if url.startswith("memory"):
        assert (partition.version, partition.findings) == (None, ())
        assert (partition.used_memory, partition.memory_limit) == (None, None)
    else:
        assert partition.version is not None
        assert int(partition.version.split(".")[0]) >= 6
        assert {finding.code for finding in partition.findings} == {"persistence"}
        assert partition.clock_difference == pytest.approx(0, abs=1 + partition.round_trip)
        assert partition.used_memory is not None
        assert partition.used_memory > 100_000
        assert partition.memory_limit is None
    json.dumps(dataclasses.asdict(health))


async def test_health_before_connect_and_after_close(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    assert not await scheduler.check_health()
    async with scheduler:
        assert await scheduler.check_health()
    health = await scheduler.check_health()
    assert (health.ok, health.connected, health.partitions) == (False, False, ())


async def test_health_of_a_scheduler_at_work(make_scheduler: MakeScheduler) -> None:
    async def executor(_: str) -> None: ...

    scheduler = await make_scheduler()
    await scheduler.start_task_execute(executor)
    await scheduler.stop_task_accept()
    health = await scheduler.check_health()
    assert (health.ok, health.accepting, health.executing) == (True, False, True)


async def test_audit_of_a_schedule_in_order(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=60, start=FAR, group="g") for n in range(250)])
    await scheduler.pause_task("t1")
    steps: list[tuple[int, int]] = []
    report = await scheduler.audit(progress=lambda done, of: steps.append((done, of)))
    assert (report.checked, report.ok, report.counts, report.problems) == (250, True, {}, ())
    assert steps[-1] == (250, 250)
    assert (await scheduler.audit(repair=True)).ok
    assert await scheduler.task_size() == 250


async def test_audit_tells_and_mends(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=60, start=FAR) for n in range(5)])
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.zrem(partition.keys.due, "t1")
    await partition._client.hdel(partition.keys.tasks, "t2")
    name = partition.name
    report = await scheduler.audit()
    assert not report.ok
    assert report.counts == {"orphan": 1, "ghost": 1}
    assert set(report.problems) == {
        Problem("orphan", "t1", name, "neither waiting nor leased, paused or dead"),
        Problem("ghost", "t2", name, "in due, but there is no such task"),
    }
    report = await scheduler.audit(repair=True)
    assert report.ok
    assert {(problem.id, problem.mended) for problem in report.problems} == {("t1", True), ("t2", True)}
    assert "is orphan" in str(report.problems[0]) or "is ghost" in str(report.problems[0])
    report = await scheduler.audit()
    assert (report.ok, report.checked, report.counts) == (True, 4, {})
    task = await scheduler.get_task("t1")
    assert task is not None
    assert task.state == "waiting"


async def test_audit_finds_tasks_that_do_not_belong_where_they_are(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    async with Scheduler.from_url(own_server().url, own_server().url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(20)])
        first, second = scheduler._lifespan.require().partitions.all
        on_first = [task.id async for task in scheduler.tasks() if task.partition == first.name]
        doubled, moved = on_first[:2]
        for task_id in (doubled, moved):
            record = await first._client.hget(first.keys.tasks, task_id)
            await second._client.hset(second.keys.tasks, task_id, record)
            await second._client.zadd(second.keys.due, {task_id: FAR})
        await first._client.hdel(first.keys.tasks, moved)
        await first._client.zrem(first.keys.due, moved)
        report = await scheduler.audit()
        assert {(p.kind, p.id, p.partition) for p in report.problems} == {
            ("second-home", doubled, second.name),
            ("misplaced", moved, second.name),
        }
        report = await scheduler.audit(repair=True)
        assert not report.ok
        assert {(problem.id, problem.mended) for problem in report.problems} == {(doubled, True), (moved, False)}
        await scheduler.assign_task(IntervalTask(moved, start=FAR))
        assert (await scheduler.audit(repair=True)).ok
        assert (await scheduler.audit()).counts == {}
        assert await scheduler.task_size() == 20


@pytest.mark.parametrize(
    ("name", "value"), [("repair", 1), ("repair", "yes"), ("progress", 5), ("progress", asyncio.sleep)]
)
async def test_bad_arguments(scheduler: Scheduler, name: str, value: object) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(InvalidType, match=name):
        await scheduler.audit(**arguments)


async def test_audit_before_connect(url: str, namespace: str) -> None:
    with pytest.raises(NotConnected):
        await Scheduler.from_url(url, namespace=namespace).audit()


async def test_what_ends_during_the_examination_is_told(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    partition = scheduler._lifespan.require().partitions.master
    examine = partition.examine

    async def slow() -> PartitionHealth:
        await scheduler.stop_task_accept()
        return await examine()

    monkeypatch.setattr(partition, "examine", slow)
    assert not (await scheduler.check_health()).accepting


async def test_an_audit_by_a_process_with_shorter_leases_leaves_runs_alone(make_scheduler: MakeScheduler) -> None:
    worker = await make_scheduler(lease_seconds=7200)
    recorder = Recorder()
    recorder.gate.clear()
    await worker.start_task_execute(recorder)
    await worker.assign_task(IntervalTask("long", every=86_400))
    await recorder.ran(1)
    report = await (await make_scheduler()).audit(repair=True)
    assert report.ok
    assert not report.counts
    found = await worker.get_task("long")
    assert found is not None
    assert found.state == "leased"
    recorder.gate.set()

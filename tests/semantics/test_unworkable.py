"""Cron tasks on a scheduler that cannot work them out: the executor is not called, and others get them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.waiting import Recorder, until

MakeScheduler = Callable[..., Awaitable[Scheduler]]
pytestmark = pytest.mark.asyncio
DELIVERIES = pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])


def _not_installed(*_: object, **__: object) -> int:
    raise LookupError("not installed")


async def _finding(scheduler: Scheduler) -> str | None:
    findings = (await scheduler.check_health()).findings
    return findings[0].message if findings else None


@DELIVERIES
@pytest.mark.parametrize("name", ["check_cron", "next_due_cron"])
async def test_it_is_put_off_uncharged_until_it_can_be_worked_out(
    make_scheduler: MakeScheduler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    delivery: str,
    name: str,
) -> None:
    caplog.set_level(logging.ERROR)
    scheduler = await make_scheduler(lease_seconds=8, max_crashes=1, delivery=delivery, group_concurrency=1)
    recorder = Recorder()
    start = time.time() - 3600
    await scheduler.assign_task(IntervalTask("cron", "cron", cron="* * * * *", start=start, group="g"))
    monkeypatch.setattr(f"interval_scheduler.execution.outcome.{name}", _not_installed)
    await scheduler.start_task_execute(recorder)
    await until(lambda: _finding(scheduler))
    assert "1 of late, the last is 'cron': LookupError: not installed" in (await _finding(scheduler) or "")
    await scheduler.assign_task(IntervalTask("plain", "plain", group="g"))
    await until(lambda: recorder.data == ["plain"])
    task = await scheduler.get_task("cron")
    assert task is not None
    assert (task.attempt, task.failures) == (1, 0)
    monkeypatch.undo()
    await recorder.ran(2)
    assert [(run.id, run.attempt) for run in recorder.runs] == [("plain", 1), ("cron", 1)]
    assert recorder.runs[1].due == pytest.approx(start, abs=61)
    assert [task.id async for task in scheduler.dead_tasks()] == []
    told = [each.getMessage() for each in caplog.records if "cannot be worked out" in each.getMessage()]
    assert len(told) == 1


async def test_what_vanishes_during_a_run_does_not_repeat_it(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = await make_scheduler(lease_seconds=8)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("cron", "cron", cron="0 0 1 1 *"))
    assert await scheduler.run_task_now("cron")
    await recorder.ran(1)
    monkeypatch.setattr("interval_scheduler.execution.outcome.next_due_cron", _not_installed)
    recorder.gate.set()

    async def waits() -> bool:
        task = await scheduler.get_task("cron")
        return task is not None and task.state == "waiting" and task.next_run_at.timestamp() > time.time()

    await until(waits)
    assert len(recorder.runs) == 1


async def test_a_zone_that_is_not_known_here_is_no_reason_to_run(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    await scheduler.assign_task(IntervalTask("cron", "cron", cron="* * * * *", start=4_000_000_000))
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.hset(partition.keys.tasks, "cron", b"s;c* * * * *;zNo/Where\ncron")
    await partition._client.zadd(partition.keys.due, {"cron": 1})
    await scheduler.start_task_execute(recorder)
    await until(lambda: _finding(scheduler))
    assert "timezone" in (await _finding(scheduler) or "")
    assert recorder.runs == []
    assert await scheduler.remove_task("cron")

"""Steering what is scheduled: pause, resume, run now, one task or all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.waiting import Recorder, runs_before, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def state_of(scheduler: Scheduler, task_id: str) -> str | None:
    task = await scheduler.get_task(task_id)
    return None if task is None else task.state


async def test_a_paused_task_rests_until_it_is_resumed(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "1", start=time.time() + HOUR))
    assert await scheduler.pause_task("a")
    assert await scheduler.pause_task("a"), "again is no harm"
    assert await state_of(scheduler, "a") == "paused"
    assert await scheduler.is_scheduled("a") == "1"
    assert await scheduler.task_size() == 1
    assert [task.id async for task in scheduler.tasks()] == ["a"]
    assert [task.id async for task in scheduler.tasks(state="paused")] == ["a"]
    assert [task.id async for task in scheduler.tasks(state="waiting")] == []
    await scheduler.assign_task(IntervalTask("a", "2"), reschedule="start")
    assert await runs_before(scheduler, recorder) == []
    assert await scheduler.resume_task("a")
    await recorder.ran(2)
    assert recorder.data[1:] == ["2"]


async def test_what_is_not_scheduled_cannot_be_steered(scheduler: Scheduler) -> None:
    assert not await scheduler.pause_task("none")
    assert not await scheduler.resume_task("none")
    assert not await scheduler.run_task_now("none")
    assert not await scheduler.revive_task("none")


async def test_a_task_that_is_not_paused_can_be_resumed_without_effect(scheduler: Scheduler) -> None:
    start = round(time.time() + HOUR)
    await scheduler.assign_task(IntervalTask("a", start=start))
    assert await scheduler.resume_task("a")
    task = await scheduler.get_task("a")
    assert task is not None
    assert (task.state, task.next_run) == ("waiting", start)


async def test_a_paused_task_can_be_removed_and_cleared(scheduler: Scheduler) -> None:
    for task_id in ("a", "b"):
        await scheduler.assign_task(IntervalTask(task_id, start=time.time() + HOUR))
        await scheduler.pause_task(task_id)
    assert await scheduler.remove_task("a")
    assert await scheduler.task_size() == 1
    assert await scheduler.clear_all_tasks() == 1
    assert not await scheduler.resume_task("b")


async def test_resuming_keeps_the_grid_and_makes_up_for_nothing(scheduler: Scheduler) -> None:
    start = round(time.time()) - 100.25
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=start))
    await scheduler.pause_task("a")
    await scheduler.resume_task("a")
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.next_run == pytest.approx(start + HOUR, abs=0.002)


async def test_a_cron_task_resumes_with_its_next_occurrence(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", cron="0 0 1 1 *", start=datetime(2020, 1, 1, tzinfo=UTC)))
    await scheduler.pause_task("a")
    await scheduler.resume_task("a")
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.next_run_at == datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)
    assert task.cron == "0 0 1 1 *"


async def test_a_task_paused_during_its_run_rests_after_it(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await recorder.ran(1)
    assert await scheduler.pause_task("a")
    await scheduler.assign_task(IntervalTask("a", every=0.02))
    recorder.gate.set()
    await until(lambda: _in_state(scheduler, "a", "paused"))
    assert len(await runs_before(scheduler, recorder, 0.1)) == 1, "in the time of five more intervals"
    await scheduler.resume_task("a")
    await recorder.ran(4)


async def test_a_pause_during_a_run_can_be_taken_back(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await recorder.ran(1)
    await scheduler.pause_task("a")
    await scheduler.resume_task("a")
    recorder.gate.set()
    await recorder.ran(3)


async def test_a_paused_task_whose_claim_is_handed_back_stays_paused(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await recorder.ran(1)
    await scheduler.pause_task("a")
    await scheduler.stop_task_execute(drain_seconds=0)
    await until(lambda: _in_state(scheduler, "a", "paused"))


async def _in_state(scheduler: Scheduler, task_id: str, state: str) -> bool:
    return await state_of(scheduler, task_id) == state


async def test_run_now_does_not_move_the_grid(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    start = round(time.time() + HOUR / 2)
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=start))
    assert await scheduler.run_task_now("a")
    await recorder.ran(1)
    await until(lambda: _in_state(scheduler, "a", "waiting"))
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.next_run == start


async def test_run_now_during_a_run_runs_once_more(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await recorder.ran(1)
    assert await scheduler.run_task_now("a")
    recorder.gate.set()
    await recorder.ran(2)
    await until(lambda: _in_state(scheduler, "a", "waiting"))
    assert len(recorder.runs) == 2


async def test_a_paused_task_is_not_run_now(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=time.time() + HOUR))
    await scheduler.pause_task("a")
    assert not await scheduler.run_task_now("a")
    assert await state_of(scheduler, "a") == "paused"


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_the_whole_namespace_rests(make_scheduler: MakeScheduler, delivery: str) -> None:
    recorder = Recorder()
    scheduler = await make_scheduler(delivery=delivery)
    other = await make_scheduler(delivery=delivery, check_tasks_every_seconds=HOUR)  # what it does not hear, it misses
    await other.start_task_execute(recorder)
    await scheduler.pause()
    await scheduler.pause()
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await asyncio.sleep(0.1)  # while all rests, no run tells that time passed; a task that is due would run at once
    assert recorder.data == []
    assert await scheduler.queue_size() == 1
    await scheduler.resume()
    await recorder.ran(1)


async def test_runs_in_progress_go_on_while_the_namespace_rests(make_scheduler: MakeScheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    scheduler = await make_scheduler(lease_seconds=5, lease_renewal_seconds=0.5)
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a"))
    await recorder.ran(1)
    await scheduler.pause()
    partition = scheduler._lifespan.require().partitions.master
    paused_with = await partition._client.zscore(partition.keys.leased, "a")

    async def that_lease_is_over() -> bool:
        seconds, microseconds = await partition._client.time()
        return bool(seconds * 1000 + microseconds / 1000 > paused_with)

    await until(that_lease_is_over)
    assert await partition._client.zscore(partition.keys.leased, "a") > paused_with, "it was renewed all the same"
    recorder.gate.set()
    await until(lambda: _gone(scheduler, "a"))
    assert recorder.cancelled == []
    await scheduler.resume()


async def _gone(scheduler: Scheduler, task_id: str) -> bool:
    return await scheduler.get_task(task_id) is None

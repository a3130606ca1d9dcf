"""Assigning: upsert, the reschedule rules, bulk, the rounding grid."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from interval_scheduler import AssignCounts, IntervalTask, InvalidValue, ScheduledTask, Scheduler

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
START = 4_000_000_000.0


async def found(scheduler: Scheduler, task_id: str) -> ScheduledTask:
    task = await scheduler.get_task(task_id)
    assert task is not None
    return task


async def test_new_then_updated(scheduler: Scheduler) -> None:
    assert await scheduler.assign_task(IntervalTask("a", "one", every=60)) is True
    assert await scheduler.assign_task(IntervalTask("a", "two", every=timedelta(minutes=2))) is False
    task = await found(scheduler, "a")
    assert (task.data, task.every, task.state, task.attempt) == ("two", 120, "waiting", 1)
    assert await scheduler.task_size() == 1


async def test_keep_leaves_the_next_run_and_uses_the_new_interval_after_it(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=600, start=START))
    await scheduler.assign_task(IntervalTask("a", every=60, start=START + 7))
    assert (await found(scheduler, "a")).next_run == START


async def test_interval_counts_from_the_previous_time(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=600, start=START))
    await scheduler.assign_task(IntervalTask("a", every=60), reschedule="interval")
    assert (await found(scheduler, "a")).next_run == START - 600 + 60


async def test_start_moves_the_next_run(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=600, start=START))
    await scheduler.assign_task(IntervalTask("a", every=600, start=START + 7), reschedule="start")
    assert (await found(scheduler, "a")).next_run == START + 7
    before = time.time()
    await scheduler.assign_task(IntervalTask("a", every=600), reschedule="start")
    assert before - 1 <= (await found(scheduler, "a")).next_run <= time.time() + 1


async def test_an_updated_one_shot_stays_one(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", "one", start=START))
    await scheduler.assign_task(IntervalTask("a", "two", start=START + 1), reschedule="interval")
    task = await found(scheduler, "a")
    assert (task.every, task.next_run, task.data) == (None, START, "two")


async def test_an_aware_datetime_is_a_start(scheduler: Scheduler) -> None:
    moment = datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC)
    await scheduler.assign_task(IntervalTask("a", start=moment))
    assert (await found(scheduler, "a")).next_run_at == moment


@pytest.mark.parametrize("data", ["", "text", "ünïcode ☃", b"", b"\x00\xff\n\r binary", "line\nbreak", "x" * 262_144])
async def test_the_payload_comes_back_as_it_was(scheduler: Scheduler, data: str | bytes) -> None:
    await scheduler.assign_task(IntervalTask("a", data, start=START))
    back = await scheduler.is_scheduled("a")
    assert back == data
    assert type(back) is type(data)


@pytest.mark.parametrize("task_id", ["a{b}c", "*?[x]\\", "a:b", "ü☃", " ", "x" * 512, "-inf", "a\nb"])
async def test_ids_are_literal(scheduler: Scheduler, task_id: str) -> None:
    await scheduler.assign_task(IntervalTask(task_id, "data", start=START))
    assert (await found(scheduler, task_id)).id == task_id
    assert [task.id async for task in scheduler.tasks()] == [task_id]
    assert await scheduler.remove_task(task_id) is True
    assert await scheduler.is_scheduled(task_id) is None


async def test_bulk_counts_new_and_updated(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("t3", start=START))
    counts = await scheduler.assign_tasks(IntervalTask(f"t{n}", start=START) for n in range(1500))
    assert counts == AssignCounts(assigned=1499, updated=1)
    assert await scheduler.task_size() == 1500

    async def some() -> AsyncIterator[IntervalTask]:
        for n in range(1490, 1510):
            yield IntervalTask(f"t{n}", start=START)

    assert await scheduler.assign_tasks(some()) == AssignCounts(assigned=10, updated=10)
    assert await scheduler.remove_tasks(f"t{n}" for n in range(1505, 1520)) == 5
    assert await scheduler.task_size() == 1505


async def test_one_id_twice_in_one_bulk_is_one_task(scheduler: Scheduler) -> None:
    counts = await scheduler.assign_tasks(
        [IntervalTask("a", "one", start=START), IntervalTask("a", "two", start=START)]
    )
    assert counts == AssignCounts(assigned=1, updated=1)
    assert await scheduler.is_scheduled("a") == "two"


async def test_a_bad_task_in_a_list_changes_nothing(scheduler: Scheduler) -> None:
    bad = IntervalTask("b")
    object.__setattr__(bad, "start", -1)
    with pytest.raises(InvalidValue, match="execute_on"):
        await scheduler.assign_tasks([IntervalTask("a"), bad])
    assert await scheduler.task_size() == 0


async def test_execution_times_are_rounded_down_to_the_grid(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(task_interval_seconds=60)
    await scheduler.assign_task(IntervalTask("a", every=90, start=START + 59))
    assert (await found(scheduler, "a")).next_run == START // 60 * 60 + 60 * ((START % 60 + 59) // 60)
    with pytest.raises(InvalidValue, match="task_interval_seconds"):
        await scheduler.assign_task(IntervalTask("b", every=59))


async def test_many_concurrent_callers_each_get_their_own_answer(scheduler: Scheduler) -> None:
    import asyncio

    await scheduler.assign_task(IntervalTask("t7", start=START))
    answers = await asyncio.gather(*(scheduler.assign_task(IntervalTask(f"t{n}", start=START)) for n in range(700)))
    assert [n for n, new in enumerate(answers) if not new] == [7]

"""`update_task` and the rules for late, long and scattered runs."""

from __future__ import annotations

from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidValue, ScheduledTask, Scheduler
from interval_scheduler.model.jitter import draw, put_off_cron
from interval_scheduler.model.policy import Policy

pytestmark = pytest.mark.asyncio
START = 4_000_000_000
HOUR = 3600


async def found(scheduler: Scheduler) -> ScheduledTask:
    task = await scheduler.get_task("a")
    assert task is not None
    return task


def due_of(moment: float, jitter: float) -> float:
    moment_ms = round(1000 * moment)
    return (moment_ms + draw(b"a", moment_ms, round(1000 * jitter))) / 1000


@pytest.mark.parametrize(
    ("before", "change", "late", "deadline"),
    [
        ({}, {"start_deadline": 5}, "skip", 5),
        ({}, {"late": "skip", "start_deadline": 5}, "skip", 5),
        ({"late": "skip", "start_deadline": 5}, {"start_deadline": 7}, "skip", 7),
        ({"late": "skip", "start_deadline": 5}, {"start_deadline": None}, "run", None),
        ({"late": "skip", "start_deadline": 5}, {"late": "run"}, "run", None),
        ({"late": "skip", "start_deadline": 5}, {"retries": 1}, "skip", 5),
    ],
)
@pytest.mark.parametrize("times", [{}, {"every": 60}, {"cron": "0 3 * * *"}])
async def test_a_deadline_and_its_word_go_together(
    scheduler: Scheduler,
    times: dict[str, Any],
    before: dict[str, Any],
    change: dict[str, Any],
    late: str,
    deadline: float | None,
) -> None:
    await scheduler.assign_task(IntervalTask("a", start=START, **times, **before))
    next_run = (await found(scheduler)).next_run
    assert await scheduler.update_task("a", **change)
    task = await found(scheduler)
    assert (task.rules.late, task.rules.start_deadline, task.next_run) == (late, deadline, next_run)


async def test_overlap_is_changed_in_place(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", start=START, every=60, history=3))
    assert await scheduler.update_task("a", overlap="once")
    task = await found(scheduler)
    assert (task.rules.overlap, task.rules.history, task.next_run) == ("once", 3, START)
    assert await scheduler.update_task("a", overlap="skip")
    assert (await found(scheduler)).rules.overlap == "skip"


async def test_another_jitter_is_drawn_from_the_same_time_on_the_grid(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=START))
    for jitter in (600, 60, 1800):
        assert await scheduler.update_task("a", jitter=jitter)
        assert (await found(scheduler)).next_run == due_of(START, jitter)
    before = await found(scheduler)
    assert await scheduler.update_task("a", jitter=1800, data="x")
    assert (await found(scheduler)).next_run == before.next_run
    assert await scheduler.update_task("a", jitter=None)
    task = await found(scheduler)
    assert (task.rules.jitter, task.next_run) == (None, before.next_run), "the next run stays where it is"
    assert await scheduler.update_task("a", every=2 * HOUR)
    assert (await found(scheduler)).next_run == START + HOUR, "from the previous time on the grid"


async def test_another_end_binds_the_draw(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=START, jitter=1800, until=START))
    assert (await found(scheduler)).next_run == START
    assert await scheduler.update_task("a", until=START + HOUR)
    assert (await found(scheduler)).next_run == due_of(START, 1800)


async def test_a_run_that_was_asked_for_stays(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=START))
    assert await scheduler.run_task_now("a")
    before = await found(scheduler)
    assert await scheduler.update_task("a", jitter=600)
    assert (await found(scheduler)).next_run == before.next_run


async def test_a_new_expression_is_put_off_by_the_jitter_that_is_there(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", cron="0 3 * * *", jitter=HOUR))
    assert await scheduler.update_task("a", cron="0 5 * * *")
    task = await found(scheduler)
    policy = Policy(cron="0 5 * * *", jitter_ms=1000 * HOUR)
    day = 86_400_000
    moment = round(1000 * task.next_run) // day * day + 5 * HOUR * 1000
    assert round(1000 * task.next_run) == put_off_cron(policy, b"a", moment)
    assert await scheduler.update_task("a", jitter=60)
    assert (await found(scheduler)).next_run == task.next_run, "Redis knows no calendar"
    assert await scheduler.update_task("a", cron="0 6 * * *", jitter=None)
    assert (await found(scheduler)).next_run % 86_400 == 6 * HOUR


async def test_a_jitter_needs_exact_times() -> None:
    scheduler = Scheduler.from_url("memory://", task_interval_seconds=1)
    with pytest.raises(InvalidValue, match="jitter needs exact times"):
        await scheduler.update_task("a", jitter=5)

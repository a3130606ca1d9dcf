"""The last moment of a task, and the number of its runs: nothing passes them, and what would never run is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidValue, ScheduledTask, Scheduler, current_run
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def found(scheduler: Scheduler, task_id: str = "a") -> ScheduledTask:
    task = await scheduler.get_task(task_id)
    assert task is not None
    return task


def over(task_id: str = "a", **more: Any) -> IntervalTask:
    """A task that would never run: the first one would be after its last moment."""
    return IntervalTask(task_id, "new", **({"every": 60, "until": time.time() - 60} | more))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"repeat": "delay"},
        {"every": None, "cron": "* * * * *"},
        {"spread": True, "every": 86_400},
        {"start": timedelta(hours=2), "until": time.time() + HOUR},
        {"every": None, "cron": "0 0 1 1 *", "until": time.time() + 0.01},
    ],
)
async def test_a_task_that_would_never_run_is_refused(scheduler: Scheduler, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="'a' comes before its next run, by the clock of the server") as caught:
        await scheduler.assign_task(over(**more))
    assert caught.value.field == "until"
    assert await scheduler.task_size() == 0


@pytest.mark.parametrize("rule", ["keep", "interval", "start"])
@pytest.mark.parametrize("state", ["waiting", "paused", "leased"])
async def test_a_task_that_is_scheduled_stays_as_it_was(scheduler: Scheduler, rule: Any, state: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def executor(_: Any) -> None:
        begun.set()
        await go_on.wait()

    await scheduler.assign_task(
        IntervalTask("a", "old", every=HOUR, start=None if state == "leased" else timedelta(hours=1))
    )
    if state == "leased":
        await scheduler.start_task_execute(executor)
        await begun.wait()
    elif state == "paused":
        await scheduler.pause_task("a")
    before = await found(scheduler)
    assert before.state == state
    with pytest.raises(InvalidValue) as caught:
        await scheduler.assign_task(over(), reschedule=rule)
    assert caught.value.field == "until"
    assert await found(scheduler) == before
    go_on.set()
    await scheduler.stop_task_execute()
    assert (await found(scheduler)).every == HOUR


async def test_between_now_and_the_run_that_is_kept(scheduler: Scheduler) -> None:
    """The assignment asks for a run at once; but it keeps the one in an hour."""
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=timedelta(hours=1)))
    ends = time.time() + HOUR / 2
    with pytest.raises(InvalidValue):
        await scheduler.assign_task(IntervalTask("a", every=60, until=ends))
    assert not await scheduler.assign_task(IntervalTask("a", every=60, until=ends), reschedule="start")


async def test_many_at_once(scheduler: Scheduler) -> None:
    tasks = [over(f"t{n}") if n == 700 else IntervalTask(f"t{n}", every=HOUR) for n in range(1_000)]
    with pytest.raises(InvalidValue, match="'t700'"):
        await scheduler.assign_tasks(tasks)
    assert 700 <= await scheduler.task_size() <= 999, "those before it, and those that were sent already"
    assert await scheduler.is_scheduled("t699") is not None
    assert await scheduler.is_scheduled("t700") is None
    assert await scheduler.assign_task(IntervalTask("t700", every=HOUR))


async def test_others_that_are_assigned_in_the_same_moment(scheduler: Scheduler) -> None:
    tasks = [over("bad") if n == 3 else IntervalTask(f"t{n}") for n in range(7)]
    answers = await asyncio.gather(*map(scheduler.assign_task, tasks), return_exceptions=True)
    assert [isinstance(answer, InvalidValue) for answer in answers] == [n == 3 for n in range(7)]
    assert await scheduler.queue_size() == 6


async def test_what_was_due_before_its_end_runs_although_that_has_passed(scheduler: Scheduler) -> None:
    seen: list[float] = []

    async def executor(_: Any) -> None:
        seen.append(current_run().due)

    start = float(round(time.time()) - 300)
    await scheduler.assign_task(IntervalTask("a", every=60, start=start, until=start + 130, missed="all"))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(seen) == 3)
    assert seen == [start, start + 60, start + 120]
    await until(lambda: _is_gone(scheduler))


async def _is_gone(scheduler: Scheduler) -> bool:
    return await scheduler.get_task("a") is None


async def test_a_last_run_is_the_last(scheduler: Scheduler) -> None:
    asked: list[bool] = []

    async def executor(_: Any) -> None:
        asked.append(await scheduler.run_task_now("a"))

    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", every=HOUR, max_runs=3))
    await until(lambda: _is_gone(scheduler))
    assert asked == [True, True, False], "each run asks for one more, and the third is the last"


async def test_runs_that_fail_and_ask_for_one_more_are_counted(scheduler: Scheduler) -> None:
    failures: list[int] = []

    async def executor(_: Any) -> None:
        failures.append((await found(scheduler)).failures)
        await scheduler.run_task_now("a")
        raise LookupError

    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", every=HOUR, max_runs=3))
    await until(lambda: _is_gone(scheduler))
    assert failures == [0, 1, 2]
    assert [task.id async for task in scheduler.dead_tasks()] == ["a"], "its final run failed"


async def test_nothing_asks_for_a_run_after_the_last_moment(scheduler: Scheduler) -> None:
    asked: list[bool] = []

    async def executor(_: Any) -> None:
        await asyncio.sleep(ends + 0.05 - time.time())  # until it has passed
        asked.append(await scheduler.run_task_now("a"))

    await scheduler.start_task_execute(executor)
    ends = time.time() + 4
    await scheduler.assign_task(IntervalTask("a", every=0.2, until=ends))
    await until(lambda: _is_gone(scheduler))
    assert asked == [False]


async def test_a_bound_that_is_set_during_the_run(scheduler: Scheduler) -> None:
    """One more run was asked for; then the bound of the task became the number of its runs."""
    runs = 0

    async def executor(_: Any) -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            await scheduler.assign_task(IntervalTask("a", every=HOUR, max_runs=2), reschedule="start")

    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", every=0.05, max_runs=9))
    await until(lambda: _is_gone(scheduler))
    assert runs == 2


async def test_another_occurrence_has_all_its_attempts(scheduler: Scheduler) -> None:
    attempts: list[tuple[str, int]] = []

    async def executor(data: str) -> None:
        attempts.append((data, current_run().attempt))
        raise LookupError

    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "old", retries=5, backoff=HOUR))
    await until(lambda: _waits_with(scheduler, 2))
    await scheduler.assign_task(IntervalTask("a", "kept", retries=5, backoff=HOUR))
    assert (await found(scheduler)).attempt == 2
    await scheduler.assign_task(IntervalTask("a", "new", retries=5, backoff=HOUR), reschedule="start")
    await until(lambda: len(attempts) == 2)
    assert attempts == [("old", 1), ("new", 1)]


async def _waits_with(scheduler: Scheduler, attempt: int) -> bool:
    task = await scheduler.get_task("a")
    return task is not None and (task.state, task.attempt) == ("waiting", attempt)

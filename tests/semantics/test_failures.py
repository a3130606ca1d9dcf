"""Runs that fail: attempts again, time-outs, the dead set, the end of a task, and what is told of each run."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    IntervalTask,
    InvalidValue,
    Retry,
    RunTimeout,
    Scheduler,
    TaskRun,
    TooManyCrashes,
    current_run,
)
from tests.waiting import Recorder, runs_before, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


class Failing:
    """An executor that raises so often, then no more."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self._left = times
        self._error = error
        self.attempts: list[int] = []
        self.at: list[float] = []

    async def __call__(self, _: Any) -> None:
        self.attempts.append(current_run().attempt)
        self.at.append(time.monotonic())
        if self._left > 0:
            self._left -= 1
            # Not the same object each time: its traceback grows with each raise.
            raise RuntimeError("no luck") if self._error is None else copy.copy(self._error)

    async def ran(self, times: int) -> None:
        await until(lambda: len(self.attempts) >= times)


async def dead_ids(scheduler: Scheduler) -> list[str]:
    return [task.id async for task in scheduler.dead_tasks()]


async def is_dead(scheduler: Scheduler, task_id: str) -> bool:
    return task_id in await dead_ids(scheduler)


async def is_gone(scheduler: Scheduler, task_id: str) -> bool:
    return await scheduler.get_task(task_id) is None


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_a_run_that_fails_gets_its_attempts(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    executor = Failing(2)
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", retries=2, backoff=0.02))
    await until(lambda: is_gone(scheduler, "a"))
    assert executor.attempts == [1, 2, 3]
    first, second = executor.at[1] - executor.at[0], executor.at[2] - executor.at[1]
    assert first >= 0.009
    assert second >= 0.019
    assert await dead_ids(scheduler) == []


async def test_a_one_shot_is_dead_after_its_last_attempt(scheduler: Scheduler) -> None:
    executor = Failing(99, ValueError("bad luck"))
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "payload", retries=1, backoff=0.01))
    await until(lambda: is_dead(scheduler, "a"))
    (dead,) = [task async for task in scheduler.dead_tasks()]
    assert (dead.id, dead.data, dead.error, dead.attempts) == ("a", "payload", "ValueError: bad luck", 2)
    assert abs(dead.died_at - time.time()) < 60
    assert await scheduler.get_task("a") is None
    assert await scheduler.task_size() == 0
    assert executor.attempts == [1, 2]


async def test_without_retries_the_first_attempt_is_the_last(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(Failing(99))
    await scheduler.assign_task(IntervalTask("a", b"\xff"))
    await until(lambda: is_dead(scheduler, "a"))
    assert [task.data async for task in scheduler.dead_tasks()] == [b"\xff"]


async def test_a_dead_task_can_be_revived(scheduler: Scheduler) -> None:
    executor = Failing(2)
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", retries=1, backoff=0.01))
    await until(lambda: is_dead(scheduler, "a"))
    assert await scheduler.revive_task("a")
    await until(lambda: is_gone(scheduler, "a"))
    assert executor.attempts == [1, 2, 1]
    assert not await scheduler.revive_task("a")


async def test_a_dead_task_can_be_assigned_anew_or_removed(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(Failing(2))
    for task_id in ("a", "b"):
        await scheduler.assign_task(IntervalTask(task_id))
    await until(lambda: _both_dead(scheduler))
    assert await scheduler.assign_task(IntervalTask("a", start=time.time() + 3600)), "newly assigned"
    assert not await scheduler.remove_task("b"), "it was not scheduled"
    assert await dead_ids(scheduler) == []
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.attempt == 1


async def _both_dead(scheduler: Scheduler) -> bool:
    return len(await dead_ids(scheduler)) == 2


async def test_dead_tasks_can_be_forgotten(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(Failing(10**9))
    await scheduler.assign_tasks(IntervalTask(f"t{n:04}") for n in range(1_100))

    async def all_dead() -> bool:
        return len(await dead_ids(scheduler)) == 1_100

    await until(all_dead)
    assert sorted(await dead_ids(scheduler)) == [f"t{n:04}" for n in range(1_100)]
    assert await scheduler.clear_dead_tasks() == 1_100
    assert await scheduler.clear_dead_tasks() == 0
    assert await dead_ids(scheduler) == []


async def test_a_recurring_task_goes_on_and_is_counted(scheduler: Scheduler) -> None:
    executor = Failing(3)
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", every=0.05))
    await executor.ran(5)
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.failures == 3
    assert set(executor.attempts) == {1}, "none is another attempt of the one before"
    assert await dead_ids(scheduler) == []


async def test_an_attempt_comes_before_the_next_occurrence_or_not_at_all(scheduler: Scheduler) -> None:
    executor = Failing(99)
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("soon", every=0.05, retries=5, backoff=60))
    await executor.ran(3)
    await scheduler.remove_task("soon")
    assert executor.attempts[:3] == [1, 1, 1]
    executor.attempts.clear()
    await scheduler.assign_task(IntervalTask("late", every=3600, retries=2, backoff=0.01))
    await executor.ran(3)
    await until(lambda: _waits(scheduler, "late"))
    task = await scheduler.get_task("late")
    assert task is not None
    assert (executor.attempts, task.failures, task.attempt) == ([1, 2, 3], 1, 1)
    assert task.next_run > time.time() + 3000


async def _waits(scheduler: Scheduler, task_id: str) -> bool:
    task = await scheduler.get_task(task_id)
    return task is not None and task.state == "waiting"


async def test_an_executor_can_ask_for_a_later_attempt(scheduler: Scheduler) -> None:
    errors: list[Any] = []
    scheduler.on("run-error", lambda run, error: errors.append((run, error)))
    executor = Failing(3, Retry(after=0.02))
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a"))
    await until(lambda: is_gone(scheduler, "a"))
    assert executor.attempts == [1, 1, 1, 1], "none is charged"
    assert min(b - a for a, b in zip(executor.at, executor.at[1:], strict=False)) >= 0.015
    assert errors == []
    assert await dead_ids(scheduler) == []


@pytest.mark.parametrize("after", [0, -1, float("nan"), float("inf")])
async def test_a_later_attempt_needs_a_time(after: float) -> None:
    with pytest.raises(InvalidValue, match="after"):
        Retry(after)


async def test_a_run_that_takes_too_long_is_cancelled(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(run_timeout_seconds=30)
    recorder = Recorder()
    recorder.gate.clear()
    errors: list[BaseException] = []
    scheduler.on("run-error", lambda _, error: errors.append(error))
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", timeout=0.05))
    await until(lambda: is_dead(scheduler, "a"))
    assert isinstance(errors[0], RunTimeout)
    assert errors[0].seconds == 0.05
    assert len(recorder.cancelled) == 1


async def test_a_scheduler_has_a_time_out_for_all(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(run_timeout_seconds=0.05)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a"))
    await until(lambda: is_dead(scheduler, "a"))
    assert [task.error async for task in scheduler.dead_tasks()] == [
        "RunTimeout: the run took longer than its time-out of 0.05 s"
    ]


async def test_a_time_out_of_the_executors_own_is_its_error(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(run_timeout_seconds=30)
    await scheduler.start_task_execute(Failing(1, TimeoutError("theirs")))
    await scheduler.assign_task(IntervalTask("a"))
    await until(lambda: is_dead(scheduler, "a"))
    assert [task.error async for task in scheduler.dead_tasks()] == ["TimeoutError: theirs"]


async def test_a_task_that_crashes_its_process_is_not_run_for_ever(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(max_crashes=2)
    recorder = Recorder()
    errors: list[BaseException] = []
    scheduler.on("run-error", lambda _, error: errors.append(error))
    await scheduler.assign_task(IntervalTask("a"))
    for crashes in range(2):
        dying = await make_scheduler()
        recorder.gate.clear()
        await dying.start_task_execute(recorder)
        await recorder.ran(crashes + 1)
        await _kill(dying)
        await end_leases(scheduler)
    recorder.gate.set()
    runs = len(recorder.runs)
    await scheduler.start_task_execute(recorder)
    await until(lambda: is_dead(scheduler, "a"))
    assert len(recorder.runs) == runs
    assert isinstance(errors[0], TooManyCrashes)
    assert errors[0].deliveries == 2


async def _kill(scheduler: Scheduler) -> None:
    """As a crash does: nothing is handed back."""
    task = scheduler._lifespan._task
    assert task is not None
    task.cancel()
    await asyncio.wait([task])


async def end_leases(scheduler: Scheduler) -> None:
    """Let all leases of now end, as time would: so those of a crashed one may be longer than any pause."""
    partition = scheduler._lifespan.require().partitions.master
    for member, deadline in await partition._client.zrange(partition.keys.leased, 0, -1, withscores=True):
        await partition._client.zadd(partition.keys.leased, {member: deadline - 86_400_000})


async def test_a_task_assigned_anew_while_it_fails_follows_its_new_record(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()

    async def fail(data: str) -> None:
        await recorder(data)
        raise RuntimeError

    await scheduler.start_task_execute(fail)
    await scheduler.assign_task(IntervalTask("a", "old", retries=5, backoff=0.01))
    await recorder.ran(1)
    await scheduler.assign_task(IntervalTask("a", "new", every=3600))
    recorder.gate.set()
    await until(lambda: _waits(scheduler, "a"))
    task = await scheduler.get_task("a")
    assert task is not None
    assert (task.data, task.attempt, recorder.data) == ("new", 1, ["old"])


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_a_task_with_so_many_runs_is_gone_after_them(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=0.01, max_runs=3))
    await until(lambda: is_gone(scheduler, "a"))
    assert len(await runs_before(scheduler, recorder, 0.05)) == 3, "in the time of five more intervals"


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_a_task_ends_at_its_last_moment(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    start = time.time() + 0.05
    await scheduler.assign_task(IntervalTask("a", every=0.05, start=start, until=start + 0.12, missed="all"))
    await until(lambda: is_gone(scheduler, "a"))
    await recorder.ran(3)
    assert len(await runs_before(scheduler, recorder, 0.1)) == 3, "in the time of two more intervals"


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_the_result_of_each_run_is_told(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    told: list[TaskRun] = []

    def broken(_: TaskRun) -> None:
        raise RuntimeError("a handler")

    scheduler.on("run", broken)
    scheduler.on("run", told.append)

    async def execute(data: str) -> None:
        await asyncio.sleep(0.02)  # the work whose seconds `duration` has to show
        if data == "bad":
            raise ValueError(data)

    await scheduler.start_task_execute(execute)
    await scheduler.assign_task(IntervalTask("good", "good"))
    await scheduler.assign_task(IntervalTask("bad", "bad"))
    await until(lambda: len(told) == 2)
    by_id = {run.id: run for run in told}
    assert by_id["good"].error is None
    assert str(by_id["bad"].error) == "bad"
    assert all(run.duration is not None and 0.015 < run.duration < 5 for run in told)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise LookupError("no words")


async def test_an_error_without_words_does_not_end_the_execution(scheduler: Scheduler) -> None:
    async def execute(data: str) -> None:
        if data == "bad":
            raise Unspeakable

    await scheduler.start_task_execute(execute)
    await scheduler.assign_task(IntervalTask("bad", "bad"))
    await until(lambda: is_dead(scheduler, "bad"))
    assert [task.error async for task in scheduler.dead_tasks()] == ["Unspeakable"]
    await scheduler.assign_task(IntervalTask("good"))
    await until(lambda: is_gone(scheduler, "good"))
    assert scheduler.executing_tasks


async def test_the_last_run_of_a_task_may_be_tried_again_and_revived(scheduler: Scheduler) -> None:
    executor = Failing(3)
    await scheduler.start_task_execute(executor)
    start = time.time()
    await scheduler.assign_task(
        IntervalTask("a", every=3600, start=start, until=start + 0.005, retries=1, backoff=0.02)
    )
    await until(lambda: is_dead(scheduler, "a"))
    assert executor.attempts == [1, 2]
    assert await scheduler.revive_task("a")
    await executor.ran(4)
    await until(lambda: is_gone(scheduler, "a"))
    assert executor.attempts == [1, 2, 1, 2]
    assert await dead_ids(scheduler) == []


async def test_a_run_without_a_lease_is_not_renewed_nor_cut_short(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(delivery="at-most-once", lease_seconds=0.2)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=3600))
    await recorder.ran(1)
    await asyncio.sleep(0.5)  # a run that is left alone tells nothing: two leases, in which it would be cut, pass
    assert recorder.cancelled == []
    recorder.gate.set()
    await until(lambda: recorder.active == 0)

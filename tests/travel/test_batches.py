"""Batches in a time machine: hours of them, and failed runs that fail the test."""

from __future__ import annotations

import asyncio

import pytest

from interval_scheduler import BatchFailed, IntervalTask, TaskRun
from interval_scheduler.testing import time_machine

pytestmark = pytest.mark.asyncio


async def test_each_occurrence_of_all_tasks_goes_together() -> None:
    sizes: list[int] = []

    async def executor(runs: list[TaskRun]) -> None:
        sizes.append(len(runs))
        await asyncio.sleep(5)  # the batch takes so long, of the machine's time

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=600, start=clock.time() + 60) for n in range(40))
        await scheduler.start_task_execute(executor, batch=100)
        await clock.advance(hours=2)
    assert sizes == [40] * 12


async def test_a_batch_that_takes_too_long_ends_at_its_time_out() -> None:
    ends: list[tuple[str, str, float | None]] = []

    async def executor(_: list[TaskRun]) -> None:
        await asyncio.Event().wait()

    async with time_machine(errors="log") as clock:
        scheduler = clock.scheduler(run_timeout_seconds=120)
        scheduler.on("run", lambda run: ends.append((run.id, type(run.error).__name__, run.duration)))
        await scheduler.start_task_accept()
        await scheduler.assign_tasks([IntervalTask("a"), IntervalTask("b", timeout=10), IntervalTask("c")])
        await scheduler.start_task_execute(executor, batch=100)
        await clock.advance(minutes=5)
    assert sorted(ends) == [("a", "RunTimeout", 120.0), ("b", "RunTimeout", 10.0), ("c", "RunTimeout", 120.0)]


async def test_a_failed_run_of_a_batch_fails_the_test() -> None:
    async def executor(runs: list[TaskRun]) -> None:
        raise BatchFailed({run: AssertionError("wrong") for run in runs if run.id == "b"})

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.assign_tasks([IntervalTask("a"), IntervalTask("b")])
        await scheduler.start_task_execute(executor, batch=100)
        with pytest.raises(AssertionError, match="wrong") as caught:
            await clock.advance(1)
        assert caught.value.__notes__ == ["raised by the run of task 'b', attempt 1, at 2030-01-01T00:00:00+00:00"]

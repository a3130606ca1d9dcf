"""`cancel_run` beside other things: batches, queues, updates and histories."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, RunCancelled, Scheduler, TaskRun
from tests.semantics.test_cancel_run import Worker, is_state, worker
from tests.unit.batch_bench import Batches
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def batch_of(scheduler: Scheduler, *ids: str) -> tuple[Batches, dict[str, list[BaseException | None]]]:
    """Start a batch of tasks that recur, which waits."""
    ends: dict[str, list[BaseException | None]] = {}
    scheduler.on("run", lambda run: ends.setdefault(run.id, []).append(run.error))
    batches = Batches()
    batches.gate.clear()
    await scheduler.assign_tasks([IntervalTask(task_id, every=HOUR) for task_id in ids])
    await scheduler.start_task_execute(batches, concurrency=1, batch=10)
    await batches.ran(1)
    assert batches.ids == [list(ids)]
    return batches, ends


async def test_a_batch_goes_on_without_a_run_that_is_cancelled(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(lease_seconds=600)
    batches, ends = await batch_of(scheduler, "a", "b", "c")
    a, b, c = batches.runs[0]
    assert await scheduler.cancel_run("a")
    assert await scheduler.cancel_run("b", hand_back=True)
    await until(lambda: a.cancelled and b.cancelled)
    assert not c.cancelled
    assert batches.cancelled == []
    batches.gate.set()
    await until(lambda: len(ends) == 2)
    assert {task_id: [type(error) for error in errors] for task_id, errors in ends.items()} == {
        "a": [RunCancelled],
        "c": [type(None)],
    }
    await until(lambda: is_state(scheduler, ("waiting", 1), "a"))
    await batches.ran(2)
    assert batches.ids[1] == ["b"], "it rests for a second, and runs again"
    assert batches.runs[1][0].attempt == 1
    task = await scheduler.get_task("a")
    assert task is not None
    assert (task.failures, task.last_error) == (1, "RunCancelled: the run was cancelled by cancel_run")


async def test_a_batch_is_cancelled_with_the_last_of_its_runs(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(lease_seconds=600)
    batches, ends = await batch_of(scheduler, "a", "b")
    await asyncio.gather(scheduler.cancel_run("a"), scheduler.cancel_run("b"))
    await until(lambda: len(ends) == 2)
    assert len(batches.cancelled) == 1
    assert [type(error) for errors in ends.values() for error in errors] == [RunCancelled] * 2


async def test_it_reaches_the_queue_that_it_is_meant_for(make_scheduler: MakeScheduler) -> None:
    outer = await worker(make_scheduler, lease_seconds=600)
    inner = Worker(outer.scheduler.queue("mail"))
    await inner.scheduler.start_task_execute(inner.execute)
    here = await make_scheduler()
    for scheduler in (here, here.queue("mail")):
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
    runs = [await outer.begins(), await inner.begins()]
    assert await here.queue("mail").cancel_run("a") is True
    assert type((await inner.fails())[1]) is RunCancelled
    assert [run.cancelled for run in runs] == [False, True]
    assert await here.cancel_run("a") is True
    assert type((await outer.fails())[1]) is RunCancelled


async def test_an_update_keeps_the_mark(make_scheduler: MakeScheduler) -> None:
    """As when the announcement is lost: only a renewal tells it."""
    there = await worker(make_scheduler, lease_seconds=20, lease_renewal_seconds=0.5)
    heard: list[TaskRun] = []
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR, retries=1, backoff=HOUR))
    heard.append(await there.begins())
    await asyncio.gather(there.scheduler.cancel_run("a"), there.scheduler.update_task("a", timeout=500))
    assert type((await there.fails())[1]) is RunCancelled
    await until(lambda: is_state(there.scheduler, ("waiting", 2)))
    task = await there.scheduler.get_task("a")
    assert task is not None
    assert task.rules.timeout == 500


async def test_it_is_in_the_history(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR, history=2))
    await there.begins()
    assert await there.scheduler.cancel_run("a")
    await there.fails()
    await until(lambda: is_state(there.scheduler, ("waiting", 1)))
    (past,) = await there.scheduler.run_history("a")
    assert past.error == "RunCancelled: the run was cancelled by cancel_run"
    assert 0 <= past.duration < 60

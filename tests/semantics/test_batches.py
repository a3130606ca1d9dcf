"""Executors that get many runs at once: what they get, what becomes of each run, and what cuts a batch short."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    BatchFailed,
    BlockingScheduler,
    ConfigurationError,
    ConfigurationTypeError,
    IntervalTask,
    InvalidType,
    Retry,
    Scheduler,
    TaskRun,
)
from tests.unit.batch_bench import Batches
from tests.waiting import heartbeat, until, until_outside

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
BOTH = pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


async def is_idle(scheduler: Scheduler) -> bool:
    states = [task.state async for task in scheduler.tasks()]
    if len(states) != await scheduler.task_size():
        return False  # a list may miss a task that moves meanwhile
    return await scheduler.queue_size() == 0 and set(states) <= {"waiting"}


def ends_of(scheduler: Scheduler) -> dict[str, list[str]]:
    """The ends of the runs of each task, as they are told."""
    ends: dict[str, list[str]] = {}
    scheduler.on("run", lambda run: ends.setdefault(run.id, []).append(type(run.error).__name__))
    return ends


@BOTH
async def test_what_is_due_goes_together(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    batches, ends = Batches(), ends_of(scheduler)
    await scheduler.assign_tasks(IntervalTask(f"t{n:03}", f"{n}".encode() if n % 2 else f"{n}") for n in range(700))
    await scheduler.start_task_execute(batches, concurrency=2, batch=300)
    await until(lambda: is_empty(scheduler))
    await until(lambda: len(ends) == 700)
    sizes = sorted(len(runs) for runs in batches.runs)
    assert sizes[-1] == 300
    assert len(sizes) <= 6, "claims may be cut into parts, not more"
    runs = [run for runs in batches.runs for run in runs]
    assert {run.id: run.data for run in runs} == {f"t{n:03}": f"{n}".encode() if n % 2 else f"{n}" for n in range(700)}
    assert all(told == ["NoneType"] for told in ends.values())
    assert all(run.duration is not None and run.attempt == 1 and not run.lost for run in runs)


@pytest.mark.parametrize(
    ("batch", "concurrency", "error", "words"),
    [
        (0, None, ConfigurationError, "batch must be from 1 to 500, got 0"),
        (501, None, ConfigurationError, "batch must be from 1 to 500, got 501"),
        ("5", None, ConfigurationTypeError, "batch must be a whole number, not str"),
        (True, None, ConfigurationTypeError, "batch must be a whole number, not bool"),
        (1.0, None, ConfigurationTypeError, "batch must be a whole number, not float"),
        (500, 2001, ConfigurationError, r"batch times concurrency must be at most 1,000,000 runs, got 500 \* 2001"),
    ],
)
async def test_a_wrong_size_is_refused_before_anything_else(
    batch: Any, concurrency: int | None, error: type[Exception], words: str
) -> None:
    scheduler = Scheduler.from_url("redis://127.0.0.1:1/0")  # nobody is there
    with pytest.raises(error, match=words):
        await scheduler.start_task_execute(Batches(), batch=batch, concurrency=concurrency)
    assert not scheduler.executing_tasks
    with pytest.raises(InvalidType, match="executor"):
        await scheduler.start_task_execute(lambda runs: None, batch=5)  # type: ignore[arg-type, return-value]


async def test_each_run_ends_as_a_run(scheduler: Scheduler) -> None:
    """Failures, later attempts and successes of one batch, and what is told of each."""
    seen: list[dict[str, int]] = []
    ends, errors = ends_of(scheduler), list[tuple[str, BaseException]]()
    scheduler.on("run-error", lambda run, error: errors.append((run.id, error)))
    broken = ValueError("no luck")

    async def executor(runs: list[TaskRun]) -> None:
        seen.append({run.id: run.attempt for run in runs})
        failed: dict[TaskRun, BaseException] = {run: broken for run in runs if run.data == "broken"}
        failed |= {run: Retry(after=0.001) for run in runs if run.data == "later" and len(seen) == 1}
        if failed:
            raise BatchFailed(failed)

    start = time.time() - 1
    await scheduler.assign_tasks(
        [
            IntervalTask("fine", start=start),
            IntervalTask("every hour", every=3600, start=start),
            IntervalTask("once", "broken", start=start),
            IntervalTask("again", "broken", retries=1, backoff=0.001, start=start),
            IntervalTask("every", "broken", every=3600, start=start),
            IntervalTask("later", "later", start=start),
        ]
    )
    await scheduler.start_task_execute(executor, batch=100)
    await until(lambda: len(ends.get("again", ())) == len(ends.get("later", ())) == 2)
    await until(lambda: is_idle(scheduler))
    assert seen[0] == dict.fromkeys(["fine", "every hour", "once", "again", "every", "later"], 1)
    assert ends == {
        "fine": ["NoneType"],
        "every hour": ["NoneType"],
        "once": ["ValueError"],
        "again": ["ValueError", "ValueError"],
        "every": ["ValueError"],
        "later": ["Retry", "NoneType"],
    }
    assert sorted(errors, key=lambda each: each[0]) == [(name, broken) for name in ("again", "again", "every", "once")]
    assert {task.id: task.attempts async for task in scheduler.dead_tasks()} == {"once": 1, "again": 2}
    assert {task.id async for task in scheduler.tasks()} == {"every hour", "every"}


async def test_what_a_batch_raises_is_logged_once(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    errors: list[str] = []
    scheduler.on("run-error", lambda run, _: errors.append(run.id))

    async def executor(_: list[TaskRun]) -> None:
        raise RuntimeError("the database is away")

    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=3600) for n in range(30))
    await scheduler.start_task_execute(executor, batch=30)
    await until(lambda: len(errors) == 30)
    (told,) = [record for record in caplog.records if "the database is away" in record.getMessage()]
    assert told.getMessage().startswith("30 runs of a batch failed: RuntimeError: the database is away: 't")
    assert told.exc_info is not None
    with caplog.at_level(logging.INFO):
        await scheduler.stop_task_execute()
    assert any("30 runs ended in all, of these 30 failed" in record.getMessage() for record in caplog.records)


async def test_a_wrong_report_is_the_error_of_all(scheduler: Scheduler) -> None:
    async def executor(runs: list[TaskRun]) -> None:
        raise BatchFailed({run.id: ValueError() for run in runs})  # type: ignore[misc]

    await scheduler.assign_tasks(IntervalTask(f"t{n}") for n in range(3))
    await scheduler.start_task_execute(executor, batch=30)
    await until(lambda: is_empty(scheduler))
    dead = [task async for task in scheduler.dead_tasks()]
    assert len(dead) == 3
    assert all("errors must have TaskRuns as keys, not str" in task.error for task in dead)


async def test_groups_are_capped_by_runs(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(group_concurrency=3)
    most: list[int] = []

    async def executor(runs: list[TaskRun]) -> None:
        most.append(sum(run.data == "a" for run in runs))
        await asyncio.sleep(0.001)  # so that batches could overlap

    await scheduler.assign_tasks(IntervalTask(f"a{n}", "a", group="a") for n in range(30))
    await scheduler.assign_tasks(IntervalTask(f"b{n}", "b") for n in range(30))
    await scheduler.start_task_execute(executor, batch=100, concurrency=1)
    await until(lambda: is_empty(scheduler))
    assert max(most) == 3
    assert sum(most) == 30


async def test_missed_occurrences_of_a_task_come_one_after_another(scheduler: Scheduler) -> None:
    seen: list[tuple[str, float]] = []
    active = 0

    async def executor(runs: list[TaskRun]) -> None:
        nonlocal active
        active += 1
        assert active == 1
        assert len({run.id for run in runs}) == len(runs)
        seen.extend((run.id, run.due) for run in runs)
        await asyncio.sleep(0)  # others could run meanwhile
        active -= 1

    start = time.time() - 10_000
    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=1000, start=start, missed="all") for n in range(5))
    await scheduler.start_task_execute(executor, batch=100, concurrency=1)
    await until(lambda: len(seen) >= 50)
    await until(lambda: is_idle(scheduler))
    for n in range(5):
        dues = [due for task_id, due in seen if task_id == f"t{n}"]
        assert dues == sorted(set(dues))
        assert len(dues) == 11


async def test_a_batch_may_remove_its_own_tasks(scheduler: Scheduler) -> None:
    took: list[float] = []

    async def executor(runs: list[TaskRun]) -> None:
        began = time.monotonic()
        for run in runs:
            assert await scheduler.remove_task(run.id)
        took.append(time.monotonic() - began)

    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=3600) for n in range(5))
    async with heartbeat(scheduler.task_size) as beat:
        await scheduler.start_task_execute(executor, batch=100)
        await until(lambda: took)
    assert took[0] < 0.9 + 3 * beat.longest, "no removal waits for the claim of the batch that calls it"
    await until(lambda: is_empty(scheduler))


async def test_a_stop_from_inside_goes_on_in_the_background(scheduler: Scheduler) -> None:
    stopped: list[list[str]] = []

    async def executor(runs: list[TaskRun]) -> None:
        await scheduler.stop_task_execute()
        stopped.append(sorted(run.id for run in runs))

    await scheduler.assign_tasks(IntervalTask(f"t{n}") for n in range(3))
    await scheduler.start_task_execute(executor, batch=3)
    await asyncio.wait_for(scheduler.wait_stopped(), 25)
    assert stopped == [["t0", "t1", "t2"]]
    assert await is_empty(scheduler), "the batch ended as a batch"


@pytest.mark.parametrize("drain_seconds", [0.05, 20])
async def test_a_drain_waits_and_then_hands_all_of_it_back(scheduler: Scheduler, drain_seconds: float) -> None:
    batches = Batches()
    batches.gate.clear()
    await scheduler.assign_tasks(IntervalTask(f"t{n}") for n in range(10))
    await scheduler.start_task_execute(batches, batch=5, concurrency=1)
    await batches.ran(1)
    if drain_seconds > 1:
        asyncio.get_running_loop().call_later(0.05, batches.gate.set)
    await scheduler.stop_task_execute(drain_seconds=drain_seconds)
    assert await scheduler.task_size() == (5 if drain_seconds > 1 else 10)
    assert {task.state async for task in scheduler.tasks()} == {"waiting"}
    assert {task.attempt async for task in scheduler.tasks()} == {1}, "nothing is charged"


async def test_a_task_that_is_assigned_anew_is_lost_to_its_batch_only(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(lease_seconds=10, lease_renewal_seconds=0.5)
    batches, ends = Batches(), ends_of(scheduler)
    batches.gate.clear()
    await scheduler.assign_tasks(IntervalTask(f"t{n}", "old") for n in range(5))
    await scheduler.start_task_execute(batches, batch=5, concurrency=2)
    await batches.ran(1)
    await scheduler.remove_task("t3")
    await scheduler.assign_task(IntervalTask("t3", "new", start=time.time() + 3600))
    (lost,) = [run for run in batches.runs[0] if run.id == "t3"]
    await until(lambda: lost.lost)
    others = {run: run.trusted_until for run in batches.runs[0] if run is not lost}
    await until(lambda: all(run.trusted_until > before for run, before in others.items()))  # they are renewed
    assert batches.cancelled == []
    batches.gate.set()
    await until(lambda: len(ends) == 5)
    await until(lambda: all_gone_but(scheduler, "t3"))
    task = await scheduler.get_task("t3")
    assert task is not None
    assert task.data == "new", "the end of the old run changes nothing"
    assert [run.lost for run in batches.runs[0]].count(True) == 1


async def all_gone_but(scheduler: Scheduler, *ids: str) -> bool:
    return [task.id async for task in scheduler.tasks()] == [*ids]


async def test_little_load_makes_small_batches_at_once(scheduler: Scheduler) -> None:
    batches = Batches()
    await scheduler.start_task_execute(batches, batch=500)
    async with heartbeat(scheduler.task_size) as beat:
        for n in range(3):
            await scheduler.assign_task(IntervalTask(f"t{n}"))
            await batches.ran(n + 1)
    assert batches.ids == [["t0"], ["t1"], ["t2"]]
    assert all(run.lag < 1 + 3 * beat.longest for runs in batches.runs for run in runs)


async def test_what_waits_for_a_batch_goes_to_a_free_scheduler(make_scheduler: MakeScheduler) -> None:
    busy, free = Batches(), Batches()
    busy.gate.clear()
    first, second = [await make_scheduler() for _ in range(2)]
    await first.assign_tasks(IntervalTask(f"t{n:02}") for n in range(5))
    await first.start_task_execute(busy, batch=5, concurrency=1)
    await busy.ran(1)
    await first.assign_tasks(IntervalTask(f"u{n:02}") for n in range(5))
    await second.start_task_execute(free, batch=5, concurrency=1)
    await until(lambda: sum(map(len, free.runs)) == 5)
    assert len(busy.runs) == 1
    busy.gate.set()
    await until(lambda: is_empty(first))


async def test_plain_functions_get_batches_in_threads(url: str, namespace: str) -> None:
    seen: list[tuple[list[str], str]] = []

    def executor(runs: list[TaskRun]) -> None:
        seen.append((sorted(run.id for run in runs), threading.current_thread().name))
        failed = {run: ValueError("no") for run in runs if run.data == "broken"}
        if failed:
            raise BatchFailed(failed)

    def work() -> list[str]:
        with BlockingScheduler.from_url(url, namespace=namespace) as blocking:
            blocking.assign_tasks([IntervalTask("a"), IntervalTask("b", "broken"), IntervalTask("c")])
            with pytest.raises(ConfigurationError, match="batch must be from 1 to 500"):
                blocking.start_task_execute(executor, batch=501)
            blocking.start_task_execute(executor, batch=10)
            until_outside(lambda: blocking.task_size() == 0)
            return [task.id for task in blocking.dead_tasks()]

    assert await asyncio.to_thread(work) == ["b"]
    assert [ids for ids, _ in seen] == [["a", "b", "c"]]
    assert seen[0][1] != threading.main_thread().name

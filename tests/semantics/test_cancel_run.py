"""`cancel_run`: it ends the run that is in progress, wherever that is, and no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, RunCancelled, Scheduler, TaskRun, current_run
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


class Worker:
    """A scheduler that executes, and what became of its runs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.begun: asyncio.Queue[TaskRun] = asyncio.Queue()
        self.errors: asyncio.Queue[tuple[str, BaseException]] = asyncio.Queue()
        self.go_on = asyncio.Event()
        self.swallows = False
        scheduler.on("run-error", lambda run, error: self.errors.put_nowait((run.id, error)))

    async def execute(self, _: Any) -> None:
        self.begun.put_nowait(current_run())
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            if not self.swallows:
                raise
            await self.go_on.wait()

    async def begins(self) -> TaskRun:
        return await asyncio.wait_for(self.begun.get(), 60)

    async def fails(self) -> tuple[str, BaseException]:
        return await asyncio.wait_for(self.errors.get(), 60)


async def worker(make_scheduler: MakeScheduler, concurrency: int = 10, **options: Any) -> Worker:
    made = Worker(await make_scheduler(**options))
    await made.scheduler.start_task_execute(made.execute, concurrency=concurrency)
    return made


async def state(scheduler: Scheduler, task_id: str = "a") -> tuple[str, int] | None:
    found = await scheduler.get_task(task_id)
    return None if found is None else (found.state, found.attempt)


async def test_a_run_elsewhere_is_cancelled_at_once_and_counts_as_failed(make_scheduler: MakeScheduler) -> None:
    # Renewals are so seldom that only the announcement can have told it.
    there = await worker(make_scheduler, lease_seconds=600)
    here = await make_scheduler()
    ended: list[TaskRun] = []
    there.scheduler.on("run", ended.append)
    await here.assign_task(IntervalTask("a", every=HOUR))
    await there.begins()
    assert await here.cancel_run("a") is True
    task_id, error = await there.fails()
    assert (task_id, type(error)) == ("a", RunCancelled)
    await until(lambda: [(run.id, run.error) for run in ended] == [("a", error)])
    await until(lambda: is_state(here, ("waiting", 1)))
    found = await here.get_task("a")
    assert found is not None
    assert found.failures == 1
    assert await here.cancel_run("a") is False


async def is_state(scheduler: Scheduler, expected: tuple[str, int] | None, task_id: str = "a") -> bool:
    return await state(scheduler, task_id) == expected


async def test_retries_apply(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    await there.scheduler.assign_task(IntervalTask("a", retries=1, backoff=0.01))
    assert (await there.begins()).attempt == 1
    assert await there.scheduler.cancel_run("a") is True
    assert (await there.begins()).attempt == 2
    assert await there.scheduler.cancel_run("a") is True
    await until(lambda: is_state(there.scheduler, None))
    (dead,) = [task async for task in there.scheduler.dead_tasks()]
    assert (dead.id, dead.attempts) == ("a", 2)
    assert "cancel_run" in dead.error


async def test_a_run_that_is_handed_back_starts_again_after_its_backoff(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    scheduler = there.scheduler
    await scheduler.assign_task(IntervalTask("a", every=HOUR, backoff=0.4, retries=1))
    first = await there.begins()
    began = asyncio.get_running_loop().time()
    assert await scheduler.cancel_run("a", hand_back=True) is True
    await until(lambda: not first.is_trusted)
    second = await there.begins()
    assert asyncio.get_running_loop().time() - began >= 0.3  # a retry has up to half of its backoff off, this has not
    assert (second.attempt, second.due, second.token > first.token) == (1, first.due, True)
    assert there.errors.empty()


async def test_while_it_rests_no_run_is_in_progress(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    await there.scheduler.assign_task(IntervalTask("a", backoff=HOUR, retries=1))
    run = await there.begins()
    assert await there.scheduler.cancel_run("a", hand_back=True) is True

    async def rests() -> bool:
        return run.asyncio_task is None and not await there.scheduler.cancel_run("a")

    await until(rests)
    assert await there.scheduler.remove_task("a") is True


async def test_it_is_heard_at_a_renewal_if_the_announcement_is_lost(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler, lease_seconds=20, lease_renewal_seconds=0.2)
    for partition in there.scheduler._lifespan.require().partitions.all:
        partition.cancels.listeners.clear()  # what is announced is heard by nobody
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR))
    await there.begins()
    assert await there.scheduler.cancel_run("a") is True
    assert isinstance((await there.fails())[1], RunCancelled)


async def claimed_ahead(there: Worker) -> tuple[TaskRun, set[str]]:
    """A run in progress, and the ids of tasks that were claimed and wait for its end."""
    scheduler = there.scheduler
    execution = scheduler._executing._execution
    assert execution is not None
    while True:
        # Quick runs first: so many that the scheduler claims ahead, unless the machine stands still after them.
        there.go_on.set()
        await scheduler.clear_all_tasks()
        await scheduler.assign_tasks([IntervalTask(f"quick:{n}") for n in range(300)])
        await until(lambda: is_empty(scheduler))
        there.go_on.clear()
        while not there.begun.empty():
            there.begun.get_nowait()
        await scheduler.assign_tasks([IntervalTask(f"slow:{n}", every=HOUR) for n in range(5)])
        running = await there.begins()
        if queued := {run.id for run in execution._runner.queued}:
            return running, queued


async def test_a_run_that_was_claimed_and_has_not_begun_does_not_begin(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interval_scheduler.execution.patience._ends", lambda run: run.received_at + 600)
    there = await worker(make_scheduler, concurrency=1, prefetch=5)
    scheduler = there.scheduler
    running, queued = await claimed_ahead(there)
    execution = scheduler._executing._execution
    assert execution is not None
    before = execution._runs.handed_back
    for task_id in queued:
        assert await scheduler.cancel_run(task_id) is True
    cancelled = {(await there.fails())[0] for _ in queued}
    assert cancelled == queued
    assert execution._runs.handed_back == before, "not for want of a place"
    assert running.id not in cancelled
    there.go_on.set()


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


async def test_what_is_not_running_is_not_cancelled(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=4_000_000_000))
    assert await scheduler.cancel_run("a") is False
    assert await scheduler.cancel_run("none") is False
    await scheduler.pause_task("a")
    assert await scheduler.cancel_run(IntervalTask("a")) is False


async def test_arguments_are_checked(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidType) as caught:
        await scheduler.cancel_run("a", hand_back=1)  # type: ignore[arg-type]
    assert caught.value.field == "hand_back"
    with pytest.raises(InvalidType):
        await scheduler.cancel_run(5)  # type: ignore[arg-type]


async def test_at_most_once_there_is_no_lease(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler, delivery="at-most-once")
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR))
    await there.begins()
    assert await there.scheduler.cancel_run("a") is False
    await there.scheduler.assign_task(IntervalTask("leased", every=HOUR, retries=1, backoff=HOUR))
    await there.begins()
    assert await there.scheduler.cancel_run("leased") is True
    assert (await there.fails())[0] == "leased"
    there.go_on.set()


async def test_a_run_that_swallows_it_is_told_and_left_to_its_lease(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    there = await worker(make_scheduler, cancel_grace_seconds=0.05, lease_seconds=600)
    there.swallows = True
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR))
    run = await there.begins()
    assert await there.scheduler.cancel_run("a") is True
    await until(lambda: run.is_given_up)
    assert "did not end within 0.05 s of being cancelled (cancelled)" in caplog.text
    assert await state(there.scheduler) == ("leased", 1)
    there.go_on.set()
    await until(lambda: is_state(there.scheduler, ("waiting", 1)))  # it ended by itself, as a run that went well


async def test_the_next_run_of_the_task_is_not_hit(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    scheduler = there.scheduler
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    first = await there.begins()
    await scheduler.run_task_now("a")  # once more after this one
    assert await scheduler.cancel_run("a") is True
    second = await there.begins()
    assert second.token > first.token
    # A late copy of the announcement says what was true before.
    for partition in scheduler._lifespan.require().partitions.all:
        partition.cancels.tell(b"%d a" % first.token)
        partition.cancels.tell(b"%d a" % second.token)  # nor does anybody's word for it do
        partition.cancels.tell(b"")
        partition.cancels.tell(b"nonsense")
    assert await state(scheduler) == ("leased", 1)
    assert second.cut_short is None
    there.go_on.set()
    await until(lambda: is_state(scheduler, ("waiting", 1)))


async def test_a_drain_does_not_hand_back_what_is_cancelled(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler, lease_seconds=600)
    scheduler = there.scheduler
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await there.begins()
    for partition in scheduler._lifespan.require().partitions.all:
        partition.cancels.listeners.clear()
    assert await scheduler.cancel_run("a") is True
    await scheduler.stop_task_execute(drain_seconds=0)
    found = await scheduler.get_task("a")
    assert found is not None
    assert (found.state, found.failures) == ("waiting", 1)


async def test_beside_a_removal(make_scheduler: MakeScheduler) -> None:
    there = await worker(make_scheduler)
    await there.scheduler.assign_task(IntervalTask("a", every=HOUR))
    await there.begins()
    cancelled, removed = await asyncio.gather(there.scheduler.cancel_run("a"), there.scheduler.remove_task("a"))
    assert (cancelled, removed) == (True, True)  # in the order in which they were made
    await there.scheduler.assign_task(IntervalTask("b", every=HOUR))
    await there.begins()
    removed, cancelled = await asyncio.gather(there.scheduler.remove_task("b"), there.scheduler.cancel_run("b"))
    assert (removed, cancelled) == (True, False)
    there.go_on.set()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(there.errors.get(), 0.1)  # there may be one, of the first

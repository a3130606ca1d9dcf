"""Running: intervals, one-shots, changes during a run, order, concurrency, draining."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import AlreadyExecuting, IntervalTask, OutsideRun, Scheduler, TaskRun, current_run
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


async def test_an_interval_task_runs_on_its_own_grid(scheduler: Scheduler) -> None:
    recorder = Recorder()
    start = round(time.time(), 1) + 0.2
    await scheduler.assign_task(IntervalTask("a", "data", every=0.1, start=start))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(4)
    for run in recorder.runs:
        periods = (run.due - start) / 0.1
        assert abs(periods - round(periods)) < 0.02
        assert run.lag >= 0, "never early"
    dues = [run.due for run in recorder.runs]
    assert dues == sorted(set(dues))


async def test_a_one_shot_runs_once_and_is_gone(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", b"\x00bytes"))
    await recorder.ran(1)
    await until(lambda: _is_gone(scheduler, "a"))
    await scheduler.assign_task(IntervalTask("b"))
    await recorder.ran(2)
    assert recorder.data == [b"\x00bytes", ""]


async def _is_gone(scheduler: Scheduler, task_id: str) -> bool:
    return await scheduler.get_task(task_id) is None


async def test_the_run_tells_what_it_is(scheduler: Scheduler) -> None:
    recorder = Recorder()
    before = time.time()
    await scheduler.assign_task(IntervalTask("a", "data"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    run = recorder.runs[0]
    assert (run.id, run.data, run.attempt) == ("a", "data", 1)
    assert before - 1 <= run.due <= time.time() + 1
    assert 0 <= run.lag < 10
    assert run.token > 0
    with pytest.raises(OutsideRun):
        current_run()


async def test_missed_occurrences_coalesce_into_one_run(scheduler: Scheduler) -> None:
    recorder = Recorder()
    start = time.time() - 1000.25
    await scheduler.assign_task(IntervalTask("a", every=100, start=start))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await until(lambda: _is_waiting(scheduler, "a"))
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.next_run == pytest.approx(start + 1100, abs=0.002)
    assert len(recorder.runs) == 1


async def _is_waiting(scheduler: Scheduler, task_id: str) -> bool:
    task = await scheduler.get_task(task_id)
    return task is not None and task.state == "waiting" and task.next_run > time.time()


async def test_fixed_delay_counts_from_the_end_of_the_run(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=50, start=time.time() - 20, repeat="delay"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    ended = time.time()
    recorder.gate.set()
    await until(lambda: _is_waiting(scheduler, "a"))
    task = await scheduler.get_task("a")
    assert task is not None
    assert ended + 49.9 <= task.next_run <= time.time() + 50.1


async def test_a_task_does_not_overlap_itself(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=0.02))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.state == "leased"
    assert await scheduler.queue_size() == 0
    recorder.gate.set()
    await recorder.ran(3)
    assert recorder.most_active == 1


async def test_past_tasks_run_first_by_due_time(scheduler: Scheduler) -> None:
    recorder = Recorder()
    now = time.time()
    for age in (5, 50, 1, 20):
        await scheduler.assign_task(IntervalTask(f"{age}", f"{age}", start=now - age))
    await scheduler.start_task_execute(recorder, concurrency=1)
    await recorder.ran(4)
    assert recorder.data == ["50", "20", "5", "1"]


async def test_no_more_runs_at_once_than_asked_for(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(50)])
    await scheduler.start_task_execute(recorder, concurrency=7)
    await recorder.ran(7)
    recorder.gate.set()
    await recorder.ran(50)
    assert recorder.most_active == 7


async def test_what_waits_too_long_in_the_process_is_handed_back(make_scheduler: MakeScheduler) -> None:
    busy, free = await make_scheduler(concurrency=1, prefetch=10), await make_scheduler()
    blocked, recorder = Recorder(), Recorder()
    blocked.gate.clear()
    await busy.assign_tasks([IntervalTask(f"t{n}") for n in range(5)])
    await busy.start_task_execute(blocked)
    await blocked.ran(1)
    await free.start_task_execute(recorder)
    await recorder.ran(1)
    blocked.gate.set()
    await until(lambda: len(blocked.runs) + len(recorder.runs) == 5)
    await until(lambda: _is_empty(free))
    assert len({run.id for run in blocked.runs + recorder.runs}) == 5


async def _is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


@pytest.mark.parametrize("reschedule", ["keep", "interval", "start"])
async def test_re_assigned_while_running(scheduler: Scheduler, reschedule: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    due = time.time() - 0.5
    await scheduler.assign_task(IntervalTask("a", "old", every=1000, start=due))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    start = time.time() + 500
    again = IntervalTask("a", "new", every=300, start=start)
    assert await scheduler.assign_task(again, reschedule=reschedule) is False  # type: ignore[arg-type]
    recorder.gate.set()
    await until(lambda: _is_waiting(scheduler, "a"))
    task = await scheduler.get_task("a")
    assert task is not None
    assert (task.data, task.every) == ("new", 300)
    assert task.next_run == pytest.approx(start if reschedule == "start" else due + 300, abs=0.002)


async def test_a_one_shot_re_assigned_during_its_run_runs_again(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", "old"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert await scheduler.assign_task(IntervalTask("a", "new")) is False
    recorder.gate.set()
    await recorder.ran(2)
    assert recorder.data == ["old", "new"]
    await until(lambda: _is_gone(scheduler, "a"))


async def test_removed_while_running_is_not_rescheduled(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert await scheduler.remove_task("a") is True
    assert await scheduler.remove_task("a") is False
    recorder.gate.set()
    await scheduler.stop_task_execute()
    assert recorder.cancelled == []
    assert len(recorder.runs) == 1
    assert await scheduler.task_size() == 0


async def test_a_run_may_remove_its_own_task(scheduler: Scheduler) -> None:
    removed: list[bool] = []

    async def executor(data: str) -> None:
        removed.append(await scheduler.remove_task(current_run().id))

    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await scheduler.start_task_execute(executor)
    await until(lambda: removed)
    await scheduler.stop_task_execute()
    assert removed == [True]
    assert await scheduler.task_size() == 0


async def test_no_run_starts_after_remove_returns(make_scheduler: MakeScheduler) -> None:
    remover, worker = await make_scheduler(), await make_scheduler(concurrency=1, prefetch=50)
    started: list[tuple[float, str]] = []

    async def executor(data: str) -> None:
        started.append((time.monotonic(), data))
        await asyncio.sleep(0.02)  # the work of a run: tasks queue behind it, and are removed while they wait

    await remover.assign_tasks([IntervalTask(f"t{n}", f"t{n}", every=0.05) for n in range(20)])
    await worker.start_task_execute(executor)
    await until(lambda: len(started) > 10)
    returned: dict[str, float] = {}

    async def remove(task_id: str) -> None:
        await remover.remove_task(task_id)
        returned[task_id] = time.monotonic()

    await asyncio.gather(*(remove(f"t{n}") for n in range(20)))
    so_far = len(started)
    # A task that is due after the time of six more intervals: whatever was due before would have run before.
    await remover.assign_task(IntervalTask("marker", "marker", start=time.time() + 0.3))
    await until(lambda: started[-1][1] == "marker")
    assert len(started) == so_far + 1
    returned["marker"] = math.inf
    assert [task_id for moment, task_id in started if moment > returned[task_id]] == []


async def test_an_executor_that_raises_is_told_and_the_task_goes_on(scheduler: Scheduler) -> None:
    told: list[tuple[TaskRun, BaseException]] = []

    async def executor(data: str) -> None:
        raise RuntimeError("broken")

    scheduler.on("run-error", lambda run, error: told.append((run, error)))
    await scheduler.assign_task(IntervalTask("a", every=0.02))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(told) >= 3)
    assert {(run.id, str(error)) for run, error in told} == {("a", "broken")}


async def test_a_cancelled_inside_of_an_executor_is_its_own_failure(scheduler: Scheduler) -> None:
    told: list[BaseException] = []

    async def executor(data: str) -> None:
        raise asyncio.CancelledError

    scheduler.on("run-error", lambda run, error: told.append(error))
    await scheduler.assign_task(IntervalTask("a", every=0.02))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(told) >= 2)


async def test_stop_waits_for_runs_in_progress(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    stopping = asyncio.create_task(scheduler.stop_task_execute(drain_seconds=20))
    await until(lambda: not scheduler.executing_tasks)
    recorder.gate.set()
    await stopping
    assert recorder.cancelled == []
    assert await scheduler.task_size() == 0


async def test_what_has_ended_is_completed_when_stop_returns(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    runs = 700  # more than one batch
    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(runs)])
    await scheduler.start_task_execute(recorder, concurrency=runs)
    await recorder.ran(runs)
    stopping = asyncio.create_task(scheduler.stop_task_execute(drain_seconds=20))
    recorder.gate.set()
    await stopping
    assert len(recorder.runs) == runs
    assert await scheduler.task_size() == 0


async def test_stop_cuts_short_and_hands_back_what_does_not_end(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", "data"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await scheduler.stop_task_execute(drain_seconds=0.05)
    assert [run.id for run in recorder.cancelled] == ["a"]
    task = await scheduler.get_task("a")
    assert task is not None
    assert (task.state, task.attempt, task.next_run) == ("waiting", 1, recorder.runs[0].due)
    recorder.gate.set()
    await scheduler.start_task_execute(recorder)
    await recorder.ran(2)
    assert recorder.runs[1].attempt == 1, "a task handed back is charged no attempt"
    assert recorder.runs[1].token > recorder.runs[0].token


async def test_stopping_and_starting_again(scheduler: Scheduler) -> None:
    recorder = Recorder()
    for times in range(1, 4):
        await scheduler.start_task_execute(recorder)
        with pytest.raises(AlreadyExecuting):
            await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("a"))
        await recorder.ran(times)
        await scheduler.stop_task_execute()
        assert not scheduler.executing_tasks


async def test_at_most_once_reschedules_at_the_claim(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(delivery="at-most-once")
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", b"once"))
    await scheduler.assign_task(IntervalTask("b", "again", every=100, start=time.time() - 250))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(2)
    assert sorted(map(str, recorder.data)) == ["again", "b'once'"]
    assert await scheduler.get_task("a") is None
    task = await scheduler.get_task("b")
    assert task is not None
    assert (task.state, task.next_run > time.time()) == ("waiting", True)
    recorder.gate.set()


async def test_an_own_executor_wakes_for_a_nearer_task(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(check_tasks_every_seconds=3600)  # it does not come across it
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("late", start=time.time() + 3600))
    await scheduler.assign_task(IntervalTask("soon", start=time.time() + 0.2))
    await recorder.ran(1)
    assert recorder.runs[0].id == "soon"


async def test_another_scheduler_wakes_for_a_nearer_task(make_scheduler: MakeScheduler) -> None:
    worker = await make_scheduler(check_tasks_every_seconds=3600)  # it does not come across it
    assigner = await make_scheduler()
    recorder = Recorder()
    await worker.start_task_execute(recorder)
    await assigner.assign_task(IntervalTask("first"))
    await recorder.ran(1)
    await assigner.assign_task(IntervalTask("soon", start=time.time() + 0.2))
    await recorder.ran(2)

"""The README of the npm original, behaviour by behaviour. See also the other `test_seed_*` files."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, NotAcceptingTasks, Scheduler, Task
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


def doing(scheduler: Scheduler) -> tuple[bool, bool]:
    """Whether it accepts, and whether it executes."""
    return scheduler.accepting_tasks, scheduler.executing_tasks


class MyTaskObject(Task):
    """The task of the README."""

    def __init__(self, user_id: int, every: float | None = 60) -> None:
        self.user_id = user_id
        self.every = every

    def serialize(self) -> str:
        return json.dumps({"userId": self.user_id, "taskType": "MyTask"})

    @property
    def on_execute_reschedule_to(self) -> float | None:
        return self.every

    @property
    def execute_on(self) -> float:
        return time.time()

    @property
    def id(self) -> str:
        return f"user:{self.user_id}"


async def test_implement_a_task_object(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.assign_task(MyTaskObject(1))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert json.loads(recorder.data[0]) == {"userId": 1, "taskType": "MyTask"}
    first = recorder.runs[0].due

    async def rescheduled() -> bool:
        found = await scheduler.get_task("user:1")
        return found is not None and found.state == "waiting" and found.next_run == pytest.approx(first + 60)

    await until(rescheduled)


async def test_without_an_interval_a_task_runs_once(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.assign_task(MyTaskObject(1, every=None))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)

    async def gone() -> bool:
        return await scheduler.task_size() == 0

    await until(gone)  # what is not scheduled cannot run again
    assert await scheduler.is_scheduled("user:1") is None
    assert len(recorder.runs) == 1


async def test_a_task_runs_at_its_time_and_not_before(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    start = round(time.time() + 1.5, 3)
    await scheduler.assign_task(IntervalTask("later", start=start))
    assert await scheduler.queue_size() == 0 or time.time() >= start
    await recorder.ran(1)
    assert recorder.runs[0].due == pytest.approx(start)
    assert recorder.runs[0].lag >= 0
    assert time.time() >= start


async def test_an_interval_task_runs_again_and_again_at_its_interval(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.assign_task(MyTaskObject(1, every=0.1))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(4)
    dues = [run.due for run in recorder.runs]
    for before, after in itertools.pairwise(dues):
        steps = (after - before) / 0.1
        assert steps == pytest.approx(round(steps), abs=1e-4)  # always on its own grid, missed ones left out
        assert round(steps) >= 1


async def test_assigning_tasks(make_scheduler: MakeScheduler, url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    assert doing(scheduler) == (False, False)
    await scheduler.start_task_accept()
    assert doing(scheduler) == (True, False)
    assert await scheduler.assign_task(MyTaskObject(1)) is True
    assert await scheduler.assign_task(MyTaskObject(2)) is True
    assert await scheduler.assign_task(MyTaskObject(1)) is False
    assert await scheduler.task_size() == 2
    await scheduler.close()


async def test_removing_tasks_by_the_task_object(scheduler: Scheduler) -> None:
    await scheduler.assign_task(MyTaskObject(1))
    await scheduler.assign_task(MyTaskObject(2))
    assert await scheduler.remove_task(MyTaskObject(1)) is True
    assert await scheduler.remove_task(MyTaskObject(1)) is False
    assert await scheduler.is_scheduled(MyTaskObject(1)) is None
    assert await scheduler.is_scheduled(MyTaskObject(2)) == MyTaskObject(2).serialize()
    assert await scheduler.task_size() == 1


@pytest.mark.parametrize("data", ["text ü\n", b"\x00\xff bytes", "", b""])
async def test_the_executor_gets_exactly_what_serialize_returned(scheduler: Scheduler, data: str | bytes) -> None:
    recorder = Recorder()
    await scheduler.assign_task(IntervalTask("a", data))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert recorder.data == [data]
    assert type(recorder.data[0]) is type(data)


async def test_start_pulling_tasks(make_scheduler: MakeScheduler, url: str, namespace: str) -> None:
    assigner, recorder = await make_scheduler(), Recorder()
    puller = Scheduler.from_url(url, namespace=namespace, check_tasks_every_seconds=3600)
    await puller.start_task_execute(recorder)  # connects by itself, and need not accept tasks
    assert doing(puller) == (False, True)
    await assigner.assign_task(MyTaskObject(1))
    await recorder.ran(1)  # it learns of the task at once, not after an hour
    assert json.loads(recorder.data[0])["userId"] == 1
    await puller.close()
    assert doing(puller) == (False, False)


async def test_stopping_task_execution_while_tasks_are_still_accepted(make_scheduler: MakeScheduler) -> None:
    stopped, other = await make_scheduler(), await make_scheduler()
    before, after = Recorder(), Recorder()
    await stopped.start_task_execute(before)
    assert doing(stopped) == (True, True)
    await stopped.stop_task_execute()
    assert doing(stopped) == (True, False)
    assert await stopped.assign_task(MyTaskObject(1)) is True  # OK - tasks are still accepted
    assert await stopped.queue_size() == 1
    # That it is not called is shown by another scheduler, which gets the task.
    await other.start_task_execute(after)
    await after.ran(1)
    assert before.runs == []
    await stopped.start_task_execute(before)
    await stopped.assign_task(MyTaskObject(2))
    await until(lambda: len(before.runs) + len(after.runs) == 2)


async def test_stopping_task_accept_while_execution_goes_on(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.assign_task(MyTaskObject(1, every=0.05))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await scheduler.stop_task_accept()
    assert doing(scheduler) == (False, True)
    with pytest.raises(NotAcceptingTasks, match=r"^not accepting tasks"):
        await scheduler.assign_task(MyTaskObject(2))
    with pytest.raises(NotAcceptingTasks, match=r"^not accepting tasks"):
        await scheduler.assign_tasks([MyTaskObject(2)])
    assert doing(scheduler) == (False, True)
    await recorder.ran(len(recorder.runs) + 2)  # the executor is still called
    assert await scheduler.is_scheduled("user:2") is None
    assert await scheduler.remove_task("user:1") is True


async def test_clearing_all_tasks(make_scheduler: MakeScheduler, namespace: str) -> None:
    scheduler, other = await make_scheduler(), await make_scheduler(namespace=f"{namespace}-other")
    await scheduler.assign_tasks([MyTaskObject(number) for number in range(700)])
    await other.assign_task(MyTaskObject(1))
    held = await scheduler.try_lock("user:1")
    assert held is not None
    assert await scheduler.clear_all_tasks() == 700
    assert await scheduler.task_size() == 0
    assert await scheduler.clear_all_tasks() == 0
    assert await other.task_size() == 1, "another namespace is not touched"
    assert await scheduler.unlock(held) is True, "locks are no tasks"
    assert await scheduler.assign_task(MyTaskObject(1)) is True


async def test_updating_a_scheduled_task_takes_effect_after_its_next_run(scheduler: Scheduler) -> None:
    start = round(time.time() + 0.4, 3)
    await scheduler.assign_task(IntervalTask("a", "old", every=0.1, start=start))
    assert await scheduler.assign_task(IntervalTask("a", "new", every=600, start=start + 50)) is False
    found = await scheduler.get_task("a")
    assert found is not None
    assert (found.data, found.every) == ("new", 600)
    assert found.next_run == pytest.approx(start)
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert recorder.data == ["new"]
    assert recorder.runs[0].due == pytest.approx(start)

    async def next_run() -> bool:
        later = await scheduler.get_task("a")
        return later is not None and later.next_run == pytest.approx(start + 600)

    await until(next_run)


async def test_two_schedulers_assign_the_same_task_and_it_runs_once(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    recorders = [Recorder(), Recorder()]
    tasks = [IntervalTask(f"task:{number}", str(number)) for number in range(200)]
    start = time.time() + 0.3
    tasks = [IntervalTask(task.id, task.data, start=start) for task in tasks]
    results = await asyncio.gather(*(scheduler.assign_task(task) for task in tasks for scheduler in (one, other)))
    assert sorted(results) == [False] * 200 + [True] * 200
    assert await one.task_size() == 200
    for scheduler, recorder in zip((one, other), recorders, strict=True):
        await scheduler.start_task_execute(recorder)

    async def gone() -> bool:
        return await one.task_size() == 0

    await until(gone)
    ran = sorted(int(data) for recorder in recorders for data in recorder.data)
    assert ran == list(range(200))


async def test_is_scheduled_queue_size_and_task_size(scheduler: Scheduler) -> None:
    assert await scheduler.is_scheduled("user:1") is None
    assert (await scheduler.task_size(), await scheduler.queue_size()) == (0, 0)
    await scheduler.assign_task(MyTaskObject(1))
    await scheduler.assign_task(IntervalTask("later", "data", start=time.time() + 3600))
    assert await scheduler.is_scheduled("later") == "data"
    assert (await scheduler.task_size(), await scheduler.queue_size()) == (2, 1)


async def test_online(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    seen: list[str] = []
    scheduler.on("online", lambda: seen.append("online"))
    states = [scheduler.online]
    await scheduler.connect()
    states.append(scheduler.online)
    await scheduler.connect()
    assert seen == ["online"]
    await scheduler.close()
    states.append(scheduler.online)
    await scheduler.close()
    assert states == [False, True, False]


async def test_a_closed_scheduler_can_be_started_again(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    recorder = Recorder()
    for number in range(3):
        await scheduler.start_task_accept()
        await scheduler.assign_task(IntervalTask(f"task:{number}"))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(number + 1)
        await scheduler.close()
    assert len(recorder.runs) == 3

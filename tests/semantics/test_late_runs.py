"""Late runs that are skipped, one more run after a long one, and the jitter, as the API shows them."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler, TaskRun, current_run
from interval_scheduler.model.jitter import draw
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
#: On a grid of an hour.
SOON = 1_800_000_000 + 100 * 365 * 24 * HOUR // 10


def late(task_id: str = "a", by: float = 60, deadline: float = 30, **more: Any) -> IntervalTask:
    """A task that is due since some seconds, and starts too late."""
    return IntervalTask(task_id, task_id, start=time.time() - by, late="skip", start_deadline=deadline, **more)


class Watched:
    """A scheduler, what it runs and what it skips."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.runs: list[TaskRun] = []
        self.skipped: list[TaskRun] = []
        self.fail: BaseException | None = None
        scheduler.on("run-skipped", self.skipped.append)

    async def execute(self, _: Any) -> None:
        self.runs.append(current_run())
        if self.fail is not None:
            raise self.fail

    async def start(self) -> None:
        await self.scheduler.start_task_execute(self.execute)


@pytest.fixture
def watched(scheduler: Scheduler) -> Watched:
    return Watched(scheduler)


async def is_gone(scheduler: Scheduler, task_id: str = "a") -> bool:
    return await scheduler.get_task(task_id) is None


async def test_a_late_one_shot_is_over_and_told(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    await watched.scheduler.assign_task(late())
    await watched.start()
    await until(lambda: is_gone(watched.scheduler))
    (run,) = watched.skipped
    assert (run.id, run.data, watched.runs) == ("a", "a", [])
    assert run.lag > 30
    assert "the run of task 'a' was skipped: it could not start within its start deadline" in caplog.text
    assert [task async for task in watched.scheduler.dead_tasks()] == []


async def test_a_late_recurring_task_goes_on_with_its_next_occurrence(watched: Watched) -> None:
    task = late(every=HOUR, max_runs=1)
    await watched.scheduler.assign_task(task)
    await watched.start()
    await until(lambda: len(watched.skipped) == 1)

    async def goes_on() -> bool:
        found = await watched.scheduler.get_task("a")
        assert found is not None, "a run that is skipped is not counted"
        assert isinstance(task.start, float)
        return found.state == "waiting" and abs(found.next_run - task.start - HOUR) < 0.01

    await until(goes_on)
    assert watched.runs == []


async def test_one_that_is_late_by_less_runs(watched: Watched) -> None:
    await watched.scheduler.assign_task(late(by=20))
    await watched.start()
    await until(lambda: is_gone(watched.scheduler))
    assert (len(watched.runs), watched.skipped) == (1, [])


@pytest.mark.parametrize("more", [{}, {"group": "g"}], ids=["waiting", "of a group"])
async def test_the_deadline_counts_from_a_run_now(watched: Watched, more: dict[str, Any]) -> None:
    await watched.scheduler.assign_task(late(**more))
    assert await watched.scheduler.run_task_now("a") is True
    await watched.start()
    await until(lambda: is_gone(watched.scheduler))
    assert (len(watched.runs), watched.skipped) == (1, [])


async def test_a_parked_task_is_late_by_its_own_time_unless_it_is_to_run_now(make_scheduler: MakeScheduler) -> None:
    watched = Watched(await make_scheduler(group_concurrency=1))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def execute(data: str) -> None:
        watched.runs.append(current_run())
        if data == "first":
            begun.set()
            await go_on.wait()

    await watched.scheduler.start_task_execute(execute)
    await watched.scheduler.assign_task(IntervalTask("first", "first", group="g"))
    await asyncio.wait_for(begun.wait(), 60)
    await watched.scheduler.assign_tasks([late("skipped", group="g"), late("now", group="g"), late("alone")])
    await until(lambda: is_gone(watched.scheduler, "alone"))  # the others are parked by then
    assert await watched.scheduler.run_task_now("now") is True
    go_on.set()
    await until(lambda: is_gone(watched.scheduler, "skipped"))
    await until(lambda: is_gone(watched.scheduler, "now"))
    assert [run.id for run in watched.runs] == ["first", "now"]
    assert {run.id for run in watched.skipped} == {"alone", "skipped"}


async def test_a_retry_and_a_revived_task_have_their_own_time(watched: Watched) -> None:
    watched.fail = ValueError("no")
    await watched.scheduler.assign_task(late(by=0, deadline=60, retries=1, backoff=0.01))
    await watched.start()

    async def died() -> bool:
        return [task.id async for task in watched.scheduler.dead_tasks()] == ["a"]

    await until(died)
    assert [run.attempt for run in watched.runs] == [1, 2]
    watched.fail = None
    assert await watched.scheduler.revive_task("a") is True
    await until(lambda: is_gone(watched.scheduler))
    assert (len(watched.runs), watched.skipped) == (3, [])


async def test_a_one_shot_that_was_paused_counts_from_when_it_is_resumed(watched: Watched) -> None:
    await watched.scheduler.assign_task(late())
    await watched.scheduler.pause_task("a")
    await watched.scheduler.resume_task("a")
    await watched.start()
    await until(lambda: is_gone(watched.scheduler))
    assert (len(watched.runs), watched.skipped) == (1, [])


async def test_at_most_once_late_runs_are_skipped_too(make_scheduler: MakeScheduler) -> None:
    watched = Watched(await make_scheduler(delivery="at-most-once"))
    await watched.scheduler.assign_tasks(
        [late("once"), late("cron", every=None, cron="0 0 1 1 *"), IntervalTask("runs")]
    )
    await watched.start()
    await until(lambda: len(watched.runs) == 1 and watched.skipped)
    assert [run.id for run in watched.skipped] == ["once"]
    assert [run.id for run in watched.runs] == ["runs"]


async def test_a_run_over_several_occurrences_is_followed_by_one_at_once(watched: Watched) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def execute(_: Any) -> None:
        watched.runs.append(current_run())
        if len(watched.runs) == 1:
            begun.set()
            await go_on.wait()

    await watched.scheduler.assign_task(IntervalTask("a", every=0.2, overlap="once"))
    await watched.scheduler.start_task_execute(execute)
    await asyncio.wait_for(begun.wait(), 60)
    await asyncio.sleep(0.7)  # as long as the run is: three occurrences come in it
    go_on.set()
    await until(lambda: len(watched.runs) >= 3)
    first, second, third = (round(1000 * run.due) for run in watched.runs[:3])
    assert (second - first) % 200 == 0
    assert second - first >= 600, "one for all of them, the last"
    assert third > second
    assert (third - second) % 200 == 0, "then on the grid"


# The jitter


def due_of(task_id: str, moment: float, jitter: float) -> float:
    moment_ms = round(1000 * moment)
    return (moment_ms + draw(task_id.encode(), moment_ms, round(1000 * jitter))) / 1000


async def next_run(scheduler: Scheduler, task_id: str = "a") -> float:
    found = await scheduler.get_task(task_id)
    assert found is not None
    return found.next_run


async def test_the_next_run_is_what_is_told(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"{n}", every=HOUR, start=SOON, jitter=600) for n in range(50)])
    found = {task.id: task async for task in scheduler.tasks()}
    assert all(found[f"{n}"].next_run == due_of(f"{n}", SOON, 600) for n in range(50))
    assert len({task.next_run for task in found.values()}) > 40
    assert all(SOON <= task.next_run <= SOON + 600 for task in found.values())
    assert all(task.planned in (None, SOON) for task in found.values())


@pytest.mark.parametrize("rule", ["keep", "interval"])
async def test_assigning_it_again_moves_neither_run_nor_grid(scheduler: Scheduler, rule: Any) -> None:
    task = IntervalTask("a", every=HOUR, start=SOON, jitter=600)
    await scheduler.assign_task(task)
    for _ in range(5):
        await scheduler.assign_task(task, reschedule=rule)
        assert await next_run(scheduler) == due_of("a", SOON, 600)
    counts = await scheduler.sync_tasks([task], scope="a")
    assert counts.unchanged == 1
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.to_task() == task
    await scheduler.assign_task(dataclasses.replace(task, every=2 * HOUR), reschedule="interval")
    assert await next_run(scheduler) == due_of("a", SOON + HOUR, 600), "from the previous time on the grid"
    await scheduler.assign_task(IntervalTask("a", every=2 * HOUR, start=SOON))
    await scheduler.assign_task(IntervalTask("a", every=2 * HOUR, start=SOON), reschedule="interval")
    assert await next_run(scheduler) == SOON + HOUR, "without its jitter, it is on the grid that it had"


async def test_a_jitter_that_is_given_later_applies_to_the_next_run(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, start=SOON))
    await scheduler.assign_task(IntervalTask("a", every=HOUR, jitter=600))
    assert await next_run(scheduler) == due_of("a", SOON, 600)
    await scheduler.assign_task(IntervalTask("a", every=HOUR, jitter=60))
    assert await next_run(scheduler) == due_of("a", SOON, 60)
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    assert await next_run(scheduler) == due_of("a", SOON, 60), "the next run stays where it is"


async def test_a_task_of_a_cron_expression_is_given_back_at_its_time(scheduler: Scheduler) -> None:
    task = IntervalTask("a", cron="0 3 * * *", start=SOON, jitter=HOUR)
    await scheduler.assign_task(task)
    found = await scheduler.get_task("a")
    assert found is not None
    again = found.to_task()
    assert again.start is not None
    assert isinstance(again.start, float)
    assert again.start % (24 * HOUR) == 3 * HOUR
    assert 0 < found.next_run - again.start <= HOUR
    await scheduler.remove_task("a")
    await scheduler.assign_task(again)
    assert await next_run(scheduler) == found.next_run


async def test_spread_and_jitter_go_together(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=HOUR, spread=True, jitter=600))
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.rules.spread
    assert found.planned is not None
    assert found.next_run == due_of("a", found.planned, 600)

"""A bound on the runs of one group, over all schedulers, that starves nobody."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.semantics.test_failures import end_leases
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


class Counting:
    """An executor that counts the runs of each group at once, and can be held up."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.order: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, group: str) -> None:
        self.order.append(current_run().id)
        self.running[group] += 1
        self.most[group] = max(self.most[group], self.running[group])
        try:
            await self.gate.wait()
            await asyncio.sleep(0.002)  # so that runs of a group can overlap
        finally:
            self.running[group] -= 1


def tasks(group: str, count: int, *, start: float | None = None, every: float | None = None) -> list[IntervalTask]:
    return [IntervalTask(f"{group}:{n:03}", group, group=group, start=start, every=every) for n in range(count)]


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_no_group_has_more_runs_than_it_may(make_scheduler: MakeScheduler, delivery: str) -> None:
    executor = Counting()
    schedulers = [await make_scheduler(delivery=delivery, group_concurrency=3) for _ in range(3)]
    await schedulers[0].assign_tasks([*tasks("a", 200), *tasks("b", 50), *tasks("c", 2)])
    for scheduler in schedulers:
        await scheduler.start_task_execute(executor)
    await until(lambda: is_empty(schedulers[0]))
    assert len(executor.order) == len(set(executor.order)) == 252
    assert executor.most == {"a": 3, "b": 3, "c": 2}


async def test_a_backlog_starves_nobody(make_scheduler: MakeScheduler) -> None:
    executor = Counting()
    scheduler = await make_scheduler(group_concurrency=2, concurrency=4)
    long_ago = time.time() - 100
    await scheduler.assign_tasks([*tasks("a", 300, start=long_ago), *tasks("b", 300, start=long_ago)])
    await scheduler.start_task_execute(executor)
    await until(lambda: len(executor.order) > 20)
    await scheduler.assign_tasks(tasks("c", 5))
    await scheduler.assign_task(IntervalTask("alone", "none"))
    before = len(executor.order)
    await until(lambda: {"alone", "c:004"} <= set(executor.order))
    assert len(executor.order) - before < 100, "it did not wait for 500 others"


async def test_what_is_parked_is_still_there(make_scheduler: MakeScheduler) -> None:
    """More than one claim takes and one page holds; many groups at once, so that few have to wait for many others."""
    executor = Counting()
    executor.gate.clear()
    scheduler = await make_scheduler(group_concurrency=1)
    groups, count, start = [f"g{n:02}" for n in range(70)], 700, round(time.time()) - 5
    for group in groups:
        await scheduler.assign_tasks(tasks(group, count // len(groups), start=start, every=HOUR))
    await scheduler.start_task_execute(executor)

    async def all_but_one_of_each_parked() -> bool:
        waiting = await scheduler.queue_size()
        return executor.running == dict.fromkeys(groups, 1) and waiting == count - len(groups)

    await until(all_but_one_of_each_parked)
    assert await scheduler.task_size() == count
    everything = {f"{group}:{n:03}" for group in groups for n in range(count // len(groups))}
    assert sorted([task.id async for task in scheduler.tasks()]) == sorted(everything)
    parked = sorted(everything.difference(executor.order))
    task = await scheduler.get_task(parked[0])
    assert task is not None
    assert (task.state, task.group) == ("waiting", "g00")
    assert task.next_run == start, "its own due time"
    assert await scheduler.is_scheduled(parked[0]) == "g00"
    assert await scheduler.remove_task(parked[0])
    assert await scheduler.pause_task(parked[1])
    assert not await scheduler.assign_task(IntervalTask(parked[2], "other", every=HOUR))
    assert await scheduler.run_task_now(parked[3])
    assert await scheduler.resume_task(parked[3])
    await until(lambda: parked[2] in executor.order)
    executor.gate.set()
    await until(lambda: len(set(executor.order)) == count - 2)
    assert max(executor.most.values()) == 1
    assert parked[0] not in executor.order
    assert parked[1] not in executor.order
    assert await scheduler.resume_task(parked[1])
    assert await scheduler.clear_all_tasks() == count - 1


async def test_the_due_time_of_a_parked_task_is_its_own(make_scheduler: MakeScheduler) -> None:
    dues: list[float] = []
    scheduler = await make_scheduler(group_concurrency=1)
    start = round(time.time()) - 50

    async def note(_: str) -> None:
        dues.append(current_run().due)
        await asyncio.sleep(0.02)  # the work of a run, behind which the others become overdue

    await scheduler.assign_tasks([IntervalTask(f"t{n}", group="g", start=start + n) for n in range(5)])
    await scheduler.start_task_execute(note)
    await until(lambda: is_empty(scheduler))
    assert dues == [start + n for n in range(5)]


async def test_a_crash_gives_the_places_back_with_its_leases(make_scheduler: MakeScheduler) -> None:
    executor = Counting()
    executor.gate.clear()
    dying = await make_scheduler(group_concurrency=2)
    await dying.assign_tasks(tasks("a", 6))
    await dying.start_task_execute(executor)
    await until(lambda: executor.running["a"] == 2)
    host = dying._lifespan._task
    assert host is not None
    host.cancel()
    await until(lambda: executor.running["a"] == 0)
    await asyncio.wait([host])
    executor.gate.set()
    other = await make_scheduler(group_concurrency=2)
    await end_leases(other)
    await other.start_task_execute(executor)
    await until(lambda: is_empty(other))
    assert executor.most["a"] == 2
    assert len(executor.order) == 8


async def test_runs_that_are_handed_back_give_their_places_back(make_scheduler: MakeScheduler) -> None:
    executor = Counting()
    executor.gate.clear()
    scheduler = await make_scheduler(group_concurrency=2)
    await scheduler.assign_tasks(tasks("a", 6))
    await scheduler.start_task_execute(executor)
    await until(lambda: executor.running["a"] == 2)
    await scheduler.stop_task_execute(drain_seconds=0)
    executor.gate.set()
    await scheduler.start_task_execute(executor)
    await until(lambda: is_empty(scheduler))
    assert executor.most["a"] == 2


async def test_runs_that_fail_give_their_places_back(make_scheduler: MakeScheduler) -> None:
    attempts: list[str] = []

    async def fail(_: str) -> None:
        attempts.append(current_run().id)
        raise RuntimeError

    scheduler = await make_scheduler(group_concurrency=1)
    await scheduler.assign_tasks(
        [IntervalTask(f"t{n}", group="g", retries=1, backoff=0.01) for n in range(5)],
    )
    await scheduler.start_task_execute(fail)
    await until(lambda: is_empty(scheduler))
    assert Counter(attempts) == dict.fromkeys((f"t{n}" for n in range(5)), 2)


async def test_without_a_bound_groups_are_only_counted(make_scheduler: MakeScheduler) -> None:
    executor = Counting()
    executor.gate.clear()
    scheduler = await make_scheduler()
    await scheduler.assign_tasks(tasks("a", 20))
    await scheduler.start_task_execute(executor)
    await until(lambda: executor.running["a"] == 20)
    executor.gate.set()
    await until(lambda: is_empty(scheduler))


async def test_the_bound_is_exact_on_any_number_of_partitions(namespace: str) -> None:
    executor = Counting()
    urls = ("memory://groups-a", "memory://groups-b", "memory://groups-c")
    async with Scheduler.from_url(*urls, namespace=namespace, group_concurrency={"a": 1, "*": 5}) as scheduler:
        of_a = [IntervalTask(f"{{a}}:{n}", "a", group="a") for n in range(50)]
        await scheduler.assign_tasks([*of_a, *(IntervalTask(f"{{b}}:{n}", "b", group="b") for n in range(200))])
        await scheduler.start_task_execute(executor)
        await until(lambda: is_empty(scheduler))
    assert executor.most == {"a": 1, "b": 5}

"""Many payloads of the greatest length: all of them run, and are found, listed and synced, in bounded portions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.waiting import until

pytestmark = pytest.mark.asyncio

_BIG: Final = "x" * (256 * 1024)
_IDS: Final = [f"t{n:02}" for n in range(40)]
_DAY: Final = 86_400


def big(**more: Any) -> list[IntervalTask]:
    return [IntervalTask(task_id, _BIG, **more) for task_id in _IDS]


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_each_runs_once(make_scheduler: Callable[..., Any], delivery: str) -> None:
    scheduler: Scheduler = await make_scheduler(delivery=delivery, concurrency=200)
    ran: Counter[str] = Counter()

    async def executor(data: str) -> None:
        assert data == _BIG
        ran[current_run().id] += 1

    await scheduler.assign_tasks([IntervalTask(f"s{n:03}") for n in range(100)])
    await scheduler.assign_tasks(big())
    light: Counter[str] = Counter()

    async def both(data: str) -> None:
        if data:
            await executor(data)
        else:
            light[current_run().id] += 1

    await scheduler.start_task_execute(both)
    await until(lambda: len(ran) == len(_IDS) and len(light) == 100)
    assert set(ran.values()) | set(light.values()) == {1}


async def test_all_are_looked_up_and_listed(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(big(every=_DAY, start=4e9))
    found = await asyncio.gather(*(scheduler.get_task(task_id) for task_id in [*_IDS, "none"]))
    assert [task and (task.id, task.data == _BIG) for task in found] == [*((each, True) for each in _IDS), None]
    assert [task.id async for task in scheduler.tasks()] == _IDS


async def test_all_are_assigned_again_paused_and_resumed(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(big(every=_DAY, start=4e9))
    await asyncio.gather(*map(scheduler.pause_task, _IDS))
    await asyncio.gather(*map(scheduler.resume_task, _IDS))
    await scheduler.assign_tasks(big(every=2 * _DAY))
    assert [(task.id, task.every) async for task in scheduler.tasks()] == [(each, 2 * _DAY) for each in _IDS]


async def test_they_are_assigned_again_while_they_run(scheduler: Scheduler) -> None:
    began, go_on, ended = set[str](), asyncio.Event(), asyncio.Event()

    async def executor(_: str) -> None:
        began.add(current_run().id)
        await go_on.wait()
        if len(began) == len(_IDS):
            ended.set()

    await scheduler.assign_tasks(big(every=_DAY))
    await scheduler.start_task_execute(executor, concurrency=100)
    await until(lambda: len(began) == len(_IDS))
    await scheduler.assign_tasks(big(every=2 * _DAY))
    go_on.set()
    await ended.wait()

    async def all_wait() -> bool:
        return len([task async for task in scheduler.tasks(state="waiting")]) == len(_IDS)

    await until(all_wait)
    assert {task.every async for task in scheduler.tasks()} == {2 * _DAY}


async def test_they_are_synced(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(big(every=_DAY, start=4e9))
    counts = await scheduler.sync_tasks(
        (IntervalTask(task_id, _BIG if n % 2 else "new", every=_DAY) for n, task_id in enumerate(_IDS[:30])), scope="t"
    )
    assert (counts.added, counts.updated, counts.unchanged, counts.removed) == (0, 15, 15, 10)
    assert (await scheduler.audit()).ok

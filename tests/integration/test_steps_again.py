"""Steps on tasks that are changed while they are resumed: what was carried out is not repeated, and the rest ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler, StorageRefused
from interval_scheduler.storage.commands import lookup
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.partition import resuming
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000


def _change_after_look(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[], Awaitable[object]], most: int
) -> list[int]:
    """Let somebody change the task between the look and the step, so many times; the list counts them."""
    looked: list[int] = []

    async def look(*args: Any) -> Any:
        rows = await lookup.look(*args)
        if len(looked) < most:
            looked.append(1)
            await change()
        return rows

    monkeypatch.setattr(resuming, "lookup", type("Looks", (), {"look": staticmethod(look)}))
    return looked


def _cron(minute: int) -> IntervalTask:
    return IntervalTask("cron", "x", cron=f"{minute} 4 * * *", start=FAR)


async def test_a_resume_that_is_overtaken_each_time_ends_with_an_error(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(1, 1000))
    async with (
        Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
        Scheduler.from_url(redis_server.url, namespace=namespace) as other,
    ):
        await scheduler.assign_task(_cron(0))
        await scheduler.assign_task(IntervalTask("plain", start=FAR))
        for task_id in ("cron", "plain"):
            assert await scheduler.pause_task(task_id)
        looked = _change_after_look(monkeypatch, lambda: other.assign_task(_cron(1 + next(numbers) % 59)), 1000)
        refused, done = await asyncio.gather(
            scheduler.resume_task("cron"), scheduler.resume_task("plain"), return_exceptions=True
        )
        assert isinstance(refused, StorageRefused)
        assert (refused.code, done) == ("CHANGED", True)
        assert len(looked) <= resuming.MOST_IN_VAIN + 2
        task = await scheduler.get_task("cron")
        assert task is not None
        assert task.state == "paused"
        looked.extend([1] * 1000)  # nobody changes it any more
        assert await scheduler.resume_task("cron")


async def test_a_few_changes_do_not_matter(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(1, 1000))
    async with (
        Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
        Scheduler.from_url(redis_server.url, namespace=namespace) as other,
    ):
        await scheduler.assign_task(_cron(0))
        await scheduler.pause_task("cron")
        _change_after_look(monkeypatch, lambda: other.assign_task(_cron(next(numbers))), resuming.MOST_IN_VAIN - 1)
        assert await scheduler.resume_task("cron")


async def test_a_step_beside_a_task_that_leaves_is_not_repeated(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While tasks move, `run_task_now` would let its task run twice."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        partition = scheduler._lifespan.require().partitions.master
        recorder = Recorder()
        await scheduler.assign_task(_cron(0))
        await scheduler.pause_task("cron")
        await scheduler.assign_task(IntervalTask("now", "now", every=3600, start=FAR))
        await scheduler.start_task_execute(recorder)
        async with Scheduler.from_url(redis_server.url, namespace=namespace) as other:

            async def changed() -> None:
                await other.assign_task(_cron(30))

            async def gone() -> None:
                await until(lambda: _has_run(other, "now", recorder))
                await other.remove_task("cron")

            changes = iter([changed, gone])

            async def change() -> None:
                await next(changes)()

            _change_after_look(monkeypatch, change, 2)
            steps = partition.if_exists.control
            resumed, ran = await asyncio.gather(
                steps.submit(ControlStep(b"cron", b"r")), steps.submit(ControlStep(b"now", b"n"))
            )
            assert (resumed, ran) == (None, "1")
        await until(lambda: _has_run(scheduler, "now", recorder))
        assert [run.id for run in recorder.runs] == ["now"]


async def _has_run(scheduler: Scheduler, task_id: str, recorder: Recorder) -> bool:
    task = await scheduler.get_task(task_id)
    assert task is not None
    return bool(recorder.runs) and task.state == "waiting" and task.next_run_at.timestamp() > time.time() + 1

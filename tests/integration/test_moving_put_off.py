"""A move of the list of partitions beside a task that nobody can work out."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


def _missing(*_: object, **__: object) -> int:
    raise LookupError("not installed")


async def test_it_ends_although_tasks_are_put_off_all_the_time(
    own_server: Callable[..., RedisServer], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interval_scheduler.execution.outcome.next_due_cron", _missing)
    urls = [own_server().url for _ in range(2)]
    tasks = [IntervalTask(f"cron{n}", cron="* * * * *", start=time.time() - 3600) for n in range(20)]
    async with Scheduler.from_url(urls[0], namespace=namespace) as old:
        await old.assign_tasks(tasks)
        await old.start_task_execute(Recorder())

        async def are_put_off() -> bool:
            return all([(await old.get_task(task.id)).state == "leased" for task in tasks])  # type: ignore[union-attr]

        await until(are_put_off)
    async with Scheduler.from_url(*urls, namespace=namespace, list_epoch=2) as new:
        recorder = Recorder()
        await new.start_task_execute(recorder)

        async def is_over() -> bool:
            return await new.moving() == ()

        await until(is_over)
        assert recorder.runs == []
        assert {task.id async for task in new.tasks()} == {task.id for task in tasks}
        assert len({task.partition async for task in new.tasks()}) == 2
        assert [task async for task in new.dead_tasks()] == []
        monkeypatch.undo()
        await until(lambda: {run.id for run in recorder.runs} == {task.id for task in tasks})
        assert {run.attempt for run in recorder.runs} == {1}

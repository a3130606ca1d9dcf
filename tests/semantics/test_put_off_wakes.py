"""A task that was put off, and can be worked out soon after: schedulers that sleep hear when the delay ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.waiting import Recorder, until

MakeScheduler = Callable[..., Awaitable[Scheduler]]
pytestmark = pytest.mark.asyncio


def _missing(*_: object, **__: object) -> int:
    raise LookupError("not installed")


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_a_scheduler_that_sleeps_gets_it_when_the_delay_ends(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch, delivery: str
) -> None:
    """The lease that it knows of ends half a minute later."""
    scheduler = await make_scheduler(delivery=delivery, lease_seconds=60, check_tasks_every_seconds=60)
    recorder = Recorder()
    monkeypatch.setattr("interval_scheduler.execution.outcome.next_due_cron", _missing)
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("cron", cron="* * * * *", start=time.time() - 3600))

    async def is_put_off() -> bool:
        return bool((await scheduler.check_health()).findings)

    await until(is_put_off)
    monkeypatch.undo()
    async with asyncio.timeout(25):
        await recorder.ran(1)

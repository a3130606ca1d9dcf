"""The fixture of `interval_scheduler.pytest_plugin`, as a test of an application uses it."""

from __future__ import annotations

import pytest

from interval_scheduler import IntervalTask
from interval_scheduler.pytest_plugin import scheduler_clock
from interval_scheduler.testing import START, TimeMachine

pytestmark = pytest.mark.asyncio

__all__ = ["scheduler_clock"]  # imported here, where an application names the plugin in its conftest.py


async def test_a_week_of_daily_reports(scheduler_clock: TimeMachine) -> None:
    days: list[int] = []

    async def report(_: str) -> None:
        days.append(scheduler_clock.now().day)

    scheduler = scheduler_clock.scheduler()
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(report)
    await scheduler.assign_task(IntervalTask("report", cron="30 6 * * *", timezone="Europe/Riga"))
    await scheduler_clock.advance(days=7)
    assert days == [1, 2, 3, 4, 5, 6, 7]
    assert scheduler_clock.time() == START.timestamp() + 7 * 86_400

"""When an execution that is stuck is told, and when again: in a time machine, where each moment is exact."""

from __future__ import annotations

import asyncio

import pytest

from interval_scheduler import IntervalTask
from interval_scheduler.testing import time_machine

pytestmark = pytest.mark.asyncio


async def test_the_time_doubles_from_one_warning_to_the_next_and_begins_anew_with_another_run() -> None:
    told: list[tuple[str, float]] = []
    gates = {"first": asyncio.Event(), "second": asyncio.Event()}

    async def executor(data: str) -> None:
        await gates[data].wait()

    async with time_machine() as clock, clock.scheduler(concurrency=1, stuck_after_seconds=60) as scheduler:
        scheduler.on("stuck", lambda _, run, seconds: told.append((run.id, round(seconds))))
        await scheduler.start_task_execute(executor)
        await scheduler.assign_tasks(
            [IntervalTask("first", "first"), IntervalTask("second", "second", start=clock.time() + 1)]
        )
        await clock.advance(500)
        assert told == [("first", 60), ("first", 120), ("first", 240), ("first", 480)]
        told.clear()
        gates["first"].set()
        await clock.advance(130)
        assert told == [("second", 60), ("second", 120)], "not after 960 seconds, when the first would be told again"
        gates["second"].set()

"""Runs that were claimed and did not start cost no token: the rate goes to those that do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Rate, Scheduler, current_run
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
#: Three at once, and no further one during a test.
THREE = Rate(1, per=100 * HOUR, burst=3)


def overdue(name: str, count: int, **rules: Any) -> list[IntervalTask]:
    return [IntervalTask(f"{name}{n}", start=time.time() - 10 * HOUR + n, group="g", **rules) for n in range(count)]


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
@pytest.mark.parametrize(
    "rules", [{"late": "skip", "start_deadline": 60}, {"every": HOUR, "missed": "skip"}], ids=["deadline", "missed"]
)
@pytest.mark.parametrize("of", ["group", "namespace"])
async def test_what_is_skipped_leaves_the_tokens_to_what_runs(
    make_scheduler: MakeScheduler, of: str, rules: dict[str, Any], delivery: str
) -> None:
    scheduler, ran = await make_scheduler(delivery=delivery), list[str]()

    async def executor(_: str) -> None:
        ran.append(current_run().id)

    await scheduler.set_rate(THREE, group="g" if of == "group" else None)
    await scheduler.assign_tasks([*overdue("late", 12, **rules), *overdue("well", 5)])
    await scheduler.start_task_execute(executor)
    await until(lambda: len(ran) == 3)
    await asyncio.sleep(0.1)  # nothing tells of a start that does not happen
    assert sorted(ran) == ["well0", "well1", "well2"]

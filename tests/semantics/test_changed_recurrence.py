"""A task recurs by another calendar, or by another interval: when it runs next. And starts that count from now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from interval_scheduler import IntervalTask, ScheduledTask, Scheduler
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR, DAY = 3600, 86_400
YEARLY = f"0 3 1 {(datetime.now(UTC).month + 5) % 12 + 1} *"


async def found(scheduler: Scheduler, task_id: str = "a") -> ScheduledTask:
    task = await scheduler.get_task(task_id)
    assert task is not None
    return task


async def left(scheduler: Scheduler) -> float:
    """How many seconds there are until the next run."""
    return (await found(scheduler)).next_run - time.time()


@pytest.mark.parametrize("rule", ["keep", "interval"])
@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize(
    "old",
    [
        {"cron": YEARLY},
        {"cron": "* * * * *", "timezone": "Asia/Tokyo", "start": timedelta(days=9)},
        {"every": 90 * DAY, "start": timedelta(days=90)},
        {"start": timedelta(days=90)},
    ],
)
async def test_a_new_calendar_counts_from_now(
    scheduler: Scheduler,
    old: dict[str, Any],
    rule: Any,
    is_paused: bool,  # noqa: FBT001 - a case
) -> None:
    await scheduler.assign_task(IntervalTask("a", **old))
    if is_paused:
        await scheduler.pause_task("a")
    before = time.time()
    assert not await scheduler.assign_task(IntervalTask("a", cron="* * * * *"), reschedule=rule)
    assert before - 1 < (await found(scheduler)).next_run <= time.time() + 61
    assert (await found(scheduler)).state == ("paused" if is_paused else "waiting")


async def test_a_new_zone_counts_from_now(scheduler: Scheduler) -> None:
    for zone in ("Pacific/Auckland", "America/Anchorage", "UTC"):
        await scheduler.assign_task(IntervalTask("a", cron="0 3 * * *", timezone=zone))
        task = await found(scheduler)
        assert task.next_run_at.astimezone(ZoneInfo(zone)).hour == 3


async def test_an_interval_for_a_calendar(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", cron=YEARLY))
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    assert await left(scheduler) == pytest.approx(0, abs=30), "as a new one, at once"
    for start, expected in ((timedelta(hours=5), 5 * HOUR), (datetime.now(UTC) - timedelta(minutes=90), HOUR / 2)):
        await scheduler.assign_task(IntervalTask("a", cron=YEARLY))
        await scheduler.assign_task(IntervalTask("a", every=HOUR, start=start))
        assert await left(scheduler) == pytest.approx(expected, abs=30)


async def test_the_same_calendar_keeps_its_place(scheduler: Scheduler) -> None:
    start = time.time() - 1000
    await scheduler.assign_task(IntervalTask("a", "old", cron="* * * * *", start=start, missed="all"))
    before = await found(scheduler)
    assert before.next_run < time.time() - 900
    await scheduler.assign_task(IntervalTask("a", "new", cron="*  * * *   *", missed="all"))
    assert (await found(scheduler)).next_run == before.next_run
    assert (await found(scheduler)).data == "new"


async def test_a_new_calendar_with_a_start_of_its_own(scheduler: Scheduler) -> None:
    """One to come is obeyed; one that has passed is not caught up with."""
    await scheduler.assign_task(IntervalTask("a", cron=YEARLY))
    await scheduler.assign_task(IntervalTask("a", cron="* * * * *", start=timedelta(days=2)))
    assert 2 * DAY - 60 < await left(scheduler) < 2 * DAY + 65
    before = time.time()
    await scheduler.assign_task(IntervalTask("a", cron="*/2 * * * *", start=time.time() - DAY))
    assert before - 1 < (await found(scheduler)).next_run <= time.time() + 121


class Held:
    """An executor whose runs go on for as long as they are told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.data: list[str] = []

    async def __call__(self, data: str) -> None:
        self.data.append(data)
        self.begun.set()
        await self.go_on.wait()


@pytest.mark.parametrize(
    ("new", "most"),
    [({"cron": "* * * * *"}, 61), ({"every": HOUR}, HOUR), ({"every": 60, "start": timedelta(hours=5)}, 5 * HOUR)],
)
async def test_a_new_calendar_during_the_run(scheduler: Scheduler, new: dict[str, Any], most: float) -> None:
    executor = Held()
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "old", cron=YEARLY, start=time.time() - 500 * DAY))
    await executor.begun.wait()
    await scheduler.assign_task(IntervalTask("a", "new", **new))
    before = time.time()
    executor.go_on.set()
    await until(lambda: _waits(scheduler))
    # An interval without a start counts from the run, which was due at any time of an hour.
    least = 0 if "start" not in new else most - 75
    assert before + least < (await found(scheduler)).next_run <= time.time() + most
    assert executor.data[0] == "old"


async def _waits(scheduler: Scheduler) -> bool:
    return (await found(scheduler)).state == "waiting"


@pytest.mark.parametrize("error", [None, LookupError()])
async def test_the_same_calendar_during_the_run_goes_on_from_the_run(
    scheduler: Scheduler, error: Exception | None
) -> None:
    begun, go_on, seen = asyncio.Event(), asyncio.Event(), list[str]()

    async def executor(data: str) -> None:
        seen.append(data)
        if len(seen) == 1:
            begun.set()
            await go_on.wait()
            if error is not None:
                raise error

    await scheduler.start_task_execute(executor)
    start = time.time() - 600
    await scheduler.assign_task(IntervalTask("a", "old", cron="* * * * *", start=start, missed="all"))
    await begun.wait()
    for _ in range(2):
        await scheduler.assign_task(IntervalTask("a", "new", cron="* * * * *", start=start, missed="all"))
    go_on.set()
    await until(lambda: len(seen) >= 10)
    assert seen[:2] == ["old", "new"], "those that were missed still run, by the new record"


async def test_a_change_of_ones_mind(scheduler: Scheduler) -> None:
    """The interval was made shorter, and the run in a day was kept: now it is to count from the last one."""
    now = round(time.time())
    await scheduler.assign_task(IntervalTask("a", every=DAY, start=now + DAY))
    for _ in range(2):
        await scheduler.assign_task(IntervalTask("a", every=60))
    await scheduler.assign_task(IntervalTask("a", every=120))
    assert (await found(scheduler)).next_run == now + DAY
    await scheduler.assign_task(IntervalTask("a", every=60), reschedule="interval")
    assert (await found(scheduler)).next_run == now + 60
    await scheduler.assign_task(IntervalTask("a", every=HOUR), reschedule="interval")
    assert (await found(scheduler)).next_run == now + HOUR, "from there on as ever"


async def test_a_run_outdates_what_was_kept(scheduler: Scheduler) -> None:
    now = round(time.time())
    await scheduler.assign_task(IntervalTask("a", every=DAY, start=now))
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    executor = Held()
    executor.go_on.set()
    await scheduler.start_task_execute(executor)
    await until(lambda: executor.data and _waits(scheduler))
    await scheduler.stop_task_execute()
    await scheduler.assign_task(IntervalTask("a", every=2 * HOUR), reschedule="interval")
    assert (await found(scheduler)).next_run == now + 2 * HOUR


async def test_a_start_from_now_by_the_clock_of_the_server(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=60, start=timedelta(hours=1)))
    assert await left(scheduler) == pytest.approx(HOUR, abs=30)
    await scheduler.assign_task(IntervalTask("a", start=timedelta(hours=2)), reschedule="start")
    assert await left(scheduler) == pytest.approx(2 * HOUR, abs=30)
    await scheduler.assign_task(IntervalTask("a", cron="0 * * * *", start=timedelta(days=1)), reschedule="start")
    assert DAY - 60 < await left(scheduler) < DAY + HOUR + 5
    await scheduler.assign_tasks([IntervalTask("b", start=timedelta(0)), IntervalTask("c", start=timedelta(days=9))])
    assert await scheduler.queue_size() == 1

"""The time machine: hours in milliseconds, everything in its order, and nothing by chance."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta
from typing import Unpack

import pytest

from interval_scheduler import ClockCannotBeMoved, FlatOptions, IntervalTask, InvalidValue, Scheduler, current_run
from interval_scheduler.testing import START, TimeMachine, time_machine

pytestmark = pytest.mark.asyncio


async def executing(clock: TimeMachine, seen: list[tuple[float, str]], **options: Unpack[FlatOptions]) -> Scheduler:
    """A scheduler that notes when it runs what, in seconds since the start."""

    async def note(data: str) -> None:
        seen.append((round(clock.time() - START.timestamp(), 4), data))

    scheduler = clock.scheduler(**options)
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(note)
    return scheduler


async def test_a_day_of_hourly_runs_takes_no_time() -> None:
    seen: list[tuple[float, str]] = []
    began = time.perf_counter()
    async with time_machine() as clock:
        scheduler = await executing(clock, seen)
        await scheduler.assign_task(IntervalTask("report", "r", every=3600))
        await clock.advance(hours=24)
    assert seen == [(3600.0 * hour, "r") for hour in range(25)]
    assert time.perf_counter() - began < 20


async def test_time_stands_still_unless_it_is_moved() -> None:
    async with time_machine() as clock:
        seen: list[tuple[float, str]] = []
        scheduler = await executing(clock, seen)
        await scheduler.assign_task(IntervalTask("later", "x", start=START + timedelta(milliseconds=1)))
        await asyncio.sleep(0)  # a turn of the event loop moves no clock
        await clock.drain()
        assert (clock.time(), time.time(), clock.now()) == (START.timestamp(), START.timestamp(), START)
        assert seen == []
        await clock.advance(0.001)
        assert seen == [(0.001, "x")]
        assert clock.now() == START + timedelta(milliseconds=1)


async def test_a_timer_is_never_early() -> None:
    """One that looks at the clock, and sets itself again for as long as it is early, would do so for ever."""
    calls = 0
    async with time_machine() as clock:
        loop = asyncio.get_running_loop()
        moment = math.nextafter(loop.time(), math.inf)

        def look() -> None:
            nonlocal calls
            calls += 1
            if loop.time() < moment and calls < 100:
                loop.call_at(moment, look)

        loop.call_at(moment, look)
        await clock.advance(1)
    assert calls == 1


async def test_time_outside_is_as_before() -> None:
    before = (time.time(), asyncio.get_running_loop().time())
    async with time_machine() as clock:
        await clock.advance(days=365)
    after = (time.time(), asyncio.get_running_loop().time())
    assert all(0 <= b - a < 30 for a, b in zip(before, after, strict=True))


async def test_runs_that_sleep_take_their_time() -> None:
    ended: list[float] = []
    async with time_machine() as clock:

        async def slow(_: str) -> None:
            await asyncio.sleep(90)  # of the machine's time
            ended.append(clock.time() - START.timestamp())

        scheduler = clock.scheduler(lease_seconds=5)
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(slow)
        await scheduler.assign_task(IntervalTask("slow", every=60))
        await clock.advance(minutes=6)
    # It never overlaps itself although its lease is renewed dozens of times, and the missed ones are one run.
    assert ended == [90.0, 210.0, 330.0]


async def test_several_schedulers_share_the_work() -> None:
    async with time_machine() as clock:
        seen: list[tuple[float, str]] = []
        first = await executing(clock, seen)
        await executing(clock, seen)
        await first.assign_tasks(IntervalTask(f"t{n}", f"t{n}", every=10) for n in range(50))
        await clock.advance(99)
    assert len(seen) == 500
    assert len(set(seen)) == 500


async def test_the_same_seed_gives_the_same_story() -> None:
    async def story() -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []
        async with time_machine(errors="log") as clock:

            async def fail(_: str) -> None:
                seen.append((clock.time(), current_run().attempt))
                raise RuntimeError

            scheduler = clock.scheduler()
            await scheduler.start_task_accept()
            await scheduler.start_task_execute(fail)
            await scheduler.assign_task(IntervalTask("fails", retries=5))
            await clock.advance(hours=1)
        return seen

    assert await story() == await story()


async def test_advance_to_a_moment() -> None:
    async with time_machine(datetime(2026, 3, 29, tzinfo=UTC)) as clock:
        await clock.advance(to=datetime(2026, 3, 29, 12, 30, tzinfo=UTC))
        assert clock.now() == datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
        with pytest.raises(InvalidValue, match="to must not lead back"):
            await clock.advance(to=datetime(2026, 3, 29, 12, tzinfo=UTC))
        with pytest.raises(InvalidValue, match="seconds must not lead back"):
            await clock.advance(-1)


async def test_its_schedulers_are_closed_with_it() -> None:
    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()

        async def endless(_: str) -> None:
            await asyncio.sleep(1e6)  # of the machine's time: cut short

        await scheduler.start_task_execute(endless)
        await scheduler.assign_task(IntervalTask("endless"))
        await clock.drain()
    assert not scheduler.executing_tasks
    assert not scheduler.accepting_tasks


async def test_a_loop_with_another_clock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        pass

    monkeypatch.setattr(asyncio, "get_running_loop", Other)
    with pytest.raises(ClockCannotBeMoved, match="uvloop"):
        async with time_machine():
            pass

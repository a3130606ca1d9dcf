"""Nothing hangs in a time machine: calls that wait for runs move its clock, and what cannot go on says why."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from datetime import datetime
from typing import Any

import pytest

from interval_scheduler import ClockCannotBeMoved, ClockStuck, IntervalTask, InvalidType, InvalidValue, Scheduler
from interval_scheduler.testing import START, TimeMachine, time_machine

pytestmark = pytest.mark.asyncio

ORIGIN = START.timestamp()


async def ten_seconds(_: str) -> None:
    await asyncio.sleep(10)  # the machine's time


async def begin(clock: TimeMachine, *, own: bool = False) -> Scheduler:
    """A scheduler whose run began a second ago, and takes nine more."""
    scheduler = Scheduler.from_url("memory://") if own else clock.scheduler()
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(ten_seconds)
    await scheduler.assign_task(IntervalTask("a"))
    await clock.advance(1)
    return scheduler


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("call", ["stop", "close", "remove", "remove many", "clear", "sync", "gather"])
async def test_a_call_that_waits_for_a_run_moves_the_clock(call: str, own: bool) -> None:  # noqa: FBT001
    async with time_machine() as clock:
        scheduler = await begin(clock, own=own)
        match call:
            case "stop":
                await scheduler.stop_task_execute()
            case "close":
                await scheduler.close()
            case "remove":
                assert await scheduler.remove_task("a")
            case "remove many":
                assert await scheduler.remove_tasks(["a"]) == 1
            case "clear":
                assert await scheduler.clear_all_tasks() == 1
            case "sync":
                await scheduler.sync_tasks([], scope="a", allow_empty=True)
            case "gather":
                await asyncio.gather(scheduler.stop_task_execute(), scheduler.remove_task("a"))
        assert clock.time() - ORIGIN <= 10.0
        await scheduler.close()


async def test_a_block_of_a_scheduler_can_be_left() -> None:
    async with time_machine() as clock:
        async with clock.scheduler() as scheduler:
            await scheduler.start_task_execute(ten_seconds)
            await scheduler.assign_task(IntervalTask("b"))
            await clock.advance(1)
        assert clock.time() == ORIGIN + 10


async def test_a_lock_that_is_held_moves_the_clock() -> None:
    async with time_machine() as clock, clock.scheduler() as scheduler:
        assert await scheduler.try_auto_lock("door", 30)
        async with scheduler.lock("door", 10):
            assert 30 <= clock.time() - ORIGIN < 60


async def test_a_stop_waits_for_who_moves_the_clock_step_by_step() -> None:
    async with time_machine() as clock:
        scheduler = await begin(clock)
        stopping = asyncio.create_task(scheduler.stop_task_execute())
        await clock.advance(2)
        assert not stopping.done()
        assert clock.time() == ORIGIN + 3
        await clock.run(stopping)
        assert clock.time() == ORIGIN + 10


async def test_run_moves_the_clock_as_far_as_it_takes() -> None:
    async with time_machine() as clock:

        async def takes(seconds: float) -> str:
            await asyncio.sleep(seconds)  # the machine's time
            return "done"

        assert await clock.run(takes(90)) == "done"
        assert clock.time() == ORIGIN + 90
        with pytest.raises(KeyError):
            await clock.run(asyncio.create_task(raises(KeyError("x"))))
        assert await clock.run(takes(7 * 86_400), within=8 * 86_400) == "done"


async def raises(error: Exception) -> None:
    raise error


async def test_run_ends_what_takes_more_than_it_may() -> None:
    cancelled = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with time_machine() as clock:
        scheduler = await begin(clock)
        await scheduler.assign_task(IntervalTask("often", every=60))
        with pytest.raises(ClockStuck, match=r"not done within 601 s of the machine's time: \S+ waits at .*test_stuck"):
            await clock.run(waits(), within=600)
        assert cancelled.is_set()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_run_checks_what_it_is_told() -> None:
    async with time_machine() as clock:
        with pytest.raises(InvalidType, match="awaitable must be a coroutine or another awaitable, not int"):
            await clock.run(5)  # type: ignore[arg-type]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for within in (-1, math.nan):
            with pytest.raises(InvalidValue, match="within"):
                await clock.run(future, within=within)
    with pytest.raises(InvalidValue, match="patience must be above 0"):
        async with time_machine(patience=0):
            pass


async def test_what_no_timer_can_change_is_told() -> None:
    async with time_machine(patience=0.2) as clock:
        with pytest.raises(ClockStuck, match=r"nothing went on for 0\.2 real seconds, and no timer .*: \S+ waits at "):
            await clock.run(asyncio.Event().wait())
        await clock.advance(5)
        assert clock.time() == ORIGIN + 5


@pytest.mark.parametrize("waiting", ["sleep", "event", "inside of a wait_for"])
async def test_a_test_that_waits_while_nobody_moves_the_clock_is_told_its_line(waiting: str) -> None:
    async def body() -> None:
        async with time_machine(patience=0.2):
            if waiting == "sleep":
                await asyncio.sleep(1)  # the machine's time, which nobody moves
            elif waiting == "event":
                await asyncio.Event().wait()
            else:
                await asyncio.wait_for(asyncio.sleep(2), 1)  # likewise

    began = time.monotonic()
    with pytest.raises(
        ClockStuck, match=r"body waits at .*test_stuck\.py:\d+ while nobody moves the clock; advance it"
    ):
        await body()
    assert time.monotonic() - began < 60
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_spin_is_told() -> None:
    async with time_machine(patience=0.2) as clock:

        async def spin() -> None:
            while True:  # noqa: ASYNC110 - the point
                await asyncio.sleep(0)  # the event loop is never idle

        spinning = asyncio.create_task(spin())
        with pytest.raises(ClockStuck, match="again and again while time stands still"):
            await clock.advance(1)
        spinning.cancel()


async def test_a_thread_that_does_not_end_is_named() -> None:
    ended = threading.Event()
    async with time_machine(patience=0.05) as clock:

        def stuck_thread() -> None:
            ended.wait(20)

        thread = asyncio.create_task(asyncio.to_thread(stuck_thread))
        with pytest.raises(ClockStuck, match=r"for 0\.6 real seconds: .* threads \(.*stuck_thread\), and they do not"):
            await clock.advance(1)
        ended.set()
        await thread


async def test_blocking_code_is_no_hang() -> None:
    async with time_machine(patience=0.2) as clock:
        for _ in range(3):
            time.sleep(0.25)  # noqa: ASYNC251 - the point
            await asyncio.sleep(0)  # one turn of the event loop
            await asyncio.sleep(0)  # and another: it is slow, not stuck
        await clock.advance(1)
    assert clock.time() == ORIGIN + 1


async def test_a_replaced_clock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with time_machine() as clock:
        scheduler = clock.scheduler()
        with monkeypatch.context() as frozen:
            frozen.setattr(time, "time", lambda: 0.0)
            for call in (clock.advance(1), clock.drain(), scheduler.connect()):
                with pytest.raises(ClockCannotBeMoved, match=r"time\.time was replaced inside .* \(by tests\)"):
                    await call
            with pytest.raises(ClockCannotBeMoved, match=r"use clock\.advance\(\) in place of freezegun"):
                clock.scheduler()
        await clock.advance(1)


async def test_freezegun_inside_is_refused_and_outside_is_not() -> None:
    freezegun = pytest.importorskip("freezegun")

    async def hour(freeze: Any) -> None:
        async with time_machine() as clock:
            with freeze(clock.now()):
                await clock.advance(hours=1)

    with pytest.raises(ClockCannotBeMoved, match="by freezegun"):
        await hour(freezegun.freeze_time)
    with freezegun.freeze_time(datetime(2026, 1, 1)):  # noqa: DTZ001 - as its users write it
        async with time_machine() as clock:
            await clock.advance(hours=1)
            assert clock.time() == ORIGIN + 3600

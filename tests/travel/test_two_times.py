"""The time inside of a machine and the real one outside: which timers, tasks and threads go by which."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import pytest

from interval_scheduler import IntervalTask
from interval_scheduler.testing import START, TimeMachine, time_machine

pytestmark = pytest.mark.asyncio

ORIGIN = START.timestamp()
HOURS = 24


async def a_day() -> int:
    """A day of hourly runs; how many there were."""
    runs = 0

    async def count(_: str) -> None:
        nonlocal runs
        runs += 1

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(count)
        await scheduler.assign_task(IntervalTask("hourly", every=3600))
        await clock.advance(hours=HOURS)
    return runs


async def under_wait_for() -> int:
    return await asyncio.wait_for(a_day(), 60)


async def under_timeout() -> int:
    async with asyncio.timeout(60):
        return await a_day()


async def under_fail_after() -> int:
    with anyio.fail_after(60):
        return await a_day()


async def under_move_on_after() -> int:
    with anyio.move_on_after(60):
        return await a_day()
    return 0


@pytest.mark.parametrize("outer", [under_wait_for, under_timeout, under_fail_after, under_move_on_after])
async def test_an_outer_time_out_counts_real_seconds(outer: Callable[[], Awaitable[int]]) -> None:
    assert await outer() == HOURS + 1


@pytest.mark.parametrize("kind", ["asyncio", "anyio", "wait_for"])
async def test_an_outer_time_out_fires_at_its_real_moment(kind: str) -> None:
    async def waits() -> None:
        async with time_machine() as clock:
            await clock.advance(1)
            await asyncio.Event().wait()

    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:  # noqa: PT012 - three ways to say one thing
        if kind == "asyncio":
            async with asyncio.timeout(0.2):
                await waits()
        elif kind == "anyio":
            with anyio.fail_after(0.2):
                await waits()
        else:
            await asyncio.wait_for(waits(), 0.2)
    assert type(caught.value) is TimeoutError
    assert 0.19 < time.monotonic() - began < 60


async def test_a_time_out_inside_counts_the_seconds_of_the_machine() -> None:
    async with time_machine() as clock:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await clock.run(asyncio.Event().wait())
        assert clock.time() == ORIGIN + 10
        with anyio.move_on_after(10) as scope:
            await clock.run(anyio.sleep(100))  # the machine's time
        assert scope.cancelled_caught
        assert clock.time() == ORIGIN + 20


async def test_an_asyncio_task_from_outside_lives_in_real_time() -> None:
    beats: list[float] = []
    beaten = asyncio.Event()

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.02)  # a timer of the application, in real time
            beats.append(time.time())
            beaten.set()

    began_at = time.monotonic()
    heart = asyncio.create_task(beat())
    await asyncio.sleep(0)  # it begins
    began = time.time()
    async with asyncio.timeout(60), time_machine() as clock:
        for _ in range(3):
            beaten.clear()
            await clock.run(beaten.wait())
            await clock.advance(days=1)
        assert len(beats) <= 1 + (time.monotonic() - began_at) / 0.02
    heart.cancel()
    assert all(0 <= beat - began < 60 for beat in beats), "its time.time() is the real one"


async def test_a_timer_that_was_set_before_fires_once_and_not_early() -> None:
    fired: list[float] = []
    began = time.monotonic()
    done = asyncio.Event()

    def fire() -> None:
        fired.append(time.monotonic() - began)
        done.set()

    asyncio.get_running_loop().call_later(0.2, fire)
    async with time_machine() as clock:
        await clock.advance(hours=1)
        assert fired == [] or fired[0] > 0.19
        await clock.run(done.wait())
        await clock.advance(hours=1)
    assert len(fired) == 1
    assert 0.19 < fired[0] < 60


async def test_a_timer_that_is_left_goes_on_in_real_time() -> None:
    async with time_machine() as clock:
        sleeper = asyncio.create_task(asyncio.sleep(3600.05))  # the machine's time, and 0.05 s of real time behind it
        await clock.advance(hours=1)
        assert not sleeper.done()
    async with asyncio.timeout(60):
        await sleeper


async def test_thousands_of_cancelled_timers_are_not_kept() -> None:
    async with time_machine() as clock:
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            loop.call_later(3600, print).cancel()
        assert len(clock._moved._timers) < 1000


def blocking(seconds: float) -> float:
    time.sleep(seconds)  # real time, in a thread
    return time.time()


@pytest.mark.parametrize("kind", ["to_thread", "run_in_executor", "anyio"])
async def test_the_clock_waits_for_threads(kind: str) -> None:
    times: list[tuple[float, float]] = []

    async def work(_: str) -> None:
        if kind == "to_thread":
            at = await asyncio.to_thread(blocking, 0.05)
        elif kind == "run_in_executor":
            at = await asyncio.get_running_loop().run_in_executor(None, blocking, 0.05)
        else:
            at = await anyio.to_thread.run_sync(blocking, 0.05)
        times.append((at - ORIGIN, time.time() - ORIGIN))

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(work)
        await scheduler.assign_task(IntervalTask("hourly", every=3600))
        await clock.advance(hours=3)
    assert times == [(3600.0 * hour, 3600.0 * hour) for hour in range(4)]


async def test_two_that_move_the_clock_do_not_disturb_each_other() -> None:
    reached: list[tuple[str, float]] = []

    async with time_machine() as clock:

        async def move(name: str, seconds: float) -> None:
            await clock.advance(seconds)
            reached.append((name, clock.time() - ORIGIN))

        async def inner(_: str) -> None:
            await move("a run", 5)

        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(inner)
        await scheduler.assign_task(IntervalTask("once", start=START))
        await asyncio.gather(move("short", 3), move("long", 10), clock.run(move("both", 7)))
    assert reached == [("short", 3), ("a run", 5), ("both", 7), ("long", 10)]


async def test_another_thread_lives_in_real_time() -> None:
    seen: list[float] = []
    async with time_machine() as clock:
        await clock.advance(days=1000)
        thread = threading.Thread(target=lambda: seen.append(time.time()))
        thread.start()
        thread.join()
        assert abs(clock.time() - seen[0]) > 86_400


async def test_a_machine_in_a_machine_has_a_time_of_its_own() -> None:
    async def inner(outer: TimeMachine) -> None:
        async with time_machine(0) as clock:
            await clock.advance(50)
            assert (clock.time(), outer.time()) == (50, ORIGIN)

    async with time_machine() as clock:
        await inner(clock)
        await clock.advance(5)
        assert clock.time() == ORIGIN + 5

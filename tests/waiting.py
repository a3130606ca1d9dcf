"""Waiting for what should happen, with a deadline instead of fixed sleeps; and how late the machine itself is."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler, TaskRun, current_run

Result = TypeVar("Result")
#: What should happen has this long for it, on a machine that does many other things; where bugs are planted, less.
PATIENCE_SECONDS: Final = float(os.environ.get("TESTS_PATIENCE_SECONDS", "60"))


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition, plain or asynchronous, holds; fail after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        if time.monotonic() > give_up_at:
            raise AssertionError(f"did not come true within {seconds} s")
        await asyncio.sleep(0.005)  # a condition has no event


def until_outside(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something in another thread or process has come about; fail after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"did not come true within {seconds} s"
        time.sleep(0.005)  # nothing tells of it here


async def surely(call: Callable[[], Awaitable[Result]], seconds: float = PATIENCE_SECONDS) -> Result:
    """Make a call, and again where the machine took longer than the short time-out of a scheduler; its result."""
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except PartitionOffline:
            if time.monotonic() > give_up_at:
                raise
        await asyncio.sleep(0.01)  # nothing tells here when the partition is back


async def until_away(scheduler: Scheduler, count: int = 1) -> None:
    """Wait until a scheduler knows of so many partitions that they cannot be reached."""
    await until(lambda: sum(each.state == "offline" for each in scheduler._lifespan.require().partitions.all) == count)


class Recorder:
    """An executor that keeps what it was called with, and can be held up."""

    def __init__(self) -> None:
        self.data: list[Any] = []
        self.runs: list[TaskRun] = []
        self.active = 0
        self.most_active = 0
        self.cancelled: list[TaskRun] = []
        #: Runs wait here while it is clear.
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, data: Any) -> None:
        run = current_run()
        self.data.append(data)
        self.runs.append(run)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(run)
            raise
        finally:
            self.active -= 1

    async def ran(self, times: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many runs have started."""
        await until(lambda: len(self.runs) >= times, seconds)


async def runs_before(scheduler: Scheduler, recorder: Recorder, seconds: float = 0) -> list[TaskRun]:
    """The runs of a recorder until a task that is due `seconds` from now begins: what was due before began before."""
    marker = f"marker {len(recorder.runs)}"
    await scheduler.assign_task(IntervalTask(marker, start=time.time() + seconds))
    await until(lambda: any(run.id == marker for run in recorder.runs))
    return [run for run in recorder.runs if not run.id.startswith("marker")]


class Heartbeat:
    """How late plain timers of this event loop are, and what they ask for: what is told of the machine, not of us."""

    def __init__(self) -> None:
        self._late = [0.0]
        self.is_over = False

    async def run(self, ask: Callable[[], Awaitable[object]] | None) -> None:
        while not self.is_over:
            began = time.monotonic()
            await asyncio.sleep(0.01)  # a timer like any other
            if ask is not None:
                await ask()
            self._late.append(time.monotonic() - began - 0.01)

    @property
    def longest(self) -> float:
        """How long the event loop stood still at the longest, in seconds."""
        return max(self._late)

    @property
    def median(self) -> float:
        """How late a timer is as a rule, in seconds."""
        return statistics.median(self._late)


@contextlib.asynccontextmanager
async def heartbeat(ask: Callable[[], Awaitable[object]] | None = None) -> AsyncIterator[Heartbeat]:
    """Watches the event loop during a block; with `ask`, each beat counts with one answer to that."""
    beat = Heartbeat()
    task = asyncio.create_task(beat.run(ask))
    try:
        yield beat
    finally:
        beat.is_over = True  # a command of redis-py may ignore that it is cancelled, and this go on for ever
        await task

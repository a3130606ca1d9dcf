"""Time travel in tests: schedulers on the embedded engine, with a clock that the test moves.

```python
async with time_machine() as clock:
    scheduler = clock.scheduler()
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("report", every=3600))
    await clock.advance(hours=24)  # the executor ran 25 times
```

While a time machine is open, time stands still unless the test moves it. `advance` goes from one timer of the event
loop to the next, and at each timer runs everything that can run: schedules, leases, time-outs and `asyncio.sleep` in
executors, all in the order in which they would happen, and without waiting. The scripts are the real ones. A time
machine needs the extra `memory`, and asyncio's own event loop, since uvloop's clock cannot be moved.

The time machine replaces three clocks by its own: the clock of the event loop, `time.time`, which the embedded engine
reads as the server's clock, and `interval_scheduler.support.clock`. It does not wait for threads and sockets: they live
in real time.
"""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

from . import ClockCannotBeMoved, InvalidValue, Scheduler
from .model.checks import Moment, check_moment, check_number
from .support import clock as package_clock

#: The moment at which the time of a machine starts by default; any fixed moment makes tests repeatable.
START: Final = datetime(2030, 1, 1, tzinfo=UTC)
#: The greatest difference between two moments that count as the same, in seconds.
_TOLERANCE: Final = 1e-6
_UNHURRIED: Final = {"check_tasks_every_seconds": 3600, "operation_timeout_seconds": 3600}


class _NoResolution(float):
    """A replacement for the resolution of the event loop's clock, by which timers run early.

    A timer that runs early and looks at the clock would set itself again, and for ever if time stands still. An event
    loop runs the timers before the sum of its time and its clock's resolution. Here this sum is the next greater float.
    """

    def __radd__(self, now: float) -> float:
        return math.nextafter(now, math.inf)


class TimeMachine:
    """A clock that the test moves, and the schedulers that go by it. Made by `time_machine()`.

    Args:
        loop: the running event loop.
        start_ms: the first moment of the clock, in epoch ms.
    """

    def __init__(self, loop: asyncio.BaseEventLoop, start_ms: int) -> None:
        self._loop: Any = loop  # Any: its queues are private to asyncio, and have been there since Python 3.4
        self._origin = self._now = loop.time()
        self._start_us = 1000 * start_ms
        self._store = secrets.token_hex(8)
        self._schedulers: list[Scheduler] = []

    # The time

    def time(self) -> float:
        """Return epoch seconds; `time.time()` returns the same while the machine is open."""
        # Whole µs: timers are floats, and a due time in ms must be met exactly.
        return (self._start_us + round((self._now - self._origin) * 1e6)) / 1e6

    def now(self) -> datetime:
        """Return the time of the machine as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def monotonic(self) -> float:
        """Return the time of the event loop, in seconds."""
        return self._now

    async def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0, to: Moment | None = None
    ) -> None:
        """Move the clock, and let everything happen that falls into that time.

        Args:
            seconds: the seconds to move; with `minutes`, `hours` and `days`, the clock moves by the sum.
            minutes: the minutes to move.
            hours: the hours to move.
            days: the days to move.
            to: the moment to move to, instead of a span: epoch seconds or an aware datetime.

        Raises:
            InvalidValue: the clock would move back in time.
        """
        for name, value in (("seconds", seconds), ("minutes", minutes), ("hours", hours), ("days", days)):
            check_number(name, value)
        if to is None:
            span = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
            target = self._now + span.total_seconds()
        else:
            target = self._origin + (1000 * check_moment("to", to) - self._start_us) / 1e6
        if target < self._now:
            raise InvalidValue("to" if to is not None else "seconds", "must not lead back in time")
        await self.drain()
        while (moment := self._next_timer()) is not None and moment <= target + _TOLERANCE:
            self._now = max(moment, self._now)
            await self.drain()
        self._now = max(target, self._now)

    async def drain(self) -> None:
        """Run everything that is due, and everything that this starts, while time stands still."""
        await asyncio.sleep(0)
        while self._loop._ready or self._is_now():  # noqa: ASYNC110, SLF001 - see __init__
            await asyncio.sleep(0)

    def _is_now(self) -> bool:
        """Tell if a timer is due now; it may lie slightly later, since its time is a sum of floats."""
        moment = self._next_timer()
        if moment is None or moment > self._now + _TOLERANCE:
            return False
        self._now = max(moment, self._now)
        return True

    def _next_timer(self) -> float | None:
        """Return the time of the next timer of the event loop, by the loop's own clock."""
        timers = self._loop._scheduled  # noqa: SLF001 - see __init__
        return min((timer.when() for timer in timers if not timer.cancelled()), default=None)

    # Schedulers

    def scheduler(self, **options: Any) -> Scheduler:
        """Make a scheduler on the machine's own store. It is closed with the machine, if not before.

        Args:
            **options: any field of `SchedulerOptions` or `StorageOptions` by its name. Defaults: the usual ones, except
                that the scheduler looks for tasks, and checks that its server answers, only once an hour: within one
                process neither finds anything, and both would slow down a simulated day.
        """
        made = Scheduler.from_url(f"memory://{self._store}", **(_UNHURRIED | options))
        self._schedulers.append(made)
        return made

    async def close(self) -> None:
        """Close the schedulers of the machine; runs in progress are cut short."""
        for scheduler in self._schedulers:
            closing = asyncio.ensure_future(self._close(scheduler))
            while not closing.done():
                # Closing may wait for a timer: move the clock to it.
                await self.drain()
                if not closing.done() and (moment := self._next_timer()) is not None:
                    self._now = max(moment, self._now)
            await closing

    @staticmethod
    async def _close(scheduler: Scheduler) -> None:
        await scheduler.stop_task_execute(drain_seconds=0)
        await scheduler.close()


@asynccontextmanager
async def time_machine(start: Moment = START, *, seed: int = 0) -> AsyncIterator[TimeMachine]:
    """Open a time machine for the running event loop.

    Args:
        start: the moment at which its time starts: epoch seconds or an aware datetime. Default: 2030-01-01 in UTC.
        seed: the seed of `random`, from which delays get their jitter. Default 0.

    Raises:
        ClockCannotBeMoved: the event loop is not asyncio's own.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise ClockCannotBeMoved
    machine = TimeMachine(loop, check_moment("start", start))
    state = random.getstate()
    random.seed(seed)
    with (
        mock.patch.object(loop, "time", machine.monotonic),
        mock.patch.object(loop, "_clock_resolution", _NoResolution()),
        mock.patch.object(time, "time", machine.time),
        mock.patch.object(package_clock, "monotonic", machine.monotonic),
    ):
        try:
            yield machine
        finally:
            await machine.close()
            random.setstate(state)


__all__ = ["START", "TimeMachine", "time_machine"]

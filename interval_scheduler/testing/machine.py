"""`time_machine()`: opens a time machine, and closes it; see the package for what is moved and what stays as it is."""

from __future__ import annotations

import asyncio
import inspect
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar, Unpack
from unittest import mock

from .. import ClockCannotBeMoved, FlatOptions, InvalidType, InvalidValue, Scheduler
from ..model.checks import Moment, check_moment, check_number, check_wait
from ..support import clock as package_clock
from .failures import Failures
from .moved_time import MovedTime
from .schedulers import LONGEST_CALL, Schedulers
from .threads import threads_of_anyio
from .watch import Watch

T = TypeVar("T")

#: The moment at which the time of a machine starts by default; any fixed moment makes tests repeatable.
START: Final = datetime(2030, 1, 1, tzinfo=UTC)
#: The real seconds in which nothing may go on, by default.
PATIENCE: Final = 5.0


class TimeMachine:
    """A clock that the test moves, and the schedulers that go by it. Made by `time_machine()`.

    Args:
        moved: the time of the event loop.
        start_ms: the first moment of the clock, in epoch ms.
        errors: whether failed runs are raised or logged only.
    """

    def __init__(self, moved: MovedTime, start_ms: int, errors: Literal["raise", "log"]) -> None:
        self._moved = moved
        self._start_us = 1000 * start_ms
        self._store = secrets.token_hex(8)
        self._made: list[Scheduler] = []
        self._failures = Failures(self.now)
        self._schedulers = Schedulers(moved, self._check, self._failures.note if errors == "raise" else None)

    # The time

    def time(self) -> float:
        """Return epoch seconds; `time.time()` returns the same while the machine is open."""
        # Whole µs: timers are floats, and a due time in ms must be met exactly.
        return (self._start_us + round((self._moved.now - self._moved.origin) * 1e6)) / 1e6

    def now(self) -> datetime:
        """Return the time of the machine as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

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
            InvalidValue: the clock would move back in time, or by more than ten years.
            ClockCannotBeMoved: `time.time` was replaced since the machine opened, by freezegun for example.
            ClockStuck: nothing could go on for as long as the machine's `patience`.
            Exception: a run failed; several are raised as an `ExceptionGroup`. Not with `errors="log"`.
        """
        for name, value, unit in (
            ("seconds", seconds, 1),
            ("minutes", minutes, 60),
            ("hours", hours, 3600),
            ("days", days, 86_400),
        ):
            check_wait(name, abs(unit * check_number(name, value)))
        moved = self._moved
        if to is None:
            span = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
            target = moved.now + span.total_seconds()
        else:
            target = moved.origin + (1000 * check_moment("to", to, from_now=None) - self._start_us) / 1e6
        if target < moved.now:
            raise InvalidValue("to" if to is not None else "seconds", "must not lead back in time")
        self._begin()
        await moved.move_to(target)
        self._failures.throw()

    async def run(self, awaitable: Awaitable[T], *, within: float = LONGEST_CALL) -> T:
        """Await something, and move the clock until it is done.

        Args:
            awaitable: a coroutine, or anything else that can be awaited.
            within: the most seconds that the clock may move. Default: a day.

        Returns:
            The result of the awaitable.

        Raises:
            InvalidType, InvalidValue: it cannot be awaited, or `within` is no number from 0.
            ClockCannotBeMoved: as for `advance`.
            ClockStuck: it was not done within that time, or nothing could go on for as long as the machine's patience.
            Exception: the awaitable raised it, or a run failed, as for `advance`.
        """
        if not inspect.isawaitable(awaitable):
            raise InvalidType("awaitable", f"must be a coroutine or another awaitable, not {type(awaitable).__name__}")
        check_wait("within", within)
        self._begin()
        with self._moved.journey(within):
            result = await awaitable
        self._failures.throw()
        return result

    async def drain(self) -> None:
        """Run everything that is due, and everything that this starts, while time stands still.

        Failed runs are raised by the next `advance`, `run`, or by the end of the machine.

        Raises:
            ClockCannotBeMoved, ClockStuck: as for `advance`.
        """
        self._begin()
        await self._moved.move_to(self._moved.now)

    def _begin(self) -> None:
        self._moved.enter()
        self._check()

    @staticmethod
    def _check() -> None:
        """Check that nobody else replaced the clock."""
        if not hasattr(time.time, "is_of_time_machine"):
            by = time.time.__module__.partition(".")[0]
            raise ClockCannotBeMoved(
                f"time.time was replaced inside of the time machine{'' if by == 'time' else f' (by {by})'}: two cannot "
                "move one clock; use clock.advance() in place of freezegun and the like"
            )

    # Schedulers

    def scheduler(self, **options: Unpack[FlatOptions]) -> Scheduler:
        """Make a scheduler on the machine's own store. It is closed with the machine, if not before.

        Args:
            **options: any field of `SchedulerOptions` or `StorageOptions` by its name. Defaults: the usual ones, except
                that the scheduler looks for tasks, and checks that its server answers, only once an hour, and that a
                lease lasts an hour: within one process neither a signal is lost nor does a worker die alone, and all
                three would slow down a simulated day.

        Raises:
            ConfigurationError: an option cannot be used.
            ClockCannotBeMoved: as for `advance`.
        """
        self._check()
        self._moved.adopt()
        made = self._schedulers.make(f"memory://{self._store}", options)
        self._made.append(made)
        return made

    async def close(self) -> None:
        """Close the schedulers of the machine; runs in progress are cut short.

        Raises:
            ClockStuck: one of them does not close.
        """
        self._moved.enter()
        async with AsyncExitStack() as stack:  # one that does not close leaves none of the others open
            for scheduler in self._made:
                # As a cancelled block: it waits neither for its own runs nor for those of its queues.
                cancelled = asyncio.CancelledError()
                stack.push_async_callback(scheduler.__aexit__, type(cancelled), cancelled, None)

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Put the clock of the machine into its places."""
        moved, real_time, real_monotonic = self._moved, time.time, package_clock.monotonic

        def of_machine() -> float:
            return self.time() if moved.is_here() else real_time()

        def monotonic() -> float:
            return moved.now if moved.is_here() else real_monotonic()

        vars(of_machine)["is_of_time_machine"] = True
        with (
            moved.in_place(),
            threads_of_anyio(moved),
            self._schedulers.patient(),
            mock.patch.object(time, "time", of_machine),
            mock.patch.object(package_clock, "monotonic", monotonic),
        ):
            yield


@asynccontextmanager
async def time_machine(
    start: Moment = START, *, seed: int = 0, errors: Literal["raise", "log"] = "raise", patience: float = PATIENCE
) -> AsyncIterator[TimeMachine]:
    """Open a time machine for the running event loop.

    Args:
        start: the moment at which its time starts: epoch seconds or an aware datetime. Default: 2030-01-01 in UTC.
        seed: the seed of `random`, from which delays get their jitter. Default 0.
        errors: `"raise"`: what runs raise, `Retry` aside, is raised by the next `advance` or `run`, or by the end of
            the machine. `"log"`: it is logged only, as outside; for tests in which runs fail on purpose. Default
            `"raise"`.
        patience: the real seconds in which nothing may go on, before `ClockStuck` is raised; threads may take twelve
            times as long. `math.inf`: any time. Default 5.

    Raises:
        ClockCannotBeMoved: the event loop is not asyncio's own.
        InvalidType, InvalidValue: an argument cannot be used.
        ClockStuck: nothing could go on in the block, which was cancelled.
        Exception: a run failed and was not raised before; several are raised as an `ExceptionGroup`.
    """
    if errors not in ("raise", "log"):
        raise InvalidValue("errors", f"must be 'raise' or 'log', got {errors!r}")
    if patience != math.inf and check_number("patience", patience) <= 0:
        raise InvalidValue("patience", f"must be above 0, got {patience}")
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop) or not hasattr(loop, "_selector"):
        raise ClockCannotBeMoved
    moved = MovedTime(loop)
    machine = TimeMachine(moved, check_moment("start", start, from_now=None), errors)
    watch = Watch(moved, patience)
    state = random.getstate()
    random.seed(seed)
    with machine._in_place():  # noqa: SLF001 - of its own module
        moved.enter()
        watch.start()
        is_well = False
        try:
            yield machine
            watch.throw()
            machine._failures.throw()  # noqa: SLF001
            is_well = True
        except BaseException as error:
            stuck = watch.convert(error)
            machine._failures.add_to(error if stuck is None else stuck)  # noqa: SLF001
            if stuck is None:
                raise
            raise stuck from None
        finally:
            try:
                await machine.close()
                if is_well:
                    machine._failures.throw()  # noqa: SLF001 - of runs that began when it was closed
            finally:
                watch.stop()
                moved.close()
                random.setstate(state)


__all__ = ["START", "TimeMachine", "time_machine"]

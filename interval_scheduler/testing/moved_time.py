"""The time inside of a machine: who goes by it, the timers of those, and how it moves.

::

    something can run ──▶ the event loop runs it
        ▲                      │ nothing can run
        │                      ▼
        │    a thread works?   ──▶ the event loop waits for it
        │    time is asked for? ─▶ to the next timer, or to the end of what was asked for
        └──────────────────────┘
             neither: the event loop waits, in real time

It is asked for in two ways: by a *wish*, up to some moment, and by a *journey*, for as long as a call takes. Wishes
come first, so that no journey moves time further than somebody who moves it step by step.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
from asyncio import TimerHandle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, Final
from unittest import mock
from weakref import WeakSet

from .. import ClockStuck
from .requests import Journey, Wish, name_of, where

#: The greatest difference between two moments that count as the same, in seconds: timers are sums of floats.
_TOLERANCE: Final = 1e-6
#: The number of timers from which on those that were cancelled are looked for.
_FEW_TIMERS: Final = 100

_inside: Final[ContextVar[MovedTime | None]] = ContextVar("interval_scheduler_time_machine", default=None)


class MovedTime:
    """The time inside of one machine.

    Args:
        loop: the running event loop, asyncio's own.
    """

    def __init__(self, loop: asyncio.BaseEventLoop) -> None:
        self._loop: Any = loop  # Any: its queues and its selector are private to asyncio, the same since Python 3.4
        #: The loop's own calls, which are replaced while the machine is open.
        self.real_time: Final[Callable[[], float]] = loop.time
        self._real_call_at: Final[Callable[..., TimerHandle]] = loop.call_at
        self._real_run_in_executor: Final[Callable[..., asyncio.Future[Any]]] = loop.run_in_executor
        self._real_select: Final[Callable[[float | None], list[Any]]] = vars(loop)["_selector"].select
        #: The first moment, and the present one.
        self.origin: Final = loop.time()
        self.now = self.origin
        self._timers: list[TimerHandle] = []
        self._purge_at = _FEW_TIMERS
        self._outside: WeakSet[asyncio.Task[Any]] = WeakSet(asyncio.all_tasks(loop))
        self._is_open = True
        self._around = _inside.get()
        #: The asyncio tasks that moved the clock, the latest last.
        self.drivers: Final[list[asyncio.Task[Any]]] = []
        self.wishes: Final[list[Wish]] = []
        self.journeys: Final[list[Journey]] = []
        #: What threads work at, by any object that stands for it.
        self.threads: Final[dict[object, str]] = {}
        #: Counts everything that goes on.
        self.stirs = 0

    # Who is inside

    def is_here(self) -> bool:
        """Tell if the caller is inside."""
        return _inside.get() is self and self._is_open

    def enter(self) -> None:
        """Take the caller inside, as one that moves the clock."""
        _inside.set(self)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        if not self.drivers or self.drivers[-1] is not task:
            self.drivers[:] = [driver for driver in self.drivers if driver is not task and not driver.done()]
            self.drivers.append(task)

    def adopt(self) -> bool:
        """Take the caller inside unless it was there before the machine; tell if it is inside.

        A test whose fixture opened the machine in another asyncio task is taken in so.
        """
        if self.is_here():
            return True
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop runs in this thread
            return False
        around = _inside.get()
        if not self._is_open or (around is not None and around._is_open):  # noqa: SLF001 - of its own class
            return False
        if task is None or task in self._outside or task.get_loop() is not self._loop:
            return False
        self.enter()
        return True

    def within(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function inside; for threads, whose context is another."""
        token = _inside.set(self)
        try:
            return function(*args)
        finally:
            _inside.reset(token)

    # What is put in the place of the event loop's own

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put it there for the length of a block.

        The event loop itself works in an empty context, so in real time: pytest-asyncio has it run in the context of
        the fixtures, which may be one from inside.
        """
        loop = self._loop
        with (
            mock.patch.object(loop, "_run_once", functools.partial(Context().run, loop._run_once)),  # noqa: SLF001
            mock.patch.object(loop, "time", self.time),
            mock.patch.object(loop, "call_at", self.call_at),
            mock.patch.object(loop, "run_in_executor", self.run_in_executor),
            mock.patch.object(loop._selector, "select", self.select),  # noqa: SLF001 - see __init__
        ):
            yield

    def time(self) -> float:
        """Return the time of the event loop, of the machine for those inside."""
        return self.now if _inside.get() is self and self._is_open else self.real_time()

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        """Set a timer, of the machine for those inside."""
        if not self.is_here():
            return self._real_call_at(when, callback, *args, context=context)
        self._loop._check_closed()  # noqa: SLF001 - see __init__
        self.stirs += 1
        timer = TimerHandle(when, callback, args, self._loop, context)
        if len(self._timers) >= self._purge_at:
            self._timers = [timer for timer in self._timers if not timer.cancelled()]
            heapq.heapify(self._timers)
            self._purge_at = max(_FEW_TIMERS, 2 * len(self._timers))
        heapq.heappush(self._timers, timer)
        return timer

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Call a function in a thread, or in another process; time waits for those from inside."""
        if not self.is_here():
            return self._real_run_in_executor(executor, function, *args)
        name = name_of(function)
        if not isinstance(executor, ProcessPoolExecutor):
            function, args = self.within, (function, *args)
        future = self._real_run_in_executor(executor, function, *args)
        self.begin_thread(future, name)
        future.add_done_callback(self.end_thread)
        return future

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for sockets and threads; or rather move the clock, if the event loop would wait."""
        if timeout is not None and timeout <= 0:
            return self._real_select(timeout)
        events = self._real_select(0)
        if events or self._loop._ready or (not self.threads and self._move()):  # noqa: SLF001 - see __init__
            return events
        return self._real_select(timeout)

    # Threads

    def begin_thread(self, work: object, name: str) -> None:
        """Let time wait for work in a thread."""
        self.stirs += 1
        self.threads[work] = name

    def end_thread(self, work: object) -> None:
        """Wait no more for that work."""
        self.stirs += 1
        self.threads.pop(work, None)

    # Movement

    async def move_to(self, target: float) -> None:
        """Move to a moment, and let everything happen until then.

        Raises:
            ClockStuck: nothing could go on for too long.
        """
        wish = Wish(target, self._loop.create_future())
        self.wishes.append(wish)
        try:
            await wish.reached
        finally:
            self.wishes.remove(wish)

    @contextmanager
    def journey(self, seconds: float) -> Iterator[None]:
        """Move time during a block whenever nothing else goes on, for some seconds at the most.

        Raises:
            ClockStuck: these are over, or nothing could go on for too long; the block was cancelled.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        journey = Journey(task, self.now + seconds)
        self.journeys.append(journey)
        try:
            yield
        except BaseException as error:
            if journey.error is None:
                raise
            task.uncancel()
            if isinstance(error, asyncio.CancelledError):
                raise journey.error from None
            raise
        finally:
            self.journeys.remove(journey)

    def _move(self) -> bool:
        """Move to the next moment at which something happens, if that is asked for; tell if something can run now."""
        while self._timers and self._timers[0].cancelled():
            heapq.heappop(self._timers)
        timer = self._timers[0] if self._timers else None
        wish = min(
            (wish for wish in self.wishes if not wish.reached.done()), key=lambda wish: wish.target, default=None
        )
        if wish is not None:
            if timer is not None and timer.when() <= wish.target + _TOLERANCE:
                self._fire()
            else:
                self.now = max(wish.target, self.now)
                wish.reached.set_result(None)
            self.stirs += 1
            return True
        if timer is None or not (journeys := [journey for journey in self.journeys if journey.error is None]):
            return False
        self.stirs += 1
        if timer.when() > (limit := min(journey.limit for journey in journeys)):
            problem = f"it was not done within {limit - self.origin:g} s of the machine's time"
            self.fail([journey for journey in journeys if journey.limit == limit], problem)
        else:
            self._fire()
        return True

    @staticmethod
    def fail(journeys: Iterable[Journey], problem: str) -> None:
        """End journeys by an error; of several of one asyncio task the innermost, whose error passes the others."""
        for task, journey in {journey.task: journey for journey in journeys}.items():
            journey.fail(ClockStuck(f"{problem}: {where(task)}"))

    def _fire(self) -> None:
        """Let the next timers run, all that are set for the same moment."""
        self.now = max(self._timers[0].when(), self.now)
        while self._timers and self._timers[0].when() <= self.now:
            self._loop._ready.append(heapq.heappop(self._timers))  # noqa: SLF001 - see __init__

    def call_really_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Set a timer in real time."""
        return self._real_call_at(self.real_time() + seconds, callback)

    def close(self) -> None:
        """Give the timers that are left to real time, with what remains of their time."""
        self._is_open = False
        if _inside.get() is self:
            _inside.set(self._around)
        for timer in self._timers:
            if not timer.cancelled():
                hand_over: Any = timer
                hand_over._when = self.real_time() + max(0.0, timer.when() - self.now)  # noqa: SLF001 - see __init__
                hand_over._scheduled = True  # noqa: SLF001
                heapq.heappush(self._loop._scheduled, timer)  # noqa: SLF001
        self._timers.clear()
        self.drivers.clear()

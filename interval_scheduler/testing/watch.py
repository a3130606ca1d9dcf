"""Ends what hangs in a time machine, and says why.

It looks five times within the patience. Each look is set by the one before, so that blocking code, during which nothing
could go on, counts as one look.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import TimerHandle
from typing import Any, Final

from .. import ClockStuck
from .moved_time import MovedTime
from .requests import where

_LOOKS: Final = 5
#: A thread may take that many times the patience: as long as it works, something goes on.
_THREADS_PATIENCE: Final = 12


class Watch:
    """Looks in real time if anything goes on in a machine.

    Args:
        moved: the time of the machine.
        patience: the real seconds in which nothing may go on.
    """

    def __init__(self, moved: MovedTime, patience: float) -> None:
        self._moved = moved
        self._patience = patience
        self._seen: tuple[int, object] = (-1, None)
        self._still = 0
        self._timer: TimerHandle | None = None
        self._cancelled: asyncio.Task[Any] | None = None
        #: Why the test was cancelled, if it was.
        self.error: ClockStuck | None = None

    def start(self) -> None:
        """Begin to look."""
        if self._patience == math.inf:
            return
        self._timer = self._moved.call_really_later(self._patience / _LOOKS, self.look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Look once, and end what hangs if nothing has gone on for long enough."""
        self.start()
        test = self._test()
        # The object itself: one that is gone has an address that may be used again.
        seen = (self._moved.stirs, getattr(test, "_fut_waiter", None))
        if seen[0] != self._seen[0] or seen[1] is not self._seen[1]:
            self._seen, self._still = seen, 0
            return
        self._still += 1
        if self._still >= _LOOKS * (_THREADS_PATIENCE if self._moved.threads else 1):
            self._still = 0
            self._end(test)

    def throw(self) -> None:
        """Raise the reason for which the test was cancelled, if it was and took no notice."""
        if self.error is not None:
            raise self.error

    def convert(self, error: BaseException) -> ClockStuck | None:
        """Return the reason for which the calling asyncio task was cancelled, if the error comes from this."""
        task = asyncio.current_task()
        if self.error is None or task is None or task is not self._cancelled:
            return None
        task.uncancel()
        return self.error if isinstance(error, asyncio.CancelledError) else None

    def _test(self) -> asyncio.Task[Any] | None:
        """Find the asyncio task that moved the clock last and is still there."""
        return next((task for task in reversed(self._moved.drivers) if not task.done()), None)

    def _end(self, test: asyncio.Task[Any] | None) -> None:
        moved = self._moved
        seconds = f"nothing went on for {self._patience * (_THREADS_PATIENCE if moved.threads else 1):g} real seconds"
        if moved.threads:
            names = ", ".join(sorted(set(moved.threads.values())))
            why = f"{seconds}: the clock waits for threads ({names}), and they do not end"
        elif moved.wishes:
            why = f"{seconds}: something runs again and again while time stands still, such as 'await asyncio.sleep(0)'"
        else:
            why = f"{seconds}, and no timer is set that could change it"
        for wish in moved.wishes:
            wish.fail(ClockStuck(why))
        moved.fail(moved.journeys, why)
        if not moved.wishes and not moved.journeys and test is not None:
            if not moved.threads:
                why = (
                    f"{seconds}: {where(test)} while nobody moves the clock; advance it, or use 'await clock.run(...)'"
                )
            self._cancelled, self.error = test, ClockStuck(why)
            test.cancel(str(self.error))

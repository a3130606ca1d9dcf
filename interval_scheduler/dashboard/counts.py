"""The counts that go on in the background while somebody looks at them: one for all who ask for the same.

::

    asked for ──▶ goes on, step by step ─┬─ it has come to its end ──▶ done, kept for 30 s ────────────┐
                     ▲                   ├─ an error ──▶ failed, until somebody asked, or for 10 s ────┼──▶ forgotten
                     │                   └─ nobody asked for 10 s ──▶ rests, kept for 30 s ────────────┘
                     └──────────────────────── asked for again ─────────┘

An action forgets those of its namespace or queue that somebody was told. One that nobody was told yet gives its place
to no other: who waits for it asks soon. A dashboard has no moment at which it is closed, and a count needs none: it
waits for nothing but its turns and Redis, and ends with an error when the scheduler is closed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextvars import Context
from typing import Final

from .guard.turns import NoTurn
from .problems import problem_of
from .walk import Walk, Walked

_LOG: Final = logging.getLogger("interval_scheduler.dashboard")
#: A count on which nobody looks for so many seconds rests; an error is told for as long.
REST_SECONDS: Final = 10.0
#: Seconds for which a count is kept that is done or rests.
KEPT_SECONDS: Final = 30.0
#: The most counts. So many turns others wait for theirs at the most, which is less than their patience.
MOST_COUNTS: Final = 8


#: What is counted: the queue, `None` for the namespace itself, and the prefix.
Counted = tuple[str | None, str]


class Counts:
    """The counts of one dashboard."""

    def __init__(self) -> None:
        self._counts: dict[Counted, _InBackground] = {}

    async def ask(self, key: Counted, begin: Callable[[], Walk], patience: float) -> Walked:
        """Return how far a count has come. One that is not there begins, and one that rests goes on.

        Args:
            key: what is counted.
            begin: makes the walk of one that begins.
            patience: the seconds to wait for its end.

        Raises:
            NoTurn: too many others go on.
            Exception: whatever ended it, for all who wait for it, or else for who asks next. Then it is forgotten.
        """
        going = self._counts.get(key)
        if going is None or going.is_over:
            self._make_room()
            going = self._counts[key] = _InBackground(begin())
        try:
            return await going.ask(patience)
        except Exception:
            if self._counts.get(key) is going:
                del self._counts[key]
            raise

    def forget(self, queue: str | None) -> None:
        """Forget the counts that somebody was told: who asks next has them counted anew.

        Args:
            queue: the queue whose tasks changed; `None`: those of the namespace itself.
        """
        self._counts = {key: each for key, each in self._counts.items() if key[0] != queue or not each.was_told}

    def _make_room(self) -> None:
        self._counts = {key: each for key, each in self._counts.items() if not each.is_over}
        if len(self._counts) >= MOST_COUNTS:
            idle = next((key for key, each in self._counts.items() if each.needs_no_place), None)
            if idle is None:
                raise NoTurn("Many other counts go on just now. This one begins when there is room for it.")
            del self._counts[idle]


class _InBackground:
    """One count, in a task of its own, in which the context variables of the request that began it are not set."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._looking = 0
        self._looked_at = self._ended_at = time.monotonic()
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self.was_told = False  #: True once somebody got it, done.

    @property
    def is_done(self) -> bool:
        """Tell if it has come to its end."""
        return self._walk.count.is_done

    @property
    def goes_on(self) -> bool:
        """Tell if its next step is being taken."""
        return self._task is not None and not self._task.done()

    @property
    def needs_no_place(self) -> bool:
        """Tell if nobody waits for it: it was told, or nobody has asked for a while."""
        return not self.goes_on and (self.was_told or time.monotonic() - self._looked_at >= REST_SECONDS)

    @property
    def is_over(self) -> bool:
        """Tell if it is to be forgotten."""
        kept = KEPT_SECONDS if self._error is None else REST_SECONDS
        return not self.goes_on and time.monotonic() - self._ended_at >= kept

    async def ask(self, patience: float) -> Walked:
        """Have it go on if it rests, wait for its end for so many seconds, and return how far it has come.

        Raises:
            Exception: whatever ended it.
        """
        if self._task is None or (self._task.done() and self._error is None and not self.is_done):
            self._task = asyncio.create_task(self._go_on(), context=Context())
        self._looking += 1
        try:
            await asyncio.wait([self._task], timeout=patience)
        finally:
            self._looking -= 1
            self._looked_at = time.monotonic()
        if self._error is not None:
            raise self._error
        self.was_told = self.is_done
        return self._walk.count

    async def _go_on(self) -> None:
        try:
            while not self.is_done and (self._looking or time.monotonic() - self._looked_at < REST_SECONDS):
                await self._walk.step()
        except Exception as error:  # noqa: BLE001 - it is raised to who asks; what nobody foresaw is logged in any case
            self._error = error
            if problem_of(error).is_unexpected:
                _LOG.exception("a count ended by an unexpected error")
        finally:
            self._ended_at = time.monotonic()

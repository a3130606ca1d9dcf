"""The missed occurrences of cron expressions, each worked out once for all tasks and runs that ask for it.

A task that catches up asks for the next of its missed occurrences with each run, and for the last thousand of them as
long as it is further behind. The window of an expression in a zone has these, and goes on with the clock. Each
occurrence is worked out once, whoever asks: a run costs the same however far behind its task is.

::

                     due (anywhere)            now
                      ▼                         ▼
    ───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬─────▶
       └── moments ───────────────────────────┘
       ▲ reaches back until a due time that was asked for, but not further than needed
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock

from ..model.coming import MISSED_KEPT
from ..model.cron import before, next_after


class Window:
    """The occurrences of one expression in one zone, up to the latest moment that was asked for. All moments are in ms.

    Args:
        after: returns the first occurrence after a moment.
        before: yields the occurrences up to a moment, the latest first.
        spacing_ms: the shortest time between two occurrences.
    """

    def __init__(self, after: Callable[[int], int], before: Callable[[int], Iterator[int]], spacing_ms: int) -> None:
        self._after = after
        self._before = before
        self._spacing_ms = spacing_ms
        #: The occurrences after `_from_ms` up to `_to_ms`, all of them.
        self._moments: list[int] = []
        self._from_ms = self._to_ms = 0
        self._lock = Lock()  # event loops in several threads may ask

    def next(self, due_ms: int, now_ms: int) -> int:
        """Return the occurrence after `due_ms`, or the first of the last thousand before `now_ms` if that is later."""
        if now_ms - due_ms <= MISSED_KEPT * self._spacing_ms:
            return self._after(due_ms)
        with self._lock:
            self._reach(now_ms)
            count = self._reach_back(due_ms, now_ms)
            at = max(bisect_right(self._moments, due_ms), count - MISSED_KEPT)
            if at < len(self._moments):
                return self._moments[at]
        return self._after(due_ms)

    def _reach(self, now_ms: int) -> None:
        """Go on with the clock."""
        moments = self._moments
        if not moments or now_ms - self._to_ms > MISSED_KEPT * self._spacing_ms:
            moments.clear()
            self._from_ms = self._to_ms = now_ms
            return
        while (moment := self._after(moments[-1])) <= now_ms:
            moments.append(moment)
        self._to_ms = max(self._to_ms, now_ms)
        if len(moments) > 3 * MISSED_KEPT:
            del moments[: -2 * MISSED_KEPT]
            self._from_ms = moments[0] - 1

    def _reach_back(self, due_ms: int, now_ms: int) -> int:
        """Reach back to a due time, or to the last thousand; return the number of the moments up to now."""
        count = bisect_right(self._moments, now_ms)
        if count >= MISSED_KEPT or self._from_ms <= due_ms:
            return count
        found: list[int] = []
        for moment in self._before(self._from_ms):
            if moment <= due_ms or count >= MISSED_KEPT:
                self._from_ms = moment
                break
            found.append(moment)
            count += moment <= now_ms
        else:
            self._from_ms = due_ms
        self._moments[:0] = reversed(found)
        return bisect_right(self._moments, now_ms)


def next_run(expression: str, zone: str, due_ms: int, now_ms: int, *, each_missed: bool) -> int:
    """Return the next occurrence for a task whose last run was due at `due_ms`: the first one that is still to come.

    With `each_missed`, return the first occurrence after `due_ms`, even if it is past; of the occurrences that were
    missed, only the last thousand count.
    """
    if not each_missed:
        return next_after(expression, zone, max(due_ms, now_ms))
    return _window(expression, zone).next(due_ms, now_ms)


@lru_cache(maxsize=256)
def _window(expression: str, zone: str) -> Window:
    # An expression of five fields fires at most once a minute.
    spacing_ms = 60_000 if len(expression.split()) == 5 else 1000
    return Window(
        lambda moment_ms: next_after(expression, zone, moment_ms),
        lambda moment_ms: before(expression, zone, moment_ms),
        spacing_ms,
    )

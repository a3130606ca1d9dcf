"""When a recurring task runs next: the rule of `following` in `_recurrence.lua`, said another way."""

from __future__ import annotations

from itertools import count


def next_run(now: int, due: int, interval: int, phase: int, grid: int = 0, *, delay: bool = False) -> int:
    """The next due time after a run that was due at `due`, all in ms.

    Fixed rate: of the moments `phase + k * interval`, rounded down to the rounding grid, the first that is after now
    and is not the one that just ran. Fixed delay: an interval from now, rounded down; but after now.
    """
    cell = grid or 1
    if delay:
        moment = now + interval
        while (rounded := moment // cell * cell) <= now:
            moment += cell
        return rounded
    for k in count((now - phase) // interval - 1):
        rounded = (phase + k * interval) // cell * cell
        if rounded > now and rounded != due:
            return rounded
    raise AssertionError


def next_runs(before: int, after: int, due: int, interval: int, phase: int, grid: int = 0) -> set[int]:
    """The next due times at fixed rate, as the clock stands at some moment from `before` to `after`."""
    found: set[int] = set()
    now = before
    while now <= after:
        moment = next_run(now, due, interval, phase, grid)
        found.add(moment)
        now = moment  # it stays the next one until it comes
    return found

"""Counts the runs to come of a task, by buckets of time: by calculation where a task runs often. Pure functions.

::

    now ─┤ 0 ├┤ 1 ├┤ 2 ├── ... ──┤      each bucket without its beginning, with its end; what is late comes in bucket 0

The runs of an interval are counted by their grid, whatever number they are. The occurrences of a cron expression are
listed once for all tasks that have it, and only up to a bound; beyond that, their rate is taken to go on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from .coming import Course, following, is_left_out, kept_from
from .cron import next_after
from .jitter import draw, put_off
from .wire import LATEST_MS

#: The most occurrences of one cron expression, and of all together, that are worked out one by one.
MOST_OF_ONE: Final = 1000
MOST_OF_ALL: Final = 4000


class Buckets:
    """Equal spans of time, from now on.

    Args:
        now_ms: the beginning of the first.
        width_ms: the length of each.
        number: their number.
    """

    def __init__(self, now_ms: int, width_ms: int, number: int) -> None:
        self.now_ms: Final = now_ms
        self.width_ms: Final = width_ms
        self.number: Final = number
        #: The end of the last one, and of each.
        self.end_ms: Final = now_ms + number * width_ms
        self.ends_ms: Final = tuple(now_ms + (each + 1) * width_ms for each in range(number))

    def of(self, moment_ms: int) -> int:
        """Return the number of the bucket of a moment; what is late is in the first one."""
        return max(0, (moment_ms - self.now_ms - 1) // self.width_ms)


class Occurrences(NamedTuple):
    """The occurrences of a cron expression from now on: the listed ones, and the mean time between later ones."""

    moments: list[int]
    #: `None`: all up to the end are listed, and the next one after it.
    spacing_ms: float | None


class Calendars:
    """The occurrences of cron expressions up to the end of some buckets, each listed once."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._left = MOST_OF_ALL
        self._known: dict[tuple[str, str], Occurrences] = {}

    def of(self, expression: str, zone: str) -> Occurrences:
        """Return the occurrences of an expression."""
        found = self._known.get((expression, zone))
        if found is None:
            found = self._known[expression, zone] = self._list(expression, zone)
        return found

    def _list(self, expression: str, zone: str) -> Occurrences:
        moments, moment_ms = list[int](), self._buckets.now_ms
        most = max(2, min(MOST_OF_ONE, self._left))
        while moment_ms <= self._buckets.end_ms:
            if len(moments) == most:
                return Occurrences(moments, (moments[-1] - self._buckets.now_ms) / most)
            moment_ms = next_after(expression, zone, moment_ms)
            moments.append(moment_ms)
            self._left -= 1
        return Occurrences(moments, None)


def count_runs(course: Course, buckets: Buckets, calendars: Calendars) -> list[float]:
    """Count the runs of a task in each bucket."""
    found = [0.0] * buckets.number
    due_ms: int | None = course.due_ms
    left, earliest_ms = course.left, kept_from(course, buckets.now_ms)
    while due_ms is not None and due_ms <= buckets.now_ms and left != 0:
        if not is_left_out(course, due_ms, buckets.now_ms):
            found[0] += 1
            left = None if left is None else left - 1
        due_ms = following(course, due_ms, buckets.now_ms, earliest_ms)
    if due_ms is None or left == 0 or due_ms > buckets.end_ms:
        return found
    found[buckets.of(due_ms)] += 1
    course = course._replace(due_ms=due_ms, left=None if left is None else left - 1)
    if course.policy.cron is not None:
        _count_calendar(found, course, buckets, calendars.of(course.policy.cron, course.policy.zone or "UTC"))
    elif course.interval_ms is not None and (first_ms := following(course, due_ms, due_ms)) is not None:
        _count_grid(found, course, course.interval_ms, first_ms, buckets)
    return found


class _Grid(NamedTuple):
    """The due times of an interval from one of them on, as if they had no end."""

    #: Returns one of them by its number.
    at: Callable[[int], int]
    #: Returns for each of some moments the number of those that have come by then.
    by: Callable[[Sequence[int]], list[int]]


def _grid_of(course: Course, interval_ms: int, first_ms: int) -> _Grid:
    """Return the due times from `first_ms` on."""
    cell, policy = course.grid_ms, course.policy
    if course.fixed_delay:
        step_ms = max(interval_ms - interval_ms % cell, cell)
        return _Grid(
            lambda number: first_ms + number * step_ms,
            lambda ends_ms: [max(0, (end_ms - first_ms) // step_ms + 1) for end_ms in ends_ms],
        )
    jitter_ms = policy.jitter_ms
    if jitter_ms is None:
        base_ms = first_ms + cell - 1
        from_ms = base_ms - (base_ms - course.phase_ms) % interval_ms

        def at(number: int) -> int:
            moment_ms = from_ms + number * interval_ms
            return moment_ms - moment_ms % cell

        # A moment has come, rounded down, by the end of the cell of the rounding grid.
        return _Grid(
            at,
            lambda ends_ms: [
                max(0, (end_ms - end_ms % cell + cell - 1 - from_ms) // interval_ms + 1) for end_ms in ends_ms
            ],
        )
    from_ms = first_ms - (first_ms - course.phase_ms) % interval_ms

    def put_off_at(number: int) -> int:
        return put_off(policy, course.raw_id, from_ms + number * interval_ms)

    def put_off_by(end_ms: int) -> int:
        count = max(0, (end_ms - jitter_ms - from_ms) // interval_ms + 1)
        while put_off_at(count) <= end_ms:
            count += 1
        return count

    return _Grid(put_off_at, lambda ends_ms: [put_off_by(end_ms) for end_ms in ends_ms])


def _count_grid(found: list[float], course: Course, interval_ms: int, first_ms: int, buckets: Buckets) -> None:
    """Count the due times of an interval from `first_ms` on."""
    last_ms = min(buckets.end_ms, course.policy.until_ms or LATEST_MS)
    left = LATEST_MS if course.left is None else course.left
    if last_ms < first_ms:
        return
    grid = _grid_of(course, interval_ms, first_ms)
    if (last_ms - first_ms) // interval_ms <= buckets.number // 4:
        number = 0
        while number < left and (due_ms := grid.at(number)) <= last_ms:
            found[buckets.of(due_ms)] += 1
            number += 1
        return
    ends_ms: Sequence[int] = buckets.ends_ms
    if last_ms < buckets.end_ms:
        ends_ms = [min(end_ms, last_ms) for end_ms in ends_ms]
    counts = grid.by(ends_ms)
    if counts[-1] > left:
        counts = [min(count, left) for count in counts]
    before = 0
    for bucket, count in enumerate(counts):
        found[bucket] += count - before
        before = count


def _count_calendar(found: list[float], course: Course, buckets: Buckets, listed: Occurrences) -> None:
    """Count the occurrences of a cron expression after the due time of a task."""
    policy, moments = course.policy, listed.moments
    last_ms = min(buckets.end_ms, policy.until_ms or LATEST_MS)
    left = LATEST_MS if course.left is None else course.left
    at = bisect_right(moments, course.due_ms)
    while at < len(moments) and left > 0:
        moment_ms = moments[at]
        at += 1
        if moment_ms > last_ms:
            return
        due_ms = moment_ms
        if policy.jitter_ms is not None and at < len(moments):
            most_ms = min(policy.jitter_ms, moments[at] - moment_ms - 1)
            due_ms = min(moment_ms + draw(course.raw_id, moment_ms, most_ms), policy.until_ms or LATEST_MS)
        if due_ms > buckets.end_ms:
            return
        found[buckets.of(due_ms)] += 1
        left -= 1
    if listed.spacing_ms is not None:
        to_ms = min(last_ms, moments[-1] + left * listed.spacing_ms)
        _go_on(found, max(moments[-1], course.due_ms), to_ms, listed.spacing_ms, buckets)


def _go_on(found: list[float], from_ms: int, to_ms: float, spacing_ms: float, buckets: Buckets) -> None:
    """Count what comes after the listed occurrences by their mean rate."""
    for bucket in range(buckets.of(from_ms + 1), buckets.number):
        begins_ms = buckets.now_ms + bucket * buckets.width_ms
        share_ms = min(to_ms, begins_ms + buckets.width_ms) - max(from_ms, begins_ms)
        if share_ms > 0:
            found[bucket] += share_ms / spacing_ms

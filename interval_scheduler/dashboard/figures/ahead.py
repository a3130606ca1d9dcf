"""Runs to come by time: those that are counted, and those that are estimated beside them. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from statistics import median
from typing import Any, Final

from ... import Forecast

_MINUTE: Final = 60
#: The minutes on each side of a peak that it is compared with.
_AROUND: Final = 30
#: The most peaks, and how far a minute has to stand out, as a share of it.
_PEAKS: Final = 10
_STANDS_OUT: Final = 0.1
#: The minutes on each side that tell what is usual in one.
_NEIGHBOURS: Final = 2

#: Makes the URL of the tasks that are due from a moment on.
LinkTo = Callable[[datetime], str]


@dataclass(frozen=True)
class Ahead:
    """The time to come, as it was read.

    Attributes:
        forecast: all runs, estimated.
        exact: the number of tasks by their next run, for the buckets of the forecast; without those that are late.
            `None` if a partition could not be asked.
    """

    forecast: Forecast
    exact: Sequence[int] | None

    def counted(self, bucket: int) -> int:
        """Return the number of next runs in a bucket; those that are late are due at once, in the first one."""
        late = self.forecast.late if bucket == 0 else 0
        return late + (self.exact[bucket] if self.exact is not None else 0)

    def further(self, bucket: int) -> float:
        """Return the number of further runs in a bucket, as far as it is estimated above what is counted."""
        return max(0.0, self.forecast.runs[bucket] - self.counted(bucket))


def points_of(ahead: Ahead, link_to: LinkTo) -> list[dict[str, Any]]:
    """Return the buckets of a forecast, each with the URL of its tasks."""
    found: list[dict[str, Any]] = []
    for bucket, (runs, error) in enumerate(zip(ahead.forecast.runs, ahead.forecast.errors, strict=True)):
        at = datetime.fromtimestamp(ahead.forecast.start + bucket * ahead.forecast.width, UTC)
        known = {"next_runs": ahead.counted(bucket), "further": ahead.further(bucket)}
        found.append({"at": at, **known, "runs": runs, "error": error, "tasks_url": link_to(at)})
    return found


@dataclass(frozen=True)
class Minute:
    """A minute to come.

    Attributes:
        at: its beginning, in epoch seconds.
        next_runs: the number of tasks that run next in it, exactly.
        further: the further runs in it, estimated.
    """

    at: float
    next_runs: int
    further: float

    @property
    def runs(self) -> float:
        """All runs in it."""
        return self.next_runs + self.further


def minutes_of(start: float, exact: Sequence[int], ahead: Ahead) -> list[Minute]:
    """Return the minutes of a time that lies within a forecast.

    A task runs in a minute either for the next time or once more, so the further runs of a bucket are put where its
    next runs leave room (see `filled`). Next runs that stand out from the minutes around are a herd of their own, and
    leave as much room as those around.

    Args:
        start: the beginning of the first minute, in epoch seconds.
        exact: the number of tasks that run next in each minute; zeros if that is not known.
        ahead: the forecast, from now until the end of the last minute or longer.
    """
    forecast = ahead.forecast
    first = min(len(exact), max(0, math.floor((forecast.start - start) / _MINUTE)))
    usual = [0.0] * first + medians(exact[first:])
    buckets: dict[int, list[int]] = {}
    for number in range(first, len(exact)):
        middle = start + (number + 0.5) * _MINUTE
        bucket = max(0, math.floor((middle - forecast.start) / forecast.width))
        buckets.setdefault(min(bucket, len(forecast.runs) - 1), []).append(number)
    further = [0.0] * len(exact)
    for bucket, numbers in buckets.items():
        part = min(1.0, len(numbers) * _MINUTE / forecast.width)  # a bucket may begin before the time, or end after
        levels = filled([usual[number] for number in numbers], part * ahead.further(bucket))
        for number, more in zip(numbers, levels, strict=True):
            further[number] = more
    return [Minute(start + n * _MINUTE, count, further[n]) for n, count in enumerate(exact)]


def filled(counts: Sequence[float], amount: float) -> list[float]:
    """Return how an amount is put upon counts, as water fills a vessel: upon the lowest, up to one level for all."""
    level, below = 0.0, sorted(counts)
    for many in range(1, len(below) + 1):
        level = (amount + sum(below[:many])) / many
        if many == len(below) or level <= below[many]:
            break
    return [max(0.0, level - count) for count in counts]


def medians(counts: Sequence[int]) -> list[float]:
    """Return for each count the median of it and its neighbours, two on each side, or fewer near the ends."""
    found: list[float] = []
    for index in range(len(counts)):
        reach = min(_NEIGHBOURS, index, len(counts) - 1 - index)
        found.append(float(median(counts[index - reach : index + reach + 1])))
    return found


def hours_of(
    start: float, minutes: Sequence[Minute], now: float, link_to: LinkTo, columns: int = 12
) -> list[dict[str, Any]]:
    """Return minutes as rows of an hour each, in cells; one that has passed is `None`.

    Args:
        start: the beginning of the first hour, which is that of the first minute.
        minutes: the minutes.
        now: the present moment, in epoch seconds.
        link_to: makes the URLs.
        columns: the number of cells of an hour.
    """
    size = 60 // columns
    cells: list[dict[str, Any] | None] = []
    for first in range(0, len(minutes), size):
        some = minutes[first : first + size]
        at = datetime.fromtimestamp(some[0].at, UTC)
        has_passed = some[-1].at + _MINUTE <= now
        counts = {"next_runs": sum(each.next_runs for each in some), "runs": sum(each.runs for each in some)}
        cells.append(None if has_passed else {"at": at, **counts, "tasks_url": link_to(at)})
    return [
        {"at": datetime.fromtimestamp(start + 3600 * row, UTC), "cells": cells[row * columns : (row + 1) * columns]}
        for row in range(len(cells) // columns)
    ]


def peaks_of(minutes: Sequence[Minute], link_to: LinkTo) -> list[dict[str, Any]]:
    """Return the minutes with the most runs that stand out, and what an even spread would leave of each.

    `even` is the mean of the minutes from half an hour before until half an hour after it, as far as they are known,
    and `cut` is the share of the peak that lies above that: a tenth at the least.
    """
    runs = [each.runs for each in minutes]
    until = [0.0, *accumulate(runs)]
    found: list[dict[str, Any]] = []
    for index in sorted((n for n, each in enumerate(runs) if each >= 1), key=lambda n: -runs[n]):
        begin, end = max(0, index - _AROUND), min(len(runs), index + _AROUND)
        even = (until[end] - until[begin]) / (end - begin)
        if (cut := 1 - even / runs[index]) >= _STANDS_OUT:
            at = datetime.fromtimestamp(minutes[index].at, UTC)
            counts = {"next_runs": minutes[index].next_runs, "runs": runs[index], "even": even, "cut": cut}
            found.append({"at": at, **counts, "tasks_url": link_to(at)})
        if len(found) == _PEAKS:
            break
    return found

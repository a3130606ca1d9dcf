"""Runs to come by time: those that are counted, and those that are estimated beside them. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ... import Forecast

_MINUTE: Final = 60
#: The minutes on each side of a peak that it is compared with.
_AROUND: Final = 30
#: The most peaks.
_PEAKS: Final = 10

#: Makes the URL of the tasks that are due from a moment on.
LinkTo = Callable[[datetime], str]


@dataclass(frozen=True)
class Ahead:
    """What was read of the time to come.

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
    found = []
    for bucket, (runs, error) in enumerate(zip(ahead.forecast.runs, ahead.forecast.errors, strict=True)):
        at = datetime.fromtimestamp(ahead.forecast.start + bucket * ahead.forecast.width, UTC)
        known = {"next_runs": ahead.counted(bucket), "further": ahead.further(bucket)}
        found.append({"at": at, **known, "runs": runs, "error": error, "tasks": link_to(at)})
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

    The further runs of a bucket are put where its next runs leave room (see `filled`): a task runs either for the next
    time in a minute or once more.

    Args:
        start: the beginning of the first minute, in epoch seconds.
        exact: the number of tasks that run next in each minute; zeros if that is not known.
        ahead: the forecast, from now until the end of the last minute or longer.
    """
    forecast = ahead.forecast
    buckets: dict[int, list[int]] = {}
    for number in range(len(exact)):
        middle = start + (number + 0.5) * _MINUTE
        buckets.setdefault(math.floor((middle - forecast.start) / forecast.width), []).append(number)
    further = [0.0] * len(exact)
    for bucket, numbers in buckets.items():
        if 0 <= bucket < len(forecast.runs):
            part = min(1.0, len(numbers) * _MINUTE / forecast.width)  # a bucket may begin before the time, or end after
            counts = [exact[number] for number in numbers]
            for number, more in zip(numbers, filled(counts, part * ahead.further(bucket)), strict=True):
                further[number] = more
    return [Minute(start + n * _MINUTE, count, further[n]) for n, count in enumerate(exact)]


def filled(counts: Sequence[int], amount: float) -> list[float]:
    """Return how an amount is put upon counts, as water fills a vessel: upon the lowest, up to one level for all."""
    level, below = 0.0, sorted(counts)
    for many in range(1, len(below) + 1):
        level = (amount + sum(below[:many])) / many
        if many == len(below) or level <= below[many]:
            break
    return [max(0.0, level - count) for count in counts]


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
        cells.append(None if has_passed else {"at": at, **counts, "tasks": link_to(at)})
    return [
        {"at": datetime.fromtimestamp(start + 3600 * row, UTC), "cells": cells[row * columns : (row + 1) * columns]}
        for row in range(len(cells) // columns)
    ]


def peaks_of(minutes: Sequence[Minute], link_to: LinkTo) -> list[dict[str, Any]]:
    """Return the minutes with the most runs, and what an even spread of the hour around each would leave of it.

    `even` is the mean of the minutes from half an hour before until half an hour after it, as far as they are known,
    and `cut` the share by which the peak is higher than that.
    """
    order = sorted((index for index, each in enumerate(minutes) if each.runs >= 1), key=lambda n: -minutes[n].runs)
    found = []
    for index in order[:_PEAKS]:
        peak = minutes[index]
        around = minutes[max(0, index - _AROUND) : index + _AROUND]
        even = sum(each.runs for each in around) / len(around)
        at = datetime.fromtimestamp(peak.at, UTC)
        counts = {"next_runs": peak.next_runs, "runs": peak.runs, "even": even, "cut": 1 - even / peak.runs}
        found.append({"at": at, **counts, "tasks": link_to(at)})
    return found

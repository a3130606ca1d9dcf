"""Estimates all runs to come from a sample of the tasks. Pure functions.

::

    the next run of each waiting task      counted          ──┐
    further runs: of each stratum, the mean of its sample     ├──▶ runs of each bucket, and their standard error
                  times the number of its tasks             ──┘

A stratum has the tasks whose next run is in one slice of the time to come, or those that are late, leased or parked.
The slices get longer by the factor `RATIO`. A task is due within its interval, so a task of a slice has hardly
more runs than the slice has room in the horizon, and one that is due beyond the horizon has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .counting import Buckets

#: The number of tasks that are sampled on each partition.
SAMPLED: Final = 250
#: The factor between the ends of two slices, and the most slices.
RATIO: Final = 4
MOST_SLICES: Final = 10


@dataclass(frozen=True, slots=True)
class Forecast:
    """All runs to come within a horizon, estimated from a sample.

    The true numbers lie within 1.64 standard errors of the estimated ones in about nine of ten cases.

    Attributes:
        start: the moment at which the horizon begins, by the clock of the server, in epoch seconds.
        width: the seconds of each bucket.
        runs: the number of runs in each bucket; in the first one are those that are late.
        errors: the standard error of each.
        total: the number of runs in all buckets.
        total_error: its standard error.
        late: the number of tasks that are due by now and wait, for a worker or for room in their group.
        demand: the runs that come due in a second, over the horizon; those that are late are not among them.
        demand_error: its standard error.
        tasks: the number of tasks that it stands for: all but those that are paused or dead, or that run next after the
            horizon.
        sampled: the number of tasks of which the rules were read.
        missing: the names of the partitions that could not be asked. Nothing of theirs is in it.
        dispatched: the runs that ended in a second of late, to be compared with `demand`: over the last ten whole
            minutes, as schedulers counted them (see `statistics`). `None`: it is not known, as that cannot be read, or
            the first runs of all that is kept, which is 8 days, ended within the present minute.
    """

    start: float
    width: float
    runs: tuple[float, ...]
    errors: tuple[float, ...]
    total: float
    total_error: float
    late: int
    demand: float
    demand_error: float
    tasks: int
    sampled: int
    missing: tuple[str, ...] = ()
    dispatched: float | None = None


def slices_of(horizon_ms: int) -> list[int]:
    """Return the ends of the slices of a horizon, in ms from now, the nearest first."""
    spans = {math.ceil(horizon_ms / RATIO**number) for number in range(MOST_SLICES)}
    return sorted(spans)


class Stratum:
    """The sample of one stratum.

    Args:
        size: the number of its tasks.
        buckets: the number of buckets.
    """

    def __init__(self, size: int, buckets: int) -> None:
        self.size = size
        self.read = 0
        self._sums = [0.0] * buckets
        self._squares = [0.0] * buckets
        self._total = self._total_squares = 0.0

    def add(self, runs: Sequence[float]) -> None:
        """Take the runs of one sampled task in, by bucket, without those that are counted otherwise."""
        self.read += 1
        if not any(runs):
            return
        self._sums = [one + other for one, other in zip(self._sums, runs, strict=True)]
        self._squares = [one + other * other for one, other in zip(self._squares, runs, strict=True)]
        total = sum(runs)
        self._total += total
        self._total_squares += total * total

    def add_to(self, runs: list[float], variances: list[float]) -> tuple[float, float]:
        """Add what all of its tasks have to each bucket; return the sum over all buckets and its variance."""
        if self.read == 0:
            return 0.0, 0.0
        scale = self.size / self.read
        for bucket, count in enumerate(self._sums):
            runs[bucket] += scale * count
            variances[bucket] += self._variance(count, self._squares[bucket])
        return scale * self._total, self._variance(self._total, self._total_squares)

    def _variance(self, total: float, squares: float) -> float:
        """Return the variance of an estimate for all tasks of the stratum."""
        if self.read >= self.size:
            return 0.0
        spread = squares if self.read == 1 else max(0.0, squares - total * total / self.read) / (self.read - 1)
        return self.size * self.size * (1 - self.read / self.size) * spread / self.read


def to_forecast(
    buckets: Buckets, counted: Sequence[float], late: int, strata: Sequence[Stratum], missing: Sequence[str]
) -> Forecast:
    """Put a forecast together.

    Args:
        buckets: the buckets.
        counted: the number of next runs in each bucket, without those that are late.
        late: the number of tasks that are late.
        strata: what was sampled.
        missing: the partitions that could not be asked.
    """
    runs, variances = list(counted), [0.0] * buckets.number
    runs[0] += late
    further = variance = 0.0
    for stratum in strata:
        more, its_variance = stratum.add_to(runs, variances)
        further, variance = further + more, variance + its_variance
    total, error = max(0.0, sum(counted) + late + further), math.sqrt(variance)
    horizon = buckets.number * buckets.width_ms / 1000
    return Forecast(
        start=buckets.now_ms / 1000,
        width=buckets.width_ms / 1000,
        runs=tuple(max(0.0, each) for each in runs),
        errors=tuple(math.sqrt(each) for each in variances),
        total=total,
        total_error=error,
        late=late,
        demand=max(0.0, total - late) / horizon,
        demand_error=error / horizon,
        tasks=sum(stratum.size for stratum in strata),
        sampled=sum(stratum.read for stratum in strata),
        missing=tuple(missing),
    )

"""Windows of time: those of a page by their names, and the counts of schedulers inside of one. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ... import Point, Series


@dataclass(frozen=True)
class Window:
    """A time that is shown.

    Attributes:
        name: its name in the URL.
        words: what it is, behind "the last" or "the next".
        seconds: how long it is.
        step: the seconds of each point.
    """

    name: str
    words: str
    seconds: int
    step: int

    @property
    def resolution(self) -> Literal["1m", "10m"]:
        """The finest counts that its points can be made of."""
        return "1m" if self.step < 600 else "10m"

    def since(self, now: float) -> float:
        """Return its beginning, so that its first point is a whole one; epoch seconds."""
        return (now - self.seconds) // self.step * self.step + self.step


#: The time that has passed, with the points that a plot has room for.
PAST: Final[Mapping[str, Window]] = {
    each.name: each
    for each in (
        Window("1h", "hour", 3600, 60),
        Window("6h", "6 hours", 6 * 3600, 600),
        Window("24h", "24 hours", 86_400, 1800),
        Window("7d", "7 days", 7 * 86_400, 3 * 3600),
    )
}
#: The time to come.
AHEAD: Final[Mapping[str, Window]] = {
    each.name: each for each in (Window("1h", "hour", 3600, 60), Window("24h", "24 hours", 86_400, 900))
}


def points_of(series: Series, step: int) -> list[dict[str, Any]]:
    """Return the counts of a series by steps of UTC, each a whole number of its points."""
    steps: dict[int, list[Point]] = {}
    for point in series:
        steps.setdefault(int(point.at // step), []).append(point)
    return [_point(number * step, Series(tuple(some), series.seconds).total) for number, some in steps.items()]


def total_of(series: Series) -> dict[str, Any]:
    """Return the counts of a whole series."""
    return _point(series.total.at, series.total)


def _point(at: float, counted: Point) -> dict[str, Any]:
    return {
        "at": datetime.fromtimestamp(at, UTC),
        "runs": counted.runs,
        "succeeded": max(0, counted.runs - counted.failures),
        "failures": counted.failures,
        "retries": counted.retries,
        "skipped": counted.skipped,
        "claimed": counted.claimed,
        "lag_50": counted.lag(0.5),
        "lag_99": counted.lag(0.99),
    }

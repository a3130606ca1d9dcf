"""`Series` and its `Point`s: the counts of schedulers, by minutes or by tens of minutes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, NamedTuple, overload

from ..errors import InvalidType, InvalidValue
from .checks import check_moment, check_number
from .tally import EDGES_MS, NAMES, WIRE_NAMES
from .wire import whole

Resolution = Literal["1m", "10m"]

#: The greatest count that is taken for one.
_MOST: Final = 10**15


class Kind(NamedTuple):
    """A kind of records: its letter in Redis, the seconds of each, and those for which they are kept."""

    letter: bytes
    seconds: int
    kept_seconds: int


KINDS: Final[Mapping[Resolution, Kind]] = {
    "1m": Kind(b"m", 60, 3 * 3600),
    "10m": Kind(b"t", 600, 8 * 86_400),
}


@dataclass(frozen=True, slots=True)
class Point:
    """The counts of one minute, or of ten.

    A run belongs to the moment at which its scheduler reported it, up to five seconds after its end.

    Attributes:
        at: the beginning of that time, by the clocks of the servers, in epoch seconds.
        runs: the number of runs that ended by themselves, well or not.
        failures: the number of those whose executor raised, whose time was up, or which `cancel_run` cancelled.
        timeouts: the number of those of the failed ones whose time was up.
        postponed: the number of runs that raised `Retry`; they are no failures.
        retries: the number of failed runs whose task is tried again before its next occurrence.
        crashed: the number of occurrences that were not run any more, since too many deliveries had ended without a
            result.
        dead: the number of tasks that were set aside.
        lost_leases: the number of runs that lost their lease, so that their tasks may have run twice: it was not
            renewed in time, or the partition could not be reached for a moment and refused it then. The leases of a
            killed process are not among them.
        gone: the number of runs whose task was removed meanwhile, or replaced: removed and assigned anew, or restored
            from a backup. Their ends change nothing.
        skipped: the number of runs that were left out, since they came too late for their `start_deadline`, or were
            missed.
        handed_back: the number of claimed tasks that were handed back, not started or cut short.
        lags: for each class of lags, the number of tasks that were claimed so late; the class number n ends below
            `LAG_EDGES[n]` seconds, and the last one has no end.
        LAG_EDGES: the ends of the classes of lags, in seconds.
    """

    LAG_EDGES: ClassVar[tuple[float, ...]] = tuple(edge / 1000 for edge in EDGES_MS)

    at: float
    runs: int = 0
    failures: int = 0
    timeouts: int = 0
    postponed: int = 0
    retries: int = 0
    crashed: int = 0
    dead: int = 0
    lost_leases: int = 0
    gone: int = 0
    skipped: int = 0
    handed_back: int = 0
    lags: tuple[int, ...] = (0,) * (len(EDGES_MS) + 1)

    @property
    def at_time(self) -> datetime:
        """`at` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def claimed(self) -> int:
        """The number of tasks that were claimed."""
        return sum(self.lags)

    def lag(self, share: float = 0.5) -> float | None:
        """Return the lag, in seconds, that this share of the claimed tasks did not exceed, rounded up to an edge.

        The lag of a task is its claim minus its due time. Its run starts within a second of the claim.

        Args:
            share: above 0, up to 1. Default 0.5: the median.

        Returns:
            One of `LAG_EDGES`; `math.inf` above the last of them; `None` if nothing was claimed.

        Raises:
            InvalidValue, InvalidType: `share` is no such number.
        """
        if not 0 < check_number("share", share) <= 1:
            raise InvalidValue("share", f"must be above 0 and at most 1, got {share:g}")
        if not (claimed := self.claimed):
            return None
        wanted, so_far = math.ceil(share * claimed), 0
        for edge, count in zip((*self.LAG_EDGES, math.inf), self.lags, strict=True):
            so_far += count
            if so_far >= wanted:
                return edge
        return math.inf


@dataclass(frozen=True, slots=True)
class Series(Sequence[Point]):
    """The counts of some time, as a sequence of `Point`s without gaps, the earliest first.

    Attributes:
        points: the points; one without any count is there too.
        seconds: the length of the time of each, in seconds.
        missing: the names of the partitions that could not be read, whose counts are not in it.
    """

    points: tuple[Point, ...]
    seconds: int
    missing: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...

    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        """Return one point, or some."""
        return self.points[index]

    def __len__(self) -> int:
        """Count the points."""
        return len(self.points)

    @property
    def total(self) -> Point:
        """All points as one, which begins with the first; at 0 if there is none."""
        counts = [0] * len(WIRE_NAMES)
        for point in self.points:
            for n, count in enumerate(_counts_of(point)):
                counts[n] += count
        return point_of(self.points[0].at if self.points else 0.0, counts)


class Span(NamedTuple):
    """Which records are wanted: their kind, the number of the first one since 1970, and how many."""

    kind: Kind
    first: int
    many: int


def check_resolution(value: object) -> Kind:
    """Return the kind of records of a resolution.

    Raises:
        InvalidType, InvalidValue: there is no such resolution.
    """
    if not isinstance(value, str):
        raise InvalidType("resolution", f"must be a str, not {type(value).__name__}")
    for name, kind in KINDS.items():
        if name == value:
            return kind
    raise InvalidValue("resolution", f"must be one of {', '.join(map(repr, KINDS))}, got {value!r}")


def check_times(since: object, until: object) -> tuple[int, int | None]:
    """Return a time, in epoch ms; without an end for one until now.

    Raises:
        InvalidType, InvalidValue: it is none.
    """
    since_ms = check_moment("since", since)
    until_ms = None if until is None else check_moment("until", until)
    if until_ms is not None and until_ms <= since_ms:
        raise InvalidValue("until", "must be after since")
    return since_ms, until_ms


def span_of(kind: Kind, since_ms: int, until_ms: int | None, now_ms: int) -> Span:
    """Work out which records a time touches, up to now.

    Raises:
        InvalidValue: some of them are not kept any more.
    """
    length = 1000 * kind.seconds
    first = since_ms // length
    if first < (now_ms - 1000 * kind.kept_seconds) // length:
        raise InvalidValue(
            "since",
            "is too long ago: "
            + ("counts of each minute are kept for 3 hours; " if kind is KINDS["1m"] else "")
            + "counts of ten minutes are kept for 8 days, with resolution='10m'",
        )
    end_ms = now_ms + 1 if until_ms is None else min(until_ms, now_ms + 1)
    return Span(kind, first, max(0, -(-end_ms // length) - first))


def read_counts(raw: bytes) -> list[int]:
    """Read the counts of a record, with commas between them; one that cannot be read is 0."""
    counts = raw.split(b",")
    if len(counts) != len(WIRE_NAMES):
        return [0] * len(WIRE_NAMES)
    try:
        found = [int(count) if count else 0 for count in counts]
        if min(found) >= 0 and max(found) <= _MOST:
            return found
    except ValueError:
        pass
    return [whole(count) or 0 for count in counts]


def point_of(at: float, counts: Sequence[int]) -> Point:
    """Make a point of counts in the order of `WIRE_NAMES`."""
    named: Sequence[Any] = (*counts[: len(NAMES)], tuple(counts[len(NAMES) :]))
    return Point(at, *named)


def series_of(span: Span, records: Iterable[tuple[int, bytes]], missing: Iterable[str]) -> Series:
    """Put the records of all partitions together, by their numbers."""
    summed: dict[int, list[int]] = {}
    for number, raw in records:
        counts = read_counts(raw)
        known = summed.get(number)
        summed[number] = counts if known is None else [a + b for a, b in zip(known, counts, strict=True)]
    seconds = span.kind.seconds
    nothing = [0] * len(WIRE_NAMES)
    numbers = range(span.first, span.first + span.many)
    points = tuple(point_of(float(number * seconds), summed.get(number, nothing)) for number in numbers)
    return Series(points, seconds, tuple(missing))


def _counts_of(point: Point) -> list[int]:
    return [*(getattr(point, name) for name in NAMES), *point.lags]

"""The last counters of schedulers that are told no more, so that the sums of which they are a part do not fall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .rows import Series
from .source import Source


class Ended(NamedTuple):
    """A source that is told no more, and its last counters."""

    source: Source
    counters: Mapping[Series, float]


class Past(NamedTuple):
    """The last counters of the sources that are told no more; it is not changed, but replaced by another one.

    A scheduler goes on counting while it is not told, and has all of it again if it is told again. So the counters of
    a scheduler that is still there are kept apart.
    """

    ended: tuple[Ended, ...] = ()
    #: The sums over the schedulers that are gone for good.
    gone: Mapping[Series, float] = {}

    def with_ended(self, source: Source) -> Past:
        """Return it with one more source."""
        return _folded(Past((*self.ended, Ended(source, source.counters)), self.gone))

    def without(self, told: Iterable[Series], source: Source) -> Past:
        """Return it without the counters that a source tells again, by itself or with its namespace."""
        known = frozenset(told)
        ended = (
            Ended(each.source, {series: value for series, value in each.counters.items() if series not in known})
            if each.source.overlaps(source)
            else each
            for each in self.ended
        )
        return _folded(Past(tuple(each for each in ended if each.counters), self.gone))

    def values(self) -> dict[Series, float]:
        """Return the sums of all of them."""
        return _added(self.gone, *(each.counters for each in self.ended))


def _folded(past: Past) -> Past:
    """Return it with the counters of schedulers that are gone in one place, however many there were."""
    gone = [each for each in past.ended if each.source.scheduler is None]
    if not gone:
        return past
    there = tuple(each for each in past.ended if each not in gone)
    return Past(there, _added(past.gone, *(each.counters for each in gone)))


def _added(*counters: Mapping[Series, float]) -> dict[Series, float]:
    sums: dict[Series, float] = {}
    for each in counters:
        for series, value in each.items():
            sums[series] = sums.get(series, 0) + value
    return sums

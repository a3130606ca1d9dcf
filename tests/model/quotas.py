"""Rates and bounds of groups, with fractions of tokens where the scripts count whole parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

#: The bound of a group without one.
ANY = 1_000_000
#: For so many ms tokens gather, so that a high rate costs few claims.
GATHER = 20


@dataclass(frozen=True)
class Bucket:
    """The tokens of a rate: `level` of them at a moment; `count` come in `per` ms, and `burst` are kept.

    One that was never used is full, whatever its rate.
    """

    count: int
    per: int
    burst: int
    level: Fraction
    at: int
    is_used: bool = False

    @classmethod
    def full(cls, count: int, per: int, burst: int, now: int) -> Bucket:
        return cls(count, per, burst, Fraction(burst), now)

    def filled(self, now: int) -> Bucket:
        gained = Fraction(max(0, now - self.at) * self.count, self.per)
        return replace(self, level=min(Fraction(self.burst), self.level + gained), at=now)

    def changed(self, count: int, per: int, burst: int, now: int) -> Bucket:
        """Of another rate: what is there stays, as far as it fits."""
        if not self.is_used:
            return Bucket.full(count, per, burst, now)
        return Bucket(count, per, burst, min(Fraction(burst), self.filled(now).level), now, is_used=True)

    def spent(self, count: int) -> Bucket:
        return replace(self, level=min(Fraction(self.burst), self.level - count), is_used=True)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.count, self.per, self.burst

    @property
    def tokens(self) -> int:
        return math.floor(self.level)

    def ready_at(self, wanted: int = 1) -> int:
        """From when on there is a token, or some more if they are wanted and come soon."""
        soon = min(Fraction(wanted), Fraction(self.burst, 2), Fraction(self.count * GATHER, self.per))
        missing = max(1, math.floor(soon)) - self.level
        return self.at + max(1, math.ceil(missing * self.per / self.count))


@dataclass
class Quotas:
    """What is kept in Redis: the rate of the namespace, those of groups, their bounds; and who waits for tokens."""

    rate: Bucket | None = None
    rates: dict[str, Bucket] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    refill: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Quotas:
        return replace(self, rates=dict(self.rates), refill=dict(self.refill))

    def fill(self, now: int) -> None:
        """What has come until now."""
        self.rate = self.rate and self.rate.filled(now)
        self.rates = {group: bucket.filled(now) for group, bucket in self.rates.items()}

    def tokens(self, group: str) -> int:
        return self.rates[group].tokens if group in self.rates else ANY

    def spend(self, group: str | None) -> None:
        if group in self.rates:
            self.rates[group] = self.rates[group].spent(1)

    def give_back(self, group: str | None, now: int) -> None:
        """Put the token of a run back that did not start."""
        if group in self.rates:
            self.rates[group] = self.rates[group].filled(now).spent(-1)

    def cap(self, group: str, room: int) -> int:
        """How many tasks of a group may be leased, for a scheduler that knows only one bound for all."""
        return (self.caps.get(group, self.caps.get("*", 0)) if self.caps else room) or ANY

"""What Redis keeps of quotas beside a model of them: the parts of tokens differ by what came within a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from tests.scripts.store import Space

from .places import Parked
from .quotas import Bucket, Quotas
from .schedule import Model

_NAMES: Final = ("quota", "revision", "rates", "buckets", "caps")
#: In so many ms a step is over.
_STEP_MS: Final = 60_000
Kept = Mapping[str, Any]
#: `count`, `per` in ms, and `burst` of a rate.
Numbers = tuple[int, int, int]


def taken_from(space: Space) -> Kept:
    """Take what is kept of quotas out of a key space."""
    return {name: space.groups.pop(name) for name in _NAMES if name in space.groups}


def are_kept(quotas: Quotas, kept: Kept) -> bool:
    """Whether that is what is kept."""
    rate = kept.get("quota", {}).get(b"rate", b"")
    if (rate, kept.get("rates", {})) != (
        b"" if quotas.rate is None else _text(quotas.rate),
        {group.encode(): _text(bucket) for group, bucket in quotas.rates.items()},
    ):
        return False
    if kept.get("caps", {}) != {group.encode(): b"%d" % cap for group, cap in quotas.caps.items()}:
        return False
    if not kept.get("buckets", {}).keys() <= {group.encode() for group in quotas.rates}:
        return False
    return all(_is_kept(bucket, text) for bucket, text in _buckets(quotas, kept))


def _buckets(quotas: Quotas, kept: Kept) -> list[tuple[Bucket | None, bytes | None]]:
    found: list[tuple[Bucket | None, bytes | None]] = [(quotas.rate, kept.get("quota", {}).get(b"bucket"))]
    return found + [(each, kept.get("buckets", {}).get(group.encode())) for group, each in quotas.rates.items()]


def _text(bucket: Bucket) -> bytes:
    return b"%d %d %d" % bucket.numbers


def _is_kept(bucket: Bucket | None, text: bytes | None) -> bool:
    if bucket is None or text is None:
        return text is None and (bucket is None or not bucket.is_used)
    stored = _read(text)
    later = max(stored.at, bucket.at)
    apart = abs(stored.filled(later).level - bucket.filled(later).level)
    return _text(stored) == _text(bucket) and apart <= Fraction(_STEP_MS * bucket.count, bucket.per)


def _read(text: bytes) -> Bucket:
    count, per, burst, level, at = map(int, text.split())
    return Bucket(count, per, burst, Fraction(level, per), at, is_used=True)


def adopt(quotas: Quotas, kept: Kept) -> None:
    """Go on with the parts of tokens that are kept."""
    (_, text), *of_groups = _buckets(quotas, kept)
    quotas.rate = quotas.rate if text is None else _read(text)
    for group, (bucket, stored) in zip(list(quotas.rates), of_groups, strict=True):
        assert bucket is not None
        quotas.rates[group] = bucket if stored is None else _read(stored)


def put(model: Model, now: int, rate: Numbers | None, rates: Mapping[str, Numbers], caps: Mapping[str, int]) -> None:
    """Put quotas in the place of those before, and have claims look at all groups that have parked tasks."""
    held = model.quotas
    before = held.rate and held.rate.numbers, {group: each.numbers for group, each in held.rates.items()}, held.caps
    if before != (rate, rates, caps):
        held.rate = None if rate is None else _changed(held.rate, rate, now)
        held.rates = {group: _changed(held.rates.get(group), each, now) for group, each in rates.items()}
        held.caps = dict(caps)
        model.room |= dict.fromkeys(held.refill, 0)
        held.refill = {}
    model.room |= {place.group: 0 for _, _, place in model.at(Parked)}


def _changed(bucket: Bucket | None, numbers: Numbers, now: int) -> Bucket:
    if bucket is None:
        return Bucket.full(*numbers, now)
    return bucket if bucket.numbers == numbers else bucket.changed(*numbers, now)


def put_back(quotas: Quotas, ms: int) -> None:
    """Let time pass: what is kept was so some time before."""
    quotas.rate = quotas.rate and replace(quotas.rate, at=quotas.rate.at - ms)
    quotas.rates = {group: replace(each, at=each.at - ms) for group, each in quotas.rates.items()}
    quotas.refill = {group: at - ms for group, at in quotas.refill.items()}

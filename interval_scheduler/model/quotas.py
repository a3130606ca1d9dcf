"""Quotas: rates, and bounds on the runs of groups, as the application gives them and in wire form; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from ..errors import ConfigurationError, ConfigurationTypeError, InvalidType, InvalidValue
from .checks import check_seconds, to_ms
from .rules import check_group

#: The group that stands for all groups without a bound of their own.
ANY: Final = "*"
#: The most runs at once that a bound may allow.
MOST_RUNS: Final = 100_000
#: The most groups with a rate, and the most with a bound of their own.
MOST_GROUPS: Final = 1_000
#: The most groups with a bound of their own in an option, which goes with every claim.
MOST_IN_OPTION: Final = 100

_MOST_TOKENS: Final = 1_000_000
_LONGEST_SECONDS: Final = 31 * 86_400
#: The time whose starts may come at once unless `burst` says otherwise: a scheduler that looks later still gets them.
_BURST_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of starts of runs in some time, for a namespace or a group, over all schedulers together.

    It is a token bucket: `count` tokens come in `per` seconds, one by one, and each start takes one. Tokens that nobody
    takes are kept, up to `burst`. So at most `burst + count * t / per` runs are claimed in any `t` seconds. With
    `burst=1`, these are at most `count` in any `per` seconds.

    Args:
        count: the number of starts, from 1 to 1,000,000.
        per: in how many seconds, or a `timedelta`; from 0.001 to 31 days, rounded to milliseconds. Default 1.
        burst: the most starts at once, from 1 to 1,000,000. Default: what comes in a tenth of a second, at least 1.

    Raises:
        InvalidValue, InvalidType: a field that cannot be used; the message names it.
    """

    count: int
    per: float = 1.0
    burst: int = 0

    def __init__(self, count: int, per: float | timedelta = 1.0, *, burst: int | None = None) -> None:
        _check_whole("count", count, _MOST_TOKENS)
        per_ms = to_ms(check_seconds("per", per))
        if not 1 <= per_ms <= 1000 * _LONGEST_SECONDS:
            raise InvalidValue("per", "must be from 0.001 seconds to 31 days")
        if burst is None:
            burst = max(1, int(count * 1000 * _BURST_SECONDS / per_ms))
        _check_whole("burst", burst, _MOST_TOKENS)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "per", per_ms / 1000)
        object.__setattr__(self, "burst", burst)

    def encode(self) -> bytes:
        """Write it for the scripts: count, ms and burst."""
        return b"%d %d %d" % (self.count, to_ms(self.per), self.burst)

    @classmethod
    def decode(cls, text: bytes) -> Rate | None:
        """Read what the scripts have; `None` for none, or if it cannot be read: then the scripts keep none either."""
        try:
            count, per_ms, burst = map(int, text.split(b" "))
            return cls(count, per_ms / 1000, burst=burst)
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Quotas:
    """All quotas of a namespace, as they are kept in Redis.

    Attributes:
        revision: the number of the last change; 0 if there was none.
        rate: the rate of the namespace.
        rates: the rates of groups.
        caps: the bounds on the runs of groups, 0 for any number; `ANY` is always there, unless there are none.
    """

    revision: int = 0
    rate: Rate | None = None
    rates: Mapping[str, Rate] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)


def to_caps(name: str, value: object, most: int = MOST_GROUPS) -> dict[str, int]:
    """Return bounds on the runs of groups, by group: 0 for any number, and `ANY` for all other groups.

    Args:
        name: the name of the field, for errors.
        value: a number for all groups, or a mapping from groups, or `"*"`, to numbers.
        most: the most groups that it may name.

    Raises:
        InvalidValue, InvalidType: it cannot be used.
    """
    if not isinstance(value, Mapping):
        _check_whole(name, value, MOST_RUNS, "must be a whole number, or a mapping from groups to whole numbers")
        return {ANY: value}  # type: ignore[dict-item]  # just checked
    caps = {ANY: 0}
    for group, cap in value.items():
        if not isinstance(group, str):
            raise InvalidType(name, f"must have names of groups as keys, not {type(group).__name__}")
        caps[check_group(name, group)] = cap
        _check_whole(f"{name}[{group!r}]", cap, MOST_RUNS)
    if len(caps) > most + 1:
        raise InvalidValue(name, f"must name at most {most} groups, got {len(caps) - 1}")
    return caps


def from_caps(caps: Mapping[str, int]) -> dict[str, int] | None:
    """Return bounds as the application gives them; `None` if there are none."""
    return {group: cap for group, cap in caps.items() if cap} if caps else None


def check_caps_option(name: str, value: object) -> None:
    """Check an option with bounds on the runs of groups; raise a `ConfigurationError` that names it if it is bad."""
    try:
        to_caps(name, value, MOST_IN_OPTION)
    except InvalidType as error:
        raise ConfigurationTypeError(error.field, error.problem) from None
    except InvalidValue as error:
        raise ConfigurationError(error.field, error.problem) from None


def encode_caps(value: int | Mapping[str, int] | None) -> bytes:
    """Write checked bounds for a claim: that of any group, and for each other one a line with it and one more."""
    caps = {} if value is None else to_caps("group_concurrency", value)
    lines: Sequence[str | int] = [line for group, cap in caps.items() if group != ANY for line in (group, cap)]
    return "\n".join(map(str, (caps.get(ANY, 0), *lines))).encode()


def _check_whole(name: str, value: object, most: int, problem: str = "must be a whole number") -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(name, f"{problem}, not {type(value).__name__}")
    if not 1 <= value <= most:
        raise InvalidValue(name, f"must be from 1 to {most}, got {value}")


def rate_change(before: Quotas, after: Quotas, group: str | None) -> str:
    """Describe a change of a rate in one line, as `100 in 60 s, burst 1 -> none`; `group` is the one that has it."""
    old, new = (quotas.rate if group is None else quotas.rates.get(group) for quotas in (before, after))
    return f"{_in_words(old)} -> {_in_words(new)}" + ("" if group is None else f", group {group}")


def _in_words(rate: Rate | None) -> str:
    return "none" if rate is None else f"{rate.count} in {rate.per:g} s, burst {rate.burst}"


def caps_change(before: Quotas, after: Quotas) -> str:
    """Describe a change of the bounds of groups in one line, as `none -> *: 5`: the first eight that are others."""
    names = sorted(name for name in {*before.caps, *after.caps} if before.caps.get(name) != after.caps.get(name))
    shown, left = names[:8], len(names) - 8
    old, new = (
        ", ".join(f"{name}: {quotas.caps[name]}" for name in shown if quotas.caps.get(name)) or "none"
        for quotas in (before, after)
    )
    return f"{old} -> {new}" + (f", and {left} more" if left > 0 else "")

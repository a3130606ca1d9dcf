"""Ticks of axes, and the words beside them. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

_DAY: Final = 86_400
#: The steps between two moments of an axis, in seconds; beyond them, whole days.
_STEPS: Final = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, _DAY)
#: A value beyond this is drawn as if it were this: sums of such values are still numbers.
_GREATEST: Final = 1e15


def amount(value: Any) -> float:
    """Return a value as it can be drawn: from 0 to a number that is far too large; nothing and NaN are 0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 0.0
    return float(min(max(value, 0.0), _GREATEST))


def value_ticks(values: Iterable[float], about: int = 4) -> list[int]:
    """Return the ticks of an axis of counts, from 0 in equal steps of 1, 2 or 5 times a power of ten.

    Args:
        values: what is drawn; the last tick is not below the greatest of it.
        about: the most steps.
    """
    most = max(map(amount, values), default=0.0)
    if most <= 0:
        return [0, 1]
    power = 10 ** max(0, math.floor(math.log10(most / about)))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor * about >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def time_ticks(start: datetime, seconds: float, about: int = 6) -> list[tuple[float, str]]:
    """Return the ticks of an axis of time in UTC: for each its place, as a share of the axis, and its words.

    Args:
        start: the beginning of the axis.
        seconds: its length, above 0.
        about: the most ticks.
    """
    days = math.ceil(seconds / (about * _DAY)) * _DAY
    step = next((each for each in _STEPS if seconds / each <= about), days)
    begin = start.timestamp()
    found: list[tuple[float, str]] = []
    at = math.ceil(begin / step) * step
    while at < begin + seconds:
        moment = datetime.fromtimestamp(at, UTC)
        found.append(((at - begin) / seconds, f"{moment:%H:%M}" if at % _DAY else f"{moment:%b} {moment.day}"))
        at += step
    return found


def short(value: float) -> str:
    """Return a count in a few characters: `950`, `1.5k`, `20M`."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def moment_words(at: datetime) -> str:
    """Return a moment to the minute, with its zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

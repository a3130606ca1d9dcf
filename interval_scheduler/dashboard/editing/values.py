"""Values of tasks as the texts of a form, and back. Nothing is lost on the way: what was not touched is not changed.

Pure functions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from ...cli.options.durations import moment_from, seconds_from

#: What a field holds: a duration in seconds, a moment in epoch seconds, a whole number, a text, a choice, yes or no.
Kind = Literal["duration", "moment", "count", "text", "choice", "flag"]

_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))


def to_text(kind: Kind, value: Any) -> str:
    """Return a value as the text of its field; empty for `None`, and for no."""
    if value is None or value is False:
        return ""
    if kind == "duration":
        return _duration(round(value * 1000))
    if kind == "moment":
        return _moment(value)
    return "on" if kind == "flag" else str(value)


def from_text(kind: Kind, text: str, now: datetime) -> Any:
    """Return the value that a text stands for; `None` for an empty one, but no for a flag.

    Raises:
        ValueError: it stands for none; the message says what is wrong.
    """
    text = text.strip()
    if kind == "flag":
        return text != ""
    if not text:
        return None
    if kind == "duration":
        return round(seconds_from(text), 3)
    if kind == "moment":
        return _seconds_at(text, now)
    if kind == "count":
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise ValueError("must be a whole number")
        return int(text)
    return text


def _seconds_at(text: str, now: datetime) -> float:
    at = moment_from(text, now)
    try:
        seconds = round(at.timestamp(), 3)
        datetime.fromtimestamp(seconds, UTC)  # by its zone, or by rounding, it can lie in another year than it says
    except (ValueError, OverflowError):
        raise ValueError("must be in the years 1 to 9999, in UTC") from None
    return seconds


def _duration(left_ms: int) -> str:
    parts = []
    for unit, size in _UNITS:
        if left_ms >= size:
            parts.append(f"{left_ms // size}{unit}")
            left_ms %= size
    if left_ms or not parts:
        seconds = Decimal(left_ms) / 1000
        parts.append(f"{seconds.normalize():f}s")
    return "".join(parts)


def _moment(value: float | datetime) -> str:
    at = value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")

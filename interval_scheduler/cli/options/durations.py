"""Durations and moments as people write them: `90s`, `15m`, `6h`, `1d12h`; `2026-05-01T08:00`, `-15m`, `now`.

Pure functions.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


def seconds_from(text: str) -> float:
    """Read a duration: `90s`, `1h30m`, `2d`; a bare number is seconds.

    Raises:
        ValueError: the text is no duration.
    """
    compact = _compact(text)
    if _WHOLE.fullmatch(compact):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        return float(compact)
    raise ValueError(f"{text!r} is no duration: write 90s, 15m, 6h, 1d or 1h30m")


def is_duration(text: str) -> bool:
    """Tell if a text is a duration with its unit; a bare number is none here."""
    return _WHOLE.fullmatch(_compact(text)) is not None


def moment_from(text: str, now: datetime) -> datetime:
    """Read a moment: a date and time of ISO 8601, `now`, or a duration before (`-15m`) or after (`+2h`) now.

    One without a time zone is in the zone of `now`.

    Raises:
        ValueError: the text is no moment.
    """
    stripped = text.strip()
    if stripped == "now":
        return now
    try:
        if stripped[:1] in ("-", "+"):
            sign = -1 if stripped[0] == "-" else 1
            return now + sign * timedelta(seconds=seconds_from(stripped[1:]))
        moment = datetime.fromisoformat(stripped)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no moment: write 2026-05-01T08:00, 2026-05-01T08:00Z, now, -15m or +2h"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def duration_text(seconds: float) -> str:
    """Write a duration in its two largest units: `1h 30m`, `45s`, `0.25s`."""
    if seconds < 0:
        return "-" + duration_text(-seconds)
    if seconds < 10:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    left, parts = round(seconds), []
    for unit in ("d", "h", "m", "s"):
        size = round(_UNITS[unit])
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return " ".join(parts[:2])


def span_text(seconds: float) -> str:
    """Write when something is, by the seconds until then: `15m`, `now`, or `15m ago`."""
    if abs(seconds) < 1:
        return "now"
    return duration_text(seconds) if seconds > 0 else f"{duration_text(-seconds)} ago"


def _compact(text: str) -> str:
    return text.strip().lower().replace(" ", "")

"""Words and numbers of the pages, as filters of the templates. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from ..cli.options.durations import duration_text, span_text
from .visible import escaped, identity


def count(number: int) -> str:
    """Return a count with commas: `1,234`."""
    return f"{number:,}"


def many(number: int, one: str, more: str | None = None) -> str:
    """Return a count with its noun: `1 task`, `2 tasks`."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def are(number: int) -> str:
    """Return the verb for so many: `is` or `are`."""
    return "is" if number == 1 else "are"


def share(part: float) -> str:
    """Return a share in per cent: `12 %`, or `0.3 %` where that says more."""
    return f"{100 * part:.1f} %" if 0 < part < 0.1 else f"{100 * part:.0f} %"


def pace(a_second: float) -> str:
    """Return a number of runs a second, with as many digits as say something."""
    return f"{a_second:,.0f}" if a_second >= 100 else f"{a_second:,.1f}" if a_second >= 1 else f"{a_second:.2g}"


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units; a dash for none."""
    return "–" if seconds is None else duration_text(seconds)  # noqa: RUF001 - a dash is meant


def moment(value: datetime | float | None) -> Markup:
    """Return a moment as a `time` element in UTC, which the script shows in the zone of the browser as well."""
    if value is None:
        return Markup('<span class="none">–</span>')  # noqa: RUF001 - a dash is meant
    at = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), f"{at:%Y-%m-%d %H:%M:%S}"
    )


def utc(value: datetime) -> str:
    """Return a moment in UTC as text, which no script changes."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(value: datetime | None, now: datetime) -> str:
    """Return when a moment is, from now, in whole seconds: `in 5m`, `now`, or `5m ago`; empty for none."""
    if value is None:
        return ""
    words = span_text(round((value - now).total_seconds()))
    return f"in {words}" if value > now and words != "now" else words


def quoted(text: str) -> str:
    """Return a text for a hidden field, in which a browser would change line ends."""
    return quote(text, safe="")


def milliseconds(seconds: float | None, *, signed: bool = False) -> str:
    """Return a short duration in milliseconds: `0.84 ms`, with its sign `+12 ms`; a dash for none."""
    if seconds is None:
        return "–"  # noqa: RUF001 - a dash is meant
    value = seconds * 1000
    digits = 2 if abs(value) < 1 else 1 if abs(value) < 10 else 0
    return f"{value:+,.{digits}f} ms" if signed else f"{value:,.{digits}f} ms"


def size(count: int | None) -> str:
    """Return a number of bytes in its largest binary unit: `12.4 MiB`; a dash for none."""
    if count is None:
        return "–"  # noqa: RUF001 - a dash is meant
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{value:,.1f} {unit}"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "count": count,
    "many": many,
    "share": share,
    "pace": pace,
    "duration": duration,
    "moment": moment,
    "span": span,
    "utc": utc,
    "escaped": escaped,
    "identity": identity,
    "quoted": quoted,
    "milliseconds": milliseconds,
    "size": size,
}

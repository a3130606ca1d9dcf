"""The words of cron expressions that the library cronsim does not know, in words that it does. Pure functions.

::

    @daily, @hourly, ...      the five fields that they stand for
    fri-sun, 22-2             a range that wraps around its end: fri,sat,sun and 22,23,0,1,2
    ?  in a field of days     *, as in Quartz

What is left over of Quartz and others cannot be written in these words; `hint` says what instead.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_SHORT: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS),
)
_DAY_FIELDS: Final = ("day of month", "day of week")
#: Words of other kinds of cron: a field, or '' for any; a pattern; and what there is instead.
_FOREIGN: Final = (
    ("", r"\?", "'?', which stands alone in the place of a day of month or a day of week"),
    ("", r"\bH\b", "'H' of Jenkins: give a value, or `spread=True` with an interval"),
    ("day of month", r"L-\d", "'L-' of Quartz, which is not known: 'L' is the last day"),
    ("day of month", r"\dW", "'W' of Quartz, which is not known, but for 'LW', the last weekday of the month"),
    ("day of month", r"#", "'#', which belongs to a day of week: 'fri#2' is the second Friday"),
    ("day of week", r"#", "'#', which stands between a day (0 to 7, or a name) and a number from 1 to 5"),
    ("day of week", r"[A-Z]{3}L\b", "'L' behind a name: give the number, '5L' is the last Friday"),
    ("day of week", r"(?<![\dA-Z])L(?![A-Z])", "'L' without the number of a day before it: '5L' is the last Friday"),
)
_RANGE: Final = re.compile(r"([a-z]{3}|\d{1,2})-([a-z]{3}|\d{1,2})(?:/(\d{1,2}))?", re.IGNORECASE)


def translate(expression: str) -> str:
    """Return an expression in the words of cronsim; what it would not know either is left as it is."""
    parts = _SHORT.get(expression.lower(), expression).split()
    if len(parts) not in (5, 6):
        return expression
    fields = _FIELDS[-len(parts) :]
    return " ".join(_in_field(field, part) for field, part in zip(fields, parts, strict=True))


def _in_field(field: _Field, part: str) -> str:
    if part == "?" and field.name in _DAY_FIELDS:
        return "*"
    return ",".join(_term(field, term) for term in part.split(","))


def _term(field: _Field, term: str) -> str:
    found = _RANGE.fullmatch(term)
    if found is None:
        return term
    first, last = _value(field, found[1]), _value(field, found[2])
    step = int(found[3] or 1)
    is_week = field.name == "day of week"
    if first is None or last is None or step == 0:
        return term
    if is_week and first == 7:
        first, last = 0, last % 7  # 7-2 begins on a Sunday, and 7-7 is one
    if first == last:
        return str(first)  # cronsim takes 3-3/2 for 3/2, which goes on to the end of the week
    if first < last:
        return term if not is_week or found[1] != "7" else f"{first}-{last}" + (f"/{step}" if found[3] else "")
    span = field.last - field.first + 1
    taken = range(first, last + span + 1, step)
    if step == 1:
        return f"{_range(first, field.last)},{_range(field.first, last)}"
    return ",".join(str((value - field.first) % span + field.first) for value in taken)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _value(field: _Field, text: str) -> int | None:
    """Read a value of a field; None if it has no place there."""
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.first
    last = 7 if field.name == "day of week" else field.last
    return int(text) if text.isdigit() and field.first <= int(text) <= last else None


def hint(expression: str) -> str | None:
    """Say why an expression cannot be read, if it has a word of another kind of cron."""
    upper = expression.upper()
    parts = upper.split()
    if upper.startswith("@"):
        return f"of the words with '@', there are {', '.join(_SHORT)}"
    if len(parts) == 7:
        return "it has a field for the year, as in Quartz: leave that out, and give `until`"
    if len(parts) not in (5, 6):
        return f"it has {len(parts)} fields, and needs five, or six with seconds in front"
    for field, part in zip(_FIELDS[-len(parts) :], parts, strict=True):
        if word := _foreign(field, part):
            return f"the {field.name} {part!r} has {word}"
    return None


def _foreign(field: _Field, part: str) -> str | None:
    """Describe a word of another kind of cron in a field; None if there is none."""
    for name, pattern, words in _FOREIGN:
        if name in ("", field.name) and re.search(pattern, part):
            return words
    return None

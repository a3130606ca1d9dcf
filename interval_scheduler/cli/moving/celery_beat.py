"""Reads Celery's `beat_schedule` from a file of JSON. Pure functions; docs/migrating.md says how to write the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .celery_schedules import asked_by
from .found import CannotCarry, Carried, Found, LeftOut, payload, task_of

#: The largest file, in bytes: it is read as a whole.
MOST_BYTES: Final = 64 << 20
_KNOWN: Final = frozenset({"task", "schedule", "args", "kwargs", "options", "relative", "enabled", "name"})


class NoSchedule(ValueError):
    """The file is no `beat_schedule`; the text says why."""


def read(raw: bytes, zone: str) -> Iterator[Found]:
    """Yield what becomes of each entry.

    Args:
        raw: the file: an object of JSON with an entry for each name.
        zone: the time zone of crontabs.

    Raises:
        NoSchedule: it is no such file.
    """
    try:
        entries = json.loads(raw)
    # A number of too many digits and bytes that are no UTF-8 are errors of values too.
    except (ValueError, RecursionError):
        raise NoSchedule("it is no JSON that can be read") from None
    if not isinstance(entries, dict):
        raise NoSchedule("it must be an object with an entry for each name")
    return (entry_of(name, entry, zone) for name, entry in entries.items())


def entry_of(name: str, entry: object, zone: str, *, start: float | None = None) -> Found:
    """Tell what becomes of one entry.

    Args:
        name: its name, which becomes the id.
        entry: the entry, as Celery has it.
        zone: the time zone of crontabs.
        start: the next run, epoch seconds. Default: one interval from now, or the next time of the crontab.
    """
    if not isinstance(entry, Mapping):
        return LeftOut(name, "it is no object")
    try:
        return _carried(name, entry, zone, start)
    except CannotCarry as reason:
        return LeftOut(name, str(reason))


def _carried(name: str, entry: Mapping[str, Any], zone: str, start: float | None) -> Carried:
    options = entry.get("options")
    if options is not None and not isinstance(options, Mapping):
        raise CannotCarry("options must be an object")
    data = payload(entry.get("task"), entry.get("args"), entry.get("kwargs"), options)
    asked, notes = asked_by(entry.get("schedule"), zone)
    if odd := sorted(entry.keys() - _KNOWN):
        notes = (*notes, f"these fields are not known: {', '.join(odd)}")
    if entry.get("relative"):
        notes = (*notes, "its runs were rounded to the unit of the interval")
    return Carried(task_of(name, data, start=start, **asked), paused=entry.get("enabled") is False, notes=notes)

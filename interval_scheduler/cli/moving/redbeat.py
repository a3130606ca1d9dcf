"""Reads the entries of celery-redbeat. Pure functions.

celery-redbeat keeps each entry in a hash of its own, with a definition and what it knows of the last run, both as JSON.
A sorted set has the keys of all entries, by the time when each is due; a score below 0 says that it is over.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .celery_beat import entry_of
from .found import Carried, Found, LeftOut
from .inert import MOST_BYTES


class Record(NamedTuple):
    """An entry as Redis has it: its name by its key, its score, and its definition and meta as JSON; None: missing."""

    name: str
    due: float
    definition: bytes | None
    meta: bytes | None


def read(record: Record, zone: str) -> Found:
    """Tell what becomes of an entry; crontabs are taken to be in the time zone."""
    definition = _parsed(record.definition)
    if definition is None:
        return LeftOut(record.name, "its definition is missing or cannot be read")
    if record.due < 0:
        return LeftOut(record.name, "it is over: its schedule has no further run")
    schedule = definition.get("schedule")
    is_crontab = isinstance(schedule, dict) and schedule.get("__type__") == "crontab"
    # Scores are cut to whole seconds, so that of a crontab may be in the minute before.
    start = -(-record.due // 60) * 60 if is_crontab else record.due
    name = definition.get("name")
    found = entry_of(name if isinstance(name, str) else record.name, definition, zone, start=start)
    last = (_parsed(record.meta) or {}).get("last_run_at")
    ran_in = last.get("timezone") if isinstance(last, dict) else None
    if isinstance(found, Carried) and found.task.rules.cron and isinstance(ran_in, str) and ran_in != zone:
        note = f"its last run was told in the time zone {ran_in}, and it is taken to be in {zone}: see --timezone"
        return Carried(found.task, found.paused, (*found.notes, note))
    return found


def _parsed(raw: bytes | None) -> dict[str, Any] | None:
    if raw is None or len(raw) > MOST_BYTES:
        return None
    try:
        found = json.loads(raw)
    # A number of too many digits and bytes that are no UTF-8 are errors of values too.
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

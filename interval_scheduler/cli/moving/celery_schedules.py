"""Celery's schedules in the words of a task here. Pure functions, for celery-redbeat and for a `beat_schedule`.

Celery's crontab has no time zone of its own: Celery's setting `timezone` holds, which is not stored with the schedule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .found import CannotCarry

#: The fields of a crontab, in the order of a cron expression.
_FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_WORDS: Final = re.compile(r"[a-z]+", re.IGNORECASE)


def asked_by(schedule: object, zone: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the arguments of a task that say the same, and what will be different.

    Args:
        schedule: a number of seconds, a cron expression, or an object with `__type__`, as celery-redbeat writes it.
        zone: the time zone of crontabs.

    Raises:
        CannotCarry: it has no form here.
    """
    if isinstance(schedule, str):
        return {"cron": schedule, "timezone": zone}, ()
    if isinstance(schedule, int | float):
        return {"every": schedule}, ()
    if not isinstance(schedule, Mapping):
        raise CannotCarry("it has no schedule" if schedule is None else "its schedule cannot be read")
    kind = schedule.get("__type__")
    if kind == "interval":
        notes = ("its runs were rounded to the unit of the interval",) if schedule.get("relative") else ()
        return {"every": schedule.get("every", 0)}, notes
    if kind == "crontab":
        return {"cron": _cron(schedule), "timezone": zone}, ()
    if kind == "rrule":
        raise CannotCarry("its schedule is an rrule: say it as an interval or a cron expression")
    if kind == "solar":
        raise CannotCarry("its schedule follows the sun, which no interval and no cron expression can say")
    raise CannotCarry(f"its schedule is of the kind {kind!r}, which is not known")


def _cron(crontab: Mapping[str, Any]) -> str:
    fields = [_field(name, crontab.get(name, "*")) for name in _FIELDS]
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        raise CannotCarry("it needs a day of the month and of the week at once; a cron expression takes either of them")
    return " ".join(fields)


def _field(name: str, value: object) -> str:
    """Write one field: Celery takes a number, a text, or several of them."""
    if isinstance(value, list | tuple):
        return ",".join(_field(name, each) for each in value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise CannotCarry(f"the {name} of its crontab cannot be read")
    text = str(value).replace(" ", "")
    # Celery knows a day by the first three letters of its name.
    return _WORDS.sub(lambda word: word[0][:3].lower(), text) if name == "day_of_week" else text

"""The fields of the form of a task, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ... import IntervalTask, ScheduledTask
from .values import Kind, to_text


@dataclass(frozen=True)
class Field:
    """A field.

    Attributes:
        name: its name, that of the argument of `IntervalTask` and `update_task`, or `runs`.
        label: its name for the reader.
        kind: what it holds.
        part: the part of the form that it is in.
        hint: what to write there.
        choices: each value of a choice with its words.
        is_wide: it takes a whole line.
    """

    name: str
    label: str
    kind: Kind
    part: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    is_wide: bool = False


_WHEN: Final = "When it runs"
_FAILS: Final = "If a run fails"
_LIMITS: Final = "Limits"
_MORE: Final = "Late and missed runs"

FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "runs",
        "It runs",
        "choice",
        _WHEN,
        choices=(("every", "at an interval"), ("cron", "by a cron expression"), ("once", "once")),
    ),
    Field("every", "Interval", "duration", _WHEN, "90s, 15m, 6h, 1d, 1h30m"),
    Field("cron", "Cron expression", "text", _WHEN, "0 9 * * mon-fri"),
    Field("timezone", "Time zone of the expression", "text", _WHEN, "UTC, Europe/Riga"),
    Field("start", "Next run", "moment", _WHEN, "Empty: it stays. 2026-05-01T08:00 (UTC), now, +15m"),
    Field(
        "repeat",
        "The interval counts",
        "choice",
        _WHEN,
        choices=(("rate", "from start to start"), ("delay", "from the end of a run")),
    ),
    Field("jitter", "Jitter", "duration", _WHEN, "Each run is later by up to so much. Empty: none"),
    Field("spread", "Spread the runs of many tasks over the interval", "flag", _WHEN, is_wide=True),
    Field("retries", "Further attempts", "count", _FAILS, "0: none"),
    Field("backoff", "Delay before the first of them", "duration", _FAILS, "It doubles each time"),
    Field("timeout", "Longest time of a run", "duration", _FAILS, "Empty: that of the worker"),
    Field("history", "Past runs that are kept", "count", _FAILS, "0 to 100"),
    Field("group", "Group", "text", _LIMITS, "For example a tenant. Empty: none"),
    Field("until", "Last moment", "moment", _LIMITS, "No run is due after it. Empty: none"),
    Field("max_runs", "Number of runs", "count", _LIMITS, "The task is gone after them. Empty: any"),
    Field(
        "missed",
        "Missed runs",
        "choice",
        _MORE,
        choices=(("once", "one run for all of them"), ("skip", "no run"), ("all", "a run for each")),
    ),
    Field(
        "overlap",
        "Runs that come due during a run",
        "choice",
        _MORE,
        choices=(("skip", "are left out"), ("once", "one more run at once")),
    ),
    Field("start_deadline", "A run that is later is skipped", "duration", _MORE, "Empty: late runs run"),
)
#: The parts of the form, in their order.
PARTS: Final = tuple(dict.fromkeys(field.part for field in FIELDS))
_OF_RULES: Final = tuple(
    field.name for field in FIELDS if field.name not in ("runs", "every", "cron", "timezone", "start", "repeat")
)


def values_of(task: ScheduledTask | IntervalTask) -> dict[str, Any]:
    """Return the values of all fields of a task; that of `start` is `None`."""
    every: Any = task.every
    rules = task.rules
    return {
        "runs": "cron" if rules.cron is not None else "once" if every is None else "every",
        "every": every,
        "cron": rules.cron,
        "timezone": rules.timezone,
        "start": None,
        "repeat": task.repeat,
        **{name: getattr(rules, name) for name in _OF_RULES},
    }


def texts_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of all fields."""
    return {field.name: to_text(field.kind, values[field.name]) for field in FIELDS}

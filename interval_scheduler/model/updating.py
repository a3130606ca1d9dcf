"""Changes of single tasks: what `update_task` is given, checked and in its wire form. Pure functions."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Literal, NamedTuple

from ..errors import InvalidValue, SchedulerError
from .assignment import NeverRuns, Reschedule
from .checks import MAX_SECONDS, check_data, check_interval, check_start
from .cron import next_after
from .jitter import put_off_cron
from .policy import LETTER_OF
from .rules import NEEDS_EXACT_TIMES, Rules
from .steering import Note
from .task import IntervalTask, ScheduledTask


class _Unchanged(Enum):
    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "UNCHANGED"


#: The value of an argument that is not given: what the task has stays.
UNCHANGED: Final = _Unchanged.UNCHANGED
Unchanged = Literal[_Unchanged.UNCHANGED]

_OF_TIMES: Final = ("every", "cron", "timezone", "repeat", "spread")
_RULES: Final = tuple(rule.name for rule in fields(Rules))


class TaskUpdate(NamedTuple):
    """The changes of one task, checked.

    Attributes:
        id: the id of the task.
        asked: what was given, by the names of the arguments.
        reschedule: when the task runs next, if its interval changes; `"start"` if a start was given.
        changes: the changes of the header in their wire form; see `update.lua`.
        data: the new payload; `None`: it stays.
        is_text: True if the new payload is text.
        start: the start in its wire form; empty: as soon as possible, or none was given.
        note: what the log of actions is to say of it; `None`: nothing.
    """

    id: bytes
    asked: Mapping[str, Any]
    reschedule: Reschedule
    changes: bytes
    data: bytes | None
    is_text: bool
    start: bytes
    note: Note | None = None

    @property
    def may_move(self) -> bool:
        """True if the task may run at other times then, which takes the script longer."""
        return self.reschedule == "start" or any(name in self.asked for name in _OF_TIMES)

    @property
    def hash(self) -> int:
        """The number from which the phase of a spread task follows; see `phase_of`."""
        return zlib.crc32(self.id)

    def task(self, found: ScheduledTask | None) -> IntervalTask:
        """Return the task as it will be; `None` stands for one that has nothing that could not be combined with this.

        Raises:
            InvalidValue, InvalidType: what it would ask for does not fit together; the message names a field.
        """
        return _changed("a" if found is None else found.id, found, self.asked)

    def plan(self, rules: Rules, now_ms: int) -> bytes:
        """Return what the script must know of the expression that a task has then: its next occurrences, and itself.

        With a jitter, they are put off, and the jitter and the last moment stand behind the expression. Empty for a
        task without an expression.
        """
        policy = rules.to_policy()
        if policy.cron is None:
            return b""
        cron, zone = policy.cron, policy.zone or "UTC"
        start = self.asked.get("start")
        from_ms = now_ms if start is None else check_start("start", start)
        if isinstance(start, timedelta):
            from_ms += now_ms
        first_ms = next_after(cron, zone, from_ms - 1)
        moments = [first_ms, next_after(cron, zone, now_ms)] if first_ms <= now_ms else [first_ms]
        behind = ""
        if policy.jitter_ms is not None:
            moments = [put_off_cron(policy, self.id, moment_ms) for moment_ms in moments]
            behind = f";{policy.jitter_ms};{'' if policy.until_ms is None else policy.until_ms}"
        return f"{'/'.join(map(str, moments))};{cron};{'' if zone == 'UTC' else zone}{behind}".encode()


#: The answer to an update: if the task is scheduled, and so was changed; else why it was refused.
UpdateAnswer = bool | NeverRuns | SchedulerError


def updated(answer: UpdateAnswer) -> bool:
    """Return the answer to an update: True if the task was changed, False if it is not scheduled.

    Raises:
        SchedulerError: the update was refused.
    """
    if isinstance(answer, bool):
        return answer
    raise answer.to_error() if isinstance(answer, NeverRuns) else answer


def to_update(raw_id: bytes, asked: Mapping[str, Any], reschedule: Reschedule, grid_ms: int = 0) -> TaskUpdate:
    """Check what is to be changed of a task, and put it into its wire form.

    Args:
        raw_id: the id.
        asked: the changes, by the names of the arguments; `UNCHANGED` stands for what is not given.
        reschedule: when the task runs next, if its interval changes.
        grid_ms: the rounding grid in milliseconds, 0 for none; shorter intervals are refused.

    Raises:
        InvalidValue, InvalidType: a value is bad, or two do not fit together.
    """
    if reschedule not in ("keep", "interval", "start"):
        raise InvalidValue("reschedule", f"must be 'keep', 'interval' or 'start', got {reschedule!r}")
    asked = _with_both({name: value for name, value in asked.items() if value is not UNCHANGED})
    if asked.get("every") is not None and asked.get("timezone", "UTC") != "UTC":
        raise InvalidValue("timezone", "is for a cron expression: an interval knows no time zone")
    if asked.get("jitter") is not None and grid_ms > 1:
        raise InvalidValue("jitter", NEEDS_EXACT_TIMES)
    every = asked.get("every")
    interval_ms = None if every is None else check_interval("every", every, grid_ms)
    task = _changed("a", None, asked)
    data = task.data
    parts = []
    if "every" in asked:
        parts.append(f";I{'' if interval_ms is None else interval_ms}")
    for name, letter, is_on in (("repeat", "D", task.repeat == "delay"), ("spread", "S", task.rules.spread)):
        if name in asked:
            parts.append(f";{letter}{1 if is_on else ''}")
    values = {part[0]: part[1:] for part in task.rules.to_policy().encode().decode().split(";")[1:]}
    parts += [f";{letter}{values.get(letter, '')}" for name, letter in LETTER_OF.items() if name in asked]
    start = asked.get("start")
    start_ms = "" if start is None else f"{'+' if isinstance(start, timedelta) else ''}{check_start('start', start)}"
    return TaskUpdate(
        raw_id,
        asked,
        "start" if "start" in asked else reschedule,
        "".join(parts).encode(),
        check_data("data", data) if "data" in asked else None,
        isinstance(data, str),
        start_ms.encode(),
    )


def _with_both(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked, with both of `late` and `start_deadline` if one of them tells the other."""
    if "start_deadline" in asked and "late" not in asked:
        return asked | {"late": "run" if asked["start_deadline"] is None else "skip"}
    if asked.get("late") == "run" and "start_deadline" not in asked:
        return asked | {"start_deadline": None}
    return asked


def _changed(task_id: str, found: ScheduledTask | None, asked: Mapping[str, Any]) -> IntervalTask:
    """Return a task with what is asked of it.

    A cron expression takes the place of an interval, with its spread and its repetition; an interval that of a cron
    expression. Without a task that is found, what was given is checked as far as it can be: beside a recurrence that
    takes it, if it gives none itself.
    """
    every, repeat = (None, "rate") if found is None else (found.every, found.repeat)
    rules: dict[str, Any] = {} if found is None else {name: getattr(found.rules, name) for name in _RULES}
    cron = asked.get("cron")
    if asked.get("every") is not None and "cron" not in asked:
        rules |= {"cron": None, "timezone": "UTC"}
    if "cron" in asked and cron is None:
        rules["timezone"] = "UTC"
    if cron is not None or ("every" in asked and asked["every"] is None and every is not None):
        every, repeat = None, "rate"
        rules["spread"] = False
    if found is None and cron is None and asked.get("every") is None:
        if asked.get("timezone", "UTC") != "UTC" and "cron" not in asked:
            rules["cron"] = "0 0 * * *"
        else:
            every = float(MAX_SECONDS)
    rules |= {name: asked[name] for name in _RULES if name in asked and (name != "cron" or cron is not None)}
    if "cron" in asked and cron is None:
        rules["cron"] = None
    return IntervalTask(
        task_id,
        asked.get("data", ""),
        every=asked["every"] if asked.get("every") is not None else every,
        start=asked.get("start"),
        repeat=asked.get("repeat", repeat),
        rules=Rules(**rules),
    )

"""The form of a task as somebody filled it in: what it means, and what differs from the task.

Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ... import IntervalTask, InvalidType, InvalidValue, ScheduledTask
from .fields import FIELDS, values_of
from .values import from_text

_LABELS: Final = {each.name: each.label for each in FIELDS}
_NEEDED: Final = {"backoff": 1.0, "retries": 0, "history": 0, "timezone": "UTC"}


@dataclass(frozen=True)
class Draft:
    """A form that was filled in.

    Attributes:
        texts: what was typed, by the names of the fields.
        values: what it means, as far as it means something, by the names of the arguments of `IntervalTask`.
        errors: what is wrong, by the names of the fields.
    """

    texts: Mapping[str, str]
    values: Mapping[str, Any]
    errors: dict[str, str] = field(default_factory=dict)


def read(form: Mapping[str, str], now: datetime) -> Draft:
    """Read a form. What does not fit together is found by `wanted`, later."""
    texts = {each.name: form.get(each.name, "").strip() for each in FIELDS}
    values, errors = dict[str, Any](), dict[str, str]()
    for each in FIELDS:
        try:
            value = from_text(each.kind, texts[each.name], now)
        except ValueError as error:
            errors[each.name] = str(error)
            continue
        if each.kind == "choice" and value not in dict(each.choices):
            errors[each.name] = "must be one of the choices"
        values[each.name] = _NEEDED.get(each.name) if value is None else value
    runs = values.pop("runs", None)
    if runs == "every" and values.get("every") is None and "every" not in errors:
        errors["every"] = "is needed: say how often it runs"
    if runs == "cron" and values.get("cron") is None:
        errors["cron"] = "is needed: say when it runs"
    if runs != "every":
        values["every"] = None
    if runs != "cron":
        values |= {"cron": None, "timezone": "UTC"}
    if values.get("start") is None:
        values.pop("start", None)
    values["late"] = "run" if values.get("start_deadline") is None else "skip"
    return Draft(texts, values, errors)


def wanted(task_id: str, data: str | bytes, draft: Draft) -> IntervalTask | None:
    """Return the task that a form asks for; `None` if there is none, and then the reason is among its errors."""
    if draft.errors:
        return None
    values = dict(draft.values)
    if "start" in values:
        values["start"] = datetime.fromtimestamp(values["start"], UTC)
    try:
        return IntervalTask(task_id, data, **values)
    except (InvalidValue, InvalidType) as error:
        note(draft, error)
        return None


def note(draft: Draft, error: InvalidValue | InvalidType) -> None:
    """Put a refusal beside the field that it names, or above the form if it names none of them."""
    name = {"late": "start_deadline"}.get(error.field, error.field)
    draft.errors[name if name in _LABELS or name in ("id", "data") else "form"] = error.problem


def changes(found: ScheduledTask, draft: Draft) -> dict[str, Any]:
    """Return what `update_task` is to change so that a task is as a form says; the payload is not among it."""
    now = values_of(found)
    asked = {
        name: value for name, value in draft.values.items() if name not in ("start", "late") and value != now[name]
    }
    if asked.get("every") is not None:  # it takes the place of an expression and its zone
        asked.pop("cron", None)
        asked.pop("timezone", None)
    elif asked.get("cron") is not None:
        asked.pop("every", None)
    elif "cron" in asked:
        asked.pop("timezone", None)
    if "start" in draft.values:
        asked["start"] = datetime.fromtimestamp(draft.values["start"], UTC)
    return asked


def differences(found: ScheduledTask, draft: Draft, was: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the fields of a form whose texts differ from those of a task, for people."""
    names = {*changes(found, draft)}
    runs = {"every", "cron"} & names
    return [
        {
            "field": each.label,
            "was": _words(each.name, was[each.name]),
            "will": _words(each.name, draft.texts[each.name]),
        }
        for each in FIELDS
        if each.name in names or (each.name == "runs" and runs and was["runs"] != draft.texts["runs"])
    ]


def _words(name: str, text: str) -> str:
    choices = next(dict(each.choices) for each in FIELDS if each.name == name)
    return choices.get(text, text)

"""Writes a cron expression for a cron trigger of APScheduler 3. Pure functions.

The trigger is read from a pickle that was not unpickled, so its fields and their expressions are `Made`s. APScheduler
counts days of the week from Monday, as 0; so they are written by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .found import CannotCarry
from .inert import Made

_FIELDS: Final = ("second", "minute", "hour", "day", "month", "day_of_week")
_LAST: Final = {"second": 59, "minute": 59, "hour": 23, "day": 31, "month": 12, "day_of_week": 6}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXPRESSIONS: Final = "apscheduler.triggers.cron.expressions."
_RANGES: Final = ("RangeExpression", "MonthRangeExpression", "WeekdayRangeExpression")


def cron_of(fields: object) -> str:
    """Write the expression, with seconds in front only if it needs them.

    Args:
        fields: the fields of the trigger.

    Raises:
        CannotCarry: it says more than an expression can.
    """
    found: dict[str, str] = {}
    places: list[str] = []
    for field in fields if isinstance(fields, list) else []:
        state = _state(field)
        name, expressions = state.get("name"), state.get("expressions")
        if not isinstance(name, str) or not isinstance(expressions, list):
            raise CannotCarry("its cron trigger cannot be read")
        parts = [_expression(name, each, places) for each in expressions]
        found[name] = ",".join(parts)
    if not found.keys() >= {*_FIELDS, "year", "week"}:
        raise CannotCarry("its cron trigger cannot be read")
    for name in ("year", "week"):
        if found[name] != "*":
            raise CannotCarry(f"its cron trigger asks for a {name}, which a cron expression cannot")
    if places and (found["day"] != places[0] or found["day_of_week"] != "*"):
        raise CannotCarry("its cron trigger has a weekday of the month beside other days")
    if places:
        found["day"], found["day_of_week"] = "*", places[0]
    elif not found["day"].startswith("*") and not found["day_of_week"].startswith("*"):
        raise CannotCarry("it needs a day of the month and of the week at once; a cron expression takes either of them")
    used = _FIELDS[1:] if found["second"] == "0" else _FIELDS
    return " ".join(found[name] for name in used)


def _expression(name: str, made: object, places: list[str]) -> str:
    """Write one of the expressions of a field; the position of a weekday is also put into `places`."""
    state, kind = _state(made), made.kind.removeprefix(_EXPRESSIONS) if isinstance(made, Made) else ""
    step = state.get("step")
    if kind == "AllExpression" and name == "day_of_week" and step is not None:
        return ",".join(_DAYS[:: _number(step) or 1])  # days count from Monday there, and from Sunday in cron
    if kind == "AllExpression":
        return "*" if step is None else f"*/{_number(step)}"
    if kind == "LastDayOfMonthExpression":
        return "L"
    if kind == "WeekdayPositionExpression":
        places.append(_place(_number(state.get("weekday")), _number(state.get("option_num"))))
        return places[-1]
    if kind not in _RANGES:
        raise CannotCarry(f"its cron trigger has an expression {kind or 'of a kind'} that is not known")
    return _range(name, state)


def _place(weekday: int, position: int) -> str:
    """Write the position of a weekday in the month; the last one has the number of the day, Sunday being 0."""
    return f"{_DAYS[weekday % 7]}#{position + 1}" if position < 5 else f"{(weekday + 1) % 7}L"


def _range(name: str, state: Mapping[str, Any]) -> str:
    first, last, step = _number(state.get("first")), state.get("last"), state.get("step")
    last = _LAST.get(name, first) if last is None and step is not None else first if last is None else _number(last)
    if name == "day_of_week":
        if step is not None:
            return ",".join(_DAYS[each % 7] for each in range(first, last + 1, _number(step) or 1))
        return _DAYS[first % 7] if first == last else f"{_DAYS[first % 7]}-{_DAYS[last % 7]}"
    text = str(first) if first == last else f"{first}-{last}"
    return text if step is None else f"{text}/{_number(step)}"


def _state(made: object) -> dict[str, Any]:
    """Return the state of an object; one without attributes has none."""
    if not isinstance(made, Made):
        raise CannotCarry("its cron trigger cannot be read")
    return made.state if isinstance(made.state, dict) else {}


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 9999:
        raise CannotCarry("its cron trigger has a number that cannot be read")
    return value

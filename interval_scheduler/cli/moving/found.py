"""The schedules that were found at a peer: each is carried over as a task, or left out for a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ... import IntervalTask, InvalidType, InvalidValue
from .inert import Made, Name

#: The deepest that arguments may be nested, and the most values and characters in them. A small pickle can stand for a
#: great many, since it may name a value again and again. A payload has at most half as many bytes.
_DEEPEST: Final = 100
_MOST: Final = 1 << 19
#: The longest whole number, in bits.
_LONGEST_NUMBER: Final = 1024


class CannotCarry(Exception):
    """A schedule cannot be carried over; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A schedule that is carried over.

    Attributes:
        task: the task that it becomes.
        paused: whether it rests at the peer, and so here.
        notes: what will be different here, one sentence each.
    """

    task: IntervalTask
    paused: bool = False
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of the task."""
        return self.task.id


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A schedule that cannot be carried over.

    Attributes:
        id: its id at the peer.
        reason: the reason, in one sentence.
    """

    id: str
    reason: str


Found = Carried | LeftOut


def task_of(task_id: str, data: str | bytes, **asked: Any) -> IntervalTask:
    """Make the task; what is None in `asked` is left out.

    Raises:
        CannotCarry: the task cannot be said here.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    try:
        return IntervalTask(task_id, data, **given)
    except (InvalidValue, InvalidType) as error:
        raise CannotCarry(f"{error.field} {error.problem}") from None


def payload(task: object, args: object, kwargs: object, options: Mapping[str, Any] | None = None) -> str:
    """Write the payload: the name of what to call, its arguments and the peer's options, as JSON.

    Args:
        task: the name of what the peer calls.
        args: the positional arguments; None stands for none.
        kwargs: the arguments by name; None stands for none.
        options: what else the peer knows of a call; it is left out if it is empty.

    Raises:
        CannotCarry: there is no name, or the arguments have no form in JSON.
    """
    if not isinstance(task, str) or not task:
        raise CannotCarry("it has no name of a task")
    args, kwargs = [] if args is None else args, {} if kwargs is None else kwargs
    if not isinstance(args, list | tuple):
        raise CannotCarry(f"args must be a list, got {_kind(args)}")
    if not isinstance(kwargs, dict):
        raise CannotCarry(f"kwargs must be an object, got {_kind(kwargs)}")
    plain = _Plain()
    said = {"task": task, "args": plain.of("args", args), "kwargs": plain.of("kwargs", kwargs)}
    if options:
        said["options"] = plain.of("options", options)
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


class _Plain:
    """Makes values plain, as JSON has them, and counts them: a value that is told twice is written twice."""

    def __init__(self) -> None:
        self._left = _MOST

    def of(self, where: str, value: object, depth: int = 0) -> Any:
        self._left -= 2 + (len(value) if isinstance(value, str) else 0)  # no value is shorter, with what parts them
        if self._left < 0 or depth > _DEEPEST:
            raise CannotCarry(f"{where.partition('[')[0].partition('.')[0]} has too many values, or is nested too deep")
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            if value.bit_length() > _LONGEST_NUMBER:
                raise CannotCarry(f"{where} is a number of {value.bit_length()} bits, which few readers of JSON take")
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise CannotCarry(f"{where} is {value}, which JSON does not have")
            return value
        if isinstance(value, Mapping):
            if odd := [key for key in value if not isinstance(key, str)]:
                raise CannotCarry(f"{where} has a key that is no text but {_kind(odd[0])}, which JSON does not have")
            self._left -= sum(map(len, value))
            return {key: self.of(f"{where}.{key[:40]}", each, depth + 1) for key, each in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            return [self.of(f"{where}[{at}]", each, depth + 1) for at, each in enumerate(value)]
        raise CannotCarry(f"{where} is {_kind(value)}, which JSON does not have")


def _kind(value: object) -> str:
    """Name the type of a value, also of one that was only read and never made."""
    if isinstance(value, Made):
        return f"an object of {value.kind}"
    if isinstance(value, Name):
        return f"{value}, which is Python code"
    return f"of the type {type(value).__name__}"

"""What is scheduled: the `Task` that the application gives, and the `ScheduledTask` that it gets to see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from .checks import Moment, Seconds, check_data, check_interval, check_moment, check_name
from .errors import InvalidType, InvalidValue

Repeat = Literal["rate", "delay"]
State = Literal["waiting", "leased"]


class Task(ABC):
    """One thing to do, once or at an interval. Subclass it, or use `IntervalTask`.

    Example:
        ```python
        class RefreshFeed(Task):
            def __init__(self, user_id: int) -> None:
                self.user_id = user_id

            @property
            def id(self) -> str:
                return f"user:{self.user_id}"

            def serialize(self) -> str:
                return json.dumps({"user_id": self.user_id})

            @property
            def on_execute_reschedule_to(self) -> float:
                return 900  # every 15 minutes
        ```
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """What identifies the task everywhere: 1 to 512 bytes of UTF-8, any character but NUL."""

    @abstractmethod
    def serialize(self) -> str | bytes:
        """The payload, at most 256 KiB. The executor is called with exactly this value."""

    @property
    def on_execute_reschedule_to(self) -> Seconds | None:
        """The interval, in seconds or as a timedelta. `None` (the default): run once."""
        return None

    @property
    def execute_on(self) -> Moment | None:
        """When to run first: epoch seconds or an aware datetime. `None` (the default): as soon as possible."""
        return None

    @property
    def repeat(self) -> Repeat:
        """`"rate"` (the default): at fixed times, without drift. `"delay"`: an interval after each run's end."""
        return "rate"


@dataclass(frozen=True, slots=True)
class IntervalTask(Task):
    """The ready-made task.

    Args:
        id: what identifies the task: 1 to 512 bytes of UTF-8.
        data: the payload, str or bytes, at most 256 KiB. Default `""`.
        every: the interval, in seconds or as a timedelta. Default `None`: run once.
        start: when to run first: epoch seconds or an aware datetime. Default `None`: as soon as possible.
        repeat: `"rate"` (the default) runs at fixed times without drift; `"delay"` an interval after each run's end.

    Raises:
        InvalidValue: a value out of range; the message names the argument.
        InvalidType: a value of the wrong type.
    """

    id: str = field()  # an explicit field, or the abstract property of Task would be taken for its default
    data: str | bytes = ""
    every: Seconds | None = field(default=None, kw_only=True)
    start: Moment | None = field(default=None, kw_only=True)
    repeat: Repeat = field(default="rate", kw_only=True)

    def __post_init__(self) -> None:
        check_name("id", self.id)
        check_data("data", self.data)
        if self.every is not None:
            check_interval("every", self.every)
        if self.start is not None:
            check_moment("start", self.start)
        _check_repeat(self.repeat)

    def serialize(self) -> str | bytes:
        """The payload, as given."""
        return self.data

    @property
    def on_execute_reschedule_to(self) -> Seconds | None:
        """The interval, as given in `every`."""
        return self.every

    @property
    def execute_on(self) -> Moment | None:
        """The first time, as given in `start`."""
        return self.start


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task as it stands in Redis at the moment of the look-up.

    Attributes:
        id: its id.
        data: its payload, of the type that `serialize()` returned.
        every: its interval in seconds, or `None` for a one-shot.
        next_run: epoch seconds of the next run; for a leased task, the due time of the run in progress.
        state: `"waiting"` or `"leased"` (claimed by a worker, running or about to).
        attempt: which delivery of this occurrence the next (or present) run is; 1 unless a worker died.
        partition: the name of its home partition.
    """

    id: str
    data: str | bytes
    every: float | None
    next_run: float
    state: State
    attempt: int
    partition: str

    @property
    def next_run_at(self) -> datetime:
        """`next_run` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.next_run, UTC)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task in its wire form, checked: what travels from `assign_task` to the script."""

    id: bytes
    data: bytes
    is_text: bool
    interval_ms: int | None
    start_ms: int | None
    fixed_delay: bool


def to_assignment(task: Task, grid_ms: int = 0) -> Assignment:
    """Check a task and put it into its wire form.

    Args:
        task: any `Task`.
        grid_ms: the rounding grid in milliseconds, 0 for none; shorter intervals are refused.

    Raises:
        InvalidType: not a `Task`, or a member of the wrong type.
        InvalidValue: a member out of range.
    """
    if not isinstance(task, Task):
        raise InvalidType("task", f"must be a Task (for example an IntervalTask), not {type(task).__name__}")
    raw_id = check_name("id", task.id)
    payload = task.serialize()
    data = check_data("serialize()", payload)
    interval = task.on_execute_reschedule_to
    start = task.execute_on
    return Assignment(
        id=raw_id,
        data=data,
        is_text=isinstance(payload, str),
        interval_ms=None if interval is None else check_interval("on_execute_reschedule_to", interval, grid_ms),
        start_ms=None if start is None else check_moment("execute_on", start),
        fixed_delay=_check_repeat(task.repeat) == "delay",
    )


def to_id(task_or_id: Task | str) -> bytes:
    """The wire form of the id of a task, or of an id given as it is."""
    if isinstance(task_or_id, Task):
        return check_name("id", task_or_id.id)
    if not isinstance(task_or_id, str):
        raise InvalidType("task_or_id", f"must be a Task or an id (str), not {type(task_or_id).__name__}")
    return check_name("id", task_or_id)


def _check_repeat(value: object) -> Repeat:
    if value == "rate":
        return "rate"
    if value == "delay":
        return "delay"
    raise InvalidValue("repeat", f"must be 'rate' or 'delay', got {value!r}")

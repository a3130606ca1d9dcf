"""Tasks in their checked wire form, in which they travel from `assign_task` to the script."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from ..errors import InvalidType, InvalidValue
from .checks import check_data, check_interval, check_name, check_repeat, check_start
from .cron import next_after
from .jitter import put_off_cron
from .policy import PLAIN, Policy
from .rules import NO_RULES, Rules, check_together, phase_of
from .task import AnyTask, DeadTask, IntervalTask, ScheduledTask, Task

#: What becomes of the next run of a task that is scheduled already.
Reschedule = Literal["keep", "interval", "start"]


class Assignment(NamedTuple):
    """One assignment: a task in its checked wire form. Each call makes one: it costs half of a frozen dataclass."""

    id: bytes
    data: bytes
    is_text: bool
    interval_ms: int | None
    start_ms: int | None
    fixed_delay: bool
    policy: Policy = PLAIN
    #: The phase of a spread task, ms.
    phase_ms: int | None = None
    #: True if `start_ms` counts from now, by the server's clock.
    starts_later: bool = False
    #: The first occurrence of a cron expression that is still to come, if it is not `start_ms`.
    upcoming_ms: int | None = None
    #: The trace context that it carries; empty for none.
    trace: bytes = b""
    #: The rule for a task that is scheduled already.
    reschedule: Reschedule = "keep"

    @property
    def needs_clock(self) -> bool:
        """True if the server's time is needed to say when the task runs first, or if it ever does."""
        return self.policy.cron is not None or self.policy.until_ms is not None or self.starts_later

    def planned(self, now_ms: int) -> Assignment:
        """Return it with its start at the first cron occurrence; return one without cron unchanged."""
        cron, zone = self.policy.cron, self.policy.zone or "UTC"
        if cron is None:
            return self
        task = self.at(now_ms)
        from_ms = now_ms if task.start_ms is None else task.start_ms
        first_ms = next_after(cron, zone, from_ms - 1)
        upcoming_ms = next_after(cron, zone, now_ms) if first_ms <= now_ms else None
        if task.policy.jitter_ms is not None:
            first_ms = put_off_cron(task.policy, task.id, first_ms)
            upcoming_ms = None if upcoming_ms is None else put_off_cron(task.policy, task.id, upcoming_ms)
        return task._replace(start_ms=first_ms, upcoming_ms=upcoming_ms)

    def at(self, now_ms: int) -> Assignment:
        """Return it with its start as a moment, if that counts from now; return any other unchanged."""
        if not self.starts_later or self.start_ms is None:
            return self
        return self._replace(start_ms=now_ms + self.start_ms, starts_later=False)

    def settled(self, now_ms: int) -> Assignment | NeverRuns:
        """Return it with its start as a moment, for a task that is new; `NeverRuns` if it ends before that."""
        task = self.planned(now_ms).at(now_ms)
        first_ms = now_ms if task.start_ms is None else task.start_ms
        if task.phase_ms is not None and task.interval_ms is not None:
            first_ms += (task.phase_ms - first_ms) % task.interval_ms
        is_over = task.policy.until_ms is not None and task.policy.until_ms < first_ms
        return NeverRuns(task.id) if is_over else task


def check_reschedule(value: object) -> None:
    """Check that a value is a rule for tasks that are scheduled already.

    Raises:
        InvalidValue: it is none.
    """
    if value not in ("keep", "interval", "start"):
        raise InvalidValue("reschedule", f"must be 'keep', 'interval' or 'start', got {value!r}")


def to_assignment(task: Task, grid_ms: int = 0, reschedule: Reschedule = "keep", trace: bytes = b"") -> Assignment:
    """Check a task and put it into its wire form.

    Args:
        task: any `Task`.
        grid_ms: the rounding grid in milliseconds, 0 for none; shorter intervals are refused.
        reschedule: the rule for a task that is scheduled already, checked. Default `"keep"`.
        trace: the trace context that it carries. Default: none.

    Raises:
        InvalidType: not a `Task`, or a member of the wrong type.
        InvalidValue: a member out of range.
    """
    payload: str | bytes
    if type(task) is IntervalTask:  # the frequent case: it cannot change, and was checked when it was made
        raw_id, payload, interval, start = task.id.encode(), task.data, task.every, task.start
        data = payload if isinstance(payload, bytes) else payload.encode()
    elif isinstance(task, Task):
        raw_id = check_name("id", task.id)
        payload = task.serialize()
        data = check_data("serialize()", payload)
        interval, start = task.on_execute_reschedule_to, task.execute_on
    else:
        raise InvalidType("task", f"must be a Task (for example an IntervalTask), not {type(task).__name__}")
    interval_ms = None if interval is None else check_interval("on_execute_reschedule_to", interval, grid_ms)
    start_ms = None if start is None else check_start("execute_on", start)
    repeat, rules = task.repeat, task.rules
    fixed_delay = repeat != "rate" and check_repeat(repeat) == "delay"
    policy, phase_ms = PLAIN, None
    if rules is not NO_RULES:
        if not isinstance(rules, Rules):
            raise InvalidType("rules", f"must be Rules, not {type(rules).__name__}")
        policy = check_together(rules, interval_ms=interval_ms, fixed_delay=fixed_delay, start=start, grid_ms=grid_ms)
        phase_ms = phase_of(raw_id, interval_ms) if rules.spread and interval_ms is not None else None
    # Not `Assignment(...)`, which takes a third of the time of all this.
    return Assignment._make((
        raw_id, data, isinstance(payload, str), interval_ms, start_ms, fixed_delay, policy, phase_ms,
        isinstance(start, timedelta), None, trace, reschedule,
    ))  # fmt: skip


def to_id(task_or_id: AnyTask | str) -> bytes:
    """Return the wire form of an id, which is given by a task, or a row of a list, or as a str."""
    if isinstance(task_or_id, Task | ScheduledTask | DeadTask):
        return check_name("id", task_or_id.id)
    if not isinstance(task_or_id, str):
        raise InvalidType("task_or_id", f"must be a task or an id (str), not {type(task_or_id).__name__}")
    return check_name("id", task_or_id)


class NeverRuns(NamedTuple):
    """The answer to an assignment that was refused: the last moment of the task comes before its next run."""

    id: bytes

    def to_error(self) -> InvalidValue:
        """Return the error for the caller."""
        return InvalidValue(
            "until",
            f"of the task {self.id.decode()!r} comes before its next run, by the clock of the server: it would never "
            "run; this task was not changed",
        )


def accepted(answer: bool | NeverRuns) -> bool:  # noqa: FBT001 - the answer of a batcher
    """Return the answer to an assignment: True if the task is new, False if it was updated.

    Raises:
        InvalidValue: the assignment was refused.
    """
    if answer is True or answer is False:
        return answer
    raise answer.to_error()

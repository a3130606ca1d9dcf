"""Tasks in their checked wire form, in which they travel from `assign_task` to the script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from ..errors import InvalidType
from .checks import check_data, check_interval, check_moment, check_name, check_repeat
from .cron import next_after
from .policy import PLAIN, Policy
from .rules import NO_RULES, Rules, check_together, phase_of
from .task import Task


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task in its checked wire form."""

    id: bytes
    data: bytes
    is_text: bool
    interval_ms: int | None
    start_ms: int | None
    fixed_delay: bool
    policy: Policy = PLAIN
    #: The phase of a spread task, ms.
    phase_ms: int | None = None


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
    interval_ms = None if interval is None else check_interval("on_execute_reschedule_to", interval, grid_ms)
    start_ms = None if start is None else check_moment("execute_on", start)
    fixed_delay = check_repeat(task.repeat) == "delay"
    rules = task.rules
    if rules is NO_RULES:
        return Assignment(raw_id, data, isinstance(payload, str), interval_ms, start_ms, fixed_delay)
    if not isinstance(rules, Rules):
        raise InvalidType("rules", f"must be Rules, not {type(rules).__name__}")
    return Assignment(
        raw_id,
        data,
        isinstance(payload, str),
        interval_ms,
        start_ms,
        fixed_delay,
        check_together(rules, recurs=interval_ms is not None, fixed_delay=fixed_delay, start=start),
        phase_of(raw_id, interval_ms) if rules.spread and interval_ms is not None else None,
    )


def to_id(task_or_id: Task | str) -> bytes:
    """Return the wire form of an id, which is given by a task or as a str."""
    if isinstance(task_or_id, Task):
        return check_name("id", task_or_id.id)
    if not isinstance(task_or_id, str):
        raise InvalidType("task_or_id", f"must be a Task or an id (str), not {type(task_or_id).__name__}")
    return check_name("id", task_or_id)


Reschedule = Literal["keep", "interval", "start"]


class AssignCall(NamedTuple):
    """One assignment, with the rule for a task that is scheduled already."""

    assignment: Assignment
    reschedule: Reschedule

    def planned(self, now_ms: int) -> AssignCall:
        """Return the call with its start at the first cron occurrence; return a call without cron unchanged."""
        task = self.assignment
        if task.policy.cron is None:
            return self
        from_ms = (now_ms if task.start_ms is None else task.start_ms) - 1
        first_ms = next_after(task.policy.cron, task.policy.zone or "UTC", from_ms)
        return self._replace(assignment=replace(task, start_ms=first_ms))

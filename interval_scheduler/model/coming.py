"""The runs of a task to come, by the arithmetic of the scripts. Pure functions.

::

    assigned, or read ──▶ course ──▶ due, at ──▶ due, at ──▶ ...      until its end, by `until` or `max_runs`

A run is carried out as soon as it is due, or at once if it is late, and takes no time. So what is late by now comes
first, as the task treats missed occurrences. `_recurrence.lua` says the same of one step; tests hold both together.

All moments and spans are whole ms; moments are epoch ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from .assignment import Assignment
from .checks import to_ms
from .cron import before, next_after
from .jitter import latest_cron, next_due, next_due_cron, put_off, put_off_cron
from .policy import Policy
from .task import ScheduledTask
from .wire import LATEST_MS

#: The most missed occurrences that are kept of a task that wants each of them, as in `_recurrence.lua`.
MISSED_KEPT: Final = 1000


class Course(NamedTuple):
    """All that decides when a task runs."""

    raw_id: bytes
    policy: Policy
    interval_ms: int | None
    #: A moment on the grid of its interval, modulo the interval.
    phase_ms: int
    #: The rounding grid; 1 for none.
    grid_ms: int
    fixed_delay: bool
    #: When it is due next.
    due_ms: int
    #: The number of runs that are left to it; `None`: any number.
    left: int | None


class Coming(NamedTuple):
    """A run to come: when it is due, and when it comes, which is later if it is late by now."""

    due_ms: int
    at_ms: int


def assigned(task: Assignment, now_ms: int, grid_ms: int = 0) -> Course | None:
    """Return the course of a task that is assigned at a moment, and is new then; `None` if it would never run.

    Args:
        task: the task.
        now_ms: the moment.
        grid_ms: the rounding grid of the scheduler that assigns it; 0 for none.

    Raises:
        InvalidValue: it has a cron expression, and the library that reads it is missing.
    """
    task = task.planned(now_ms).at(now_ms)
    policy, interval_ms = task.policy, task.interval_ms
    grid_ms = max(grid_ms, 1) if policy.cron is None else 1
    start_ms, phase_ms = now_ms if task.start_ms is None else task.start_ms, task.phase_ms
    if interval_ms is not None:
        start_ms += 0 if phase_ms is None else (phase_ms - start_ms) % interval_ms
        phase_ms = start_ms % interval_ms if phase_ms is None else phase_ms
    due_ms = start_ms - start_ms % grid_ms
    if policy.jitter_ms is not None and interval_ms is not None:
        due_ms = put_off(policy, task.id, start_ms)
    if policy.until_ms is not None and due_ms > policy.until_ms:
        return None
    return Course(task.id, policy, interval_ms, phase_ms or 0, grid_ms, task.fixed_delay, due_ms, policy.max_runs)


def scheduled(task: ScheduledTask, now_ms: int) -> Course | None:
    """Return the course of a task as it was read; `None` if it is paused, or if its last run is in progress.

    Raises:
        InvalidValue: the library that reads its cron expression is missing, or its time zone is not known.
    """
    if task.state == "paused":
        return None
    policy, left = task.rules.to_policy(), task.rules.max_runs
    interval_ms = None if task.every is None else to_ms(task.every)
    phase_ms = 0
    if interval_ms is not None:
        on_grid = task.next_run if task.planned is None else task.planned
        phase_ms = to_ms(on_grid if task.phase is None else task.phase) % interval_ms
    course = Course(
        task.id.encode(),
        policy,
        interval_ms,
        phase_ms,
        max(to_ms(task.rounding), 1),
        task.repeat == "delay",
        to_ms(task.next_run),
        left,
    )
    if task.state != "leased":
        return course
    begun_ms = course.due_ms if task.claimed_at is None else to_ms(task.claimed_at)
    return after_present(course._replace(left=None if left is None else left - 1), now_ms, begun_ms)


def following(course: Course, due_ms: int, now_ms: int, earliest_ms: int = 0) -> int | None:
    """Return when a task is due after a run that was due at `due_ms` and ends at `now_ms`; `None` for never.

    Args:
        course: the course of the task.
        due_ms: when the run was due.
        now_ms: when it ends.
        earliest_ms: what `kept_from` returned.
    """
    policy, interval_ms, grid_ms = course.policy, course.interval_ms, course.grid_ms
    if policy.cron is not None:
        if policy.missed == "all":
            missed_ms = max(next_after(policy.cron, policy.zone or "UTC", due_ms), earliest_ms)
            moment_ms = put_off_cron(policy, course.raw_id, missed_ms)
        else:
            moment_ms = next_due_cron(policy, course.raw_id, due_ms, max(due_ms, now_ms))
    elif interval_ms is None:
        return None
    elif course.fixed_delay:
        moment_ms = _rounded(now_ms + interval_ms, grid_ms)
        moment_ms += 0 if moment_ms > now_ms else grid_ms
    else:
        after_ms = max(due_ms, now_ms - MISSED_KEPT * interval_ms) if policy.missed == "all" else now_ms
        if policy.jitter_ms is not None:
            moment_ms = next_due(policy, course.raw_id, interval_ms, course.phase_ms, due_ms, after_ms)
        else:
            moment_ms = _on_grid(course, interval_ms, after_ms)
            if _rounded(moment_ms, grid_ms) == due_ms:
                moment_ms += interval_ms
            moment_ms = _rounded(moment_ms, grid_ms)
    return None if policy.until_ms is not None and moment_ms > policy.until_ms else moment_ms


def occurrence_after(policy: Policy, raw_id: bytes, interval_ms: int | None, phase_ms: int, due_ms: int) -> int:
    """Return when the occurrence after one that is due at `due_ms` is due; the latest moment if there is none."""
    if policy.cron is not None:
        return next_due_cron(policy, raw_id, due_ms, due_ms)
    if interval_ms is None:
        return LATEST_MS
    if policy.jitter_ms is not None:
        return next_due(policy, raw_id, interval_ms, phase_ms, due_ms, due_ms)
    return due_ms + interval_ms


def kept_from(course: Course, now_ms: int) -> int:
    """Return the first of the missed occurrences that a cron task with `missed="all"` still runs; 0 if it runs all."""
    policy = course.policy
    if policy.cron is None or policy.missed != "all" or course.due_ms >= now_ms:
        return 0
    for number, moment_ms in enumerate(before(policy.cron, policy.zone or "UTC", now_ms), start=1):
        if moment_ms <= course.due_ms:
            break
        if number == MISSED_KEPT:
            return moment_ms
    return 0


def after_present(course: Course, now_ms: int, begun_ms: int) -> Course | None:
    """Return the course of a task whose run is in progress, as if that run ended now; `None` if it was the last.

    Args:
        course: its course, with the due time of that run and without that run in the number left.
        now_ms: the present moment.
        begun_ms: when the run was claimed.
    """
    now_ms = max(now_ms, course.due_ms)
    next_ms = following(course, course.due_ms, now_ms, kept_from(course, now_ms))
    if course.policy.overlap == "once":
        latest_ms = _latest(course, now_ms)
        if latest_ms is not None and latest_ms > max(course.due_ms, begun_ms):
            next_ms = latest_ms  # what came during the run is one more
    if next_ms is None or course.left == 0 or next_ms > (course.policy.until_ms or LATEST_MS):
        return None
    return course._replace(due_ms=next_ms)


def runs_to_come(course: Course, now_ms: int) -> Iterator[Coming]:
    """Yield the runs of a task in their order, from now on, without an end where it has none."""
    due_ms: int | None = course.due_ms
    left, earliest_ms = course.left, kept_from(course, now_ms)
    while due_ms is not None and left != 0:
        now_ms = max(now_ms, due_ms)
        next_ms = following(course, due_ms, now_ms, earliest_ms)
        if not is_left_out(course, due_ms, now_ms):
            yield Coming(due_ms, now_ms)
            left = None if left is None else left - 1
        due_ms = next_ms


def is_left_out(course: Course, due_ms: int, now_ms: int) -> bool:
    """Tell if the rules of a task leave a late run out, as `execution/outcome.py` decides when it begins."""
    policy = course.policy
    if policy.start_deadline_ms is not None and now_ms > due_ms + policy.start_deadline_ms:
        return True
    if policy.missed != "skip" or now_ms == due_ms:
        return False
    return occurrence_after(policy, course.raw_id, course.interval_ms, course.phase_ms, due_ms) <= now_ms


def _latest(course: Course, now_ms: int) -> int | None:
    """Return the latest due time of a task that has come by now; `None` for none."""
    policy, interval_ms = course.policy, course.interval_ms
    if policy.cron is not None:
        found = latest_cron(policy, course.raw_id, now_ms)
        return None if found is None else found[1]
    if interval_ms is None:
        return None
    moment_ms = _on_grid(course, interval_ms, now_ms) - interval_ms
    if policy.jitter_ms is None:
        return _rounded(moment_ms, course.grid_ms)
    due_ms = put_off(policy, course.raw_id, moment_ms)
    return due_ms if due_ms <= now_ms else put_off(policy, course.raw_id, moment_ms - interval_ms)


def _on_grid(course: Course, interval_ms: int, now_ms: int) -> int:
    """Return the first moment on the grid of a task that is after now even when it is rounded down."""
    base_ms = now_ms - now_ms % course.grid_ms + course.grid_ms - 1
    return base_ms + interval_ms - (base_ms - course.phase_ms) % interval_ms


def _rounded(moment_ms: int, grid_ms: int) -> int:
    return moment_ms - moment_ms % grid_ms

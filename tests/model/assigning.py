"""Putting tasks under schedule, taking them off, and making a set of them equal to a desired one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from interval_scheduler import SyncCounts
from interval_scheduler.model.assignment import Reschedule
from interval_scheduler.model.cron import next_after
from interval_scheduler.model.rules import phase_of

from .places import Dead, Leased, Parked, Paused, Task, Waiting
from .schedule import Model
from .spec import Spec, Wanted


def assign(model: Model, wanted: Wanted, rule: Reschedule, grid: int, now: int) -> bool | None:
    """Put a task under schedule, or update it; whether it is new, None if it is refused, since it would never run.

    Args:
        model: what there is.
        wanted: the task.
        rule: when a scheduled task runs next.
        grid: the rounding grid of the scheduler that assigns it, 0 for none.
        now: the server's clock.
    """
    raw_id = wanted.raw_id
    before = model.scheduled(raw_id)
    spec = replace(wanted.spec, grid=grid if wanted.spec.interval is not None else 0)
    start = _first(wanted, now)
    is_moved = before is not None and rule != "start" and _is_moved(before, wanted)
    anchor = start
    if before is not None:
        anchor = _upcoming(wanted, start, now) if is_moved else _anchor(before, wanted, rule, start)
    lease = None if before is None else before.place
    if isinstance(lease, Leased) and before is not None and is_moved and spec.cron is None and wanted.start is None:
        anchor = _occurrence(before, raw_id, lease.due)
    spec = replace(spec, phase=_phase(before, wanted, rule, anchor, grid))
    # A cron expression knows no rounding grid.
    cell = grid if spec.cron is None and grid else 1
    moment = anchor // cell * cell
    if before is not None and rule != "start" and not is_moved and _stays(before, spec, rule, raw_id):
        assert isinstance(before.place, Waiting | Paused | Parked)
        moment = before.place.due // cell * cell
    elif spec.interval is not None:
        moment = spec.put_off(raw_id, moment)
    if isinstance(lease, Leased):
        after = _after_run(lease, wanted, rule, moment, now, is_moved=is_moved)
        if (
            spec.following(now, anchor, raw_id=raw_id) is None
            if after == "record" and spec.cron is None
            else spec.ended_by(
                after if isinstance(after, int) else now if spec.missed == "all" else _upcoming(wanted, start, now)
            )
        ):
            return None
        model.groups_in_use = model.groups_in_use or spec.group is not None
        model.tasks[raw_id] = replace(model.tasks[raw_id], spec=spec, place=replace(lease, after=after))
        _forget_unasked(model, raw_id)
        return False
    if spec.ended_by(moment):
        return None
    model.groups_in_use = model.groups_in_use or spec.group is not None
    if before is not None and rule == "keep" and not is_moved:
        spec = replace(spec, previous=_previous(before, spec, moment, raw_id))
    known = model.tasks.get(raw_id)
    model.tasks[raw_id] = Task(spec, Waiting(moment)) if known is None else replace(known, spec=spec)
    _forget_unasked(model, raw_id)
    if before is not None and not isinstance(before.place, Dead) and (rule == "start" or moment != before.place.due):
        model.update(raw_id, attempts=0)
    model.rest_or_wait(raw_id, moment, now, paused=before is not None and isinstance(before.place, Paused))
    return before is None


def _stays(before: Task, spec: Spec, rule: Reschedule, raw_id: bytes) -> bool:
    """Whether the next run of a waiting task stays where it is: its jitter is drawn anew if it is on its grid."""
    if not isinstance(before.place, Waiting | Paused | Parked):
        return False
    is_kept = rule == "keep" or spec.interval is None or before.spec.interval is None
    return is_kept and (spec.jitter is None or before.occurrence(raw_id, before.place.due) is None)


def _forget_unasked(model: Model, raw_id: bytes) -> None:
    """Forget the last runs of a task that does not ask for them any more."""
    if not model.tasks[raw_id].spec.history:
        model.tasks[raw_id] = replace(model.tasks[raw_id], past=())


def _is_moved(before: Task, wanted: Wanted) -> bool:
    """Whether a task recurs by another calendar now."""
    return wanted.recurs and before.spec.cron != wanted.spec.cron


def _upcoming(wanted: Wanted, start: int, now: int) -> int:
    """The first occurrence that is still to come; of an interval without a start, now."""
    if wanted.spec.cron is not None:
        moment = next_after(wanted.spec.cron, "UTC", (now if wanted.start is None else wanted.start) - 1)
        moment = moment if moment > now else next_after(wanted.spec.cron, "UTC", now)
        return wanted.spec.put_off(wanted.raw_id, moment)
    interval = wanted.spec.interval
    assert interval is not None
    return start if start >= now else now + interval - (now - start) % interval


def _after_run(
    lease: Leased, wanted: Wanted, rule: Reschedule, moment: int, now: int, *, is_moved: bool
) -> int | Literal["record"]:
    """Where a task goes after its run that is in progress: to a moment, or as its record says."""
    if wanted.spec.cron is not None and rule != "start":
        if not is_moved and (not isinstance(lease.after, int) or lease.after > now):
            return lease.after if isinstance(lease.after, int) else "record"
        return _upcoming(wanted, _first(wanted, now), now)
    if wanted.spec.interval is not None and rule != "start" and not (is_moved and wanted.start is not None):
        return "record"
    return moment


def _previous(before: Task, spec: Spec, moment: int, raw_id: bytes) -> tuple[int, int] | None:
    """The previous time of a task whose interval was changed, and the due time for which it holds."""
    assert not isinstance(before.place, Dead)
    if spec.interval is None or before.spec.interval is None:
        return None
    previous = before.previous(raw_id)
    stays = _stays(before, spec, "keep", raw_id)
    anchor = before.place.due if stays else _occurrence(before, raw_id, before.place.due)
    return (previous, moment) if previous >= 0 and previous + spec.interval != anchor else None


def _occurrence(before: Task, raw_id: bytes, due: int) -> int:
    """The moment on the grid of a task whose occurrence is due then; that due time if it is due off its grid."""
    moment = before.occurrence(raw_id, due)
    return due if moment is None else moment


def _first(wanted: Wanted, now: int) -> int:
    """When a new task would run first."""
    start = now if wanted.start is None else wanted.start
    if wanted.spec.cron is not None:
        return wanted.spec.put_off(wanted.raw_id, next_after(wanted.spec.cron, "UTC", start - 1))
    return _of_phase(wanted, start)


def _of_phase(wanted: Wanted, moment: int) -> int:
    """The first moment of its phase from a moment on, if it is to have one that follows from its id."""
    if not wanted.spread:
        return moment
    interval = wanted.spec.interval
    assert interval is not None
    return moment + (phase_of(wanted.raw_id, interval) - moment) % interval


def _anchor(before: Task, wanted: Wanted, rule: Reschedule, start: int) -> int:
    """From where on the new interval of a scheduled task counts; its next run, if it is not running."""
    old, new, place = before.spec.interval, wanted.spec.interval, before.place
    if isinstance(place, Leased):
        # During a run: from the time of the present one on, unless another start is asked for.
        return start if rule == "start" or new is None else _occurrence(before, wanted.raw_id, place.due)
    assert not isinstance(place, Dead)
    if rule == "start":
        return start
    if rule == "interval" and old is not None and new is not None:
        previous = before.previous(wanted.raw_id)
        return max(_of_phase(wanted, previous + 1) if wanted.spread else previous + new, 0)
    return _occurrence(before, wanted.raw_id, place.due)


def _phase(before: Task | None, wanted: Wanted, rule: Reschedule, anchor: int, grid: int) -> int:
    """A moment on the grid of a task."""
    interval = wanted.spec.interval
    if interval is None:
        return 0
    if wanted.spread:
        return phase_of(wanted.raw_id, interval)
    if before is not None and rule == "keep" and before.spec.has_grid and before.spec.interval == interval:
        # The same grid, even where it is due off that: run now, or tried again after a failure. Not where due times are
        # rounded, which have another one, nor after another start was set during the run.
        moved = isinstance(before.place, Leased) and isinstance(before.place.after, int)
        if before.spec.grid == grid == 0 and not moved:
            return before.spec.phase
    return anchor % interval


def remove(model: Model, raw_id: bytes, now: int) -> bool:
    """Take a task off the schedule, or out of the dead ones; whether it was scheduled."""
    was_scheduled = model.scheduled(raw_id) is not None
    model.forget(raw_id, now)
    return was_scheduled


def clear(model: Model) -> int:
    """Take every task off the schedule: how many were on it."""
    count = sum(task.is_scheduled for task in model.tasks.values())
    model.tasks.clear()
    model.groups_in_use = False
    model.room = {}
    model.quotas.refill = {}
    return count


def sync(
    model: Model, desired: Sequence[Wanted], scope: str, grid: int, assigned_at: int, removed_at: int
) -> SyncCounts | None:
    """Make the tasks of a scope equal to a desired set; what that took, None if one of them is refused."""
    desired = list({wanted.raw_id: wanted for wanted in desired}.values())  # of an id that is there twice, the last one
    different = [wanted for wanted in desired if not _is_scheduled_so(model, wanted, grid)]
    answers = [assign(model, wanted, "keep", grid, assigned_at) for wanted in different]
    added = sum([answer is True for answer in answers])
    kept = {wanted.raw_id for wanted in desired}
    extra = [
        raw_id
        for raw_id, task in model.tasks.items()
        if task.is_scheduled and raw_id.startswith(scope.encode()) and raw_id not in kept
    ]
    for raw_id in extra:
        remove(model, raw_id, removed_at)
    return (
        None
        if None in answers
        else SyncCounts(added, len(different) - added, len(desired) - len(different), len(extra))
    )


def _is_scheduled_so(model: Model, wanted: Wanted, grid: int) -> bool:
    """Whether assigning it would change nothing but, for a task without a phase of its own, where its grid lies."""
    before = model.scheduled(wanted.raw_id)
    if before is None or not before.spec.is_readable:
        return False
    spec = replace(wanted.spec, grid=grid if wanted.spec.interval is not None else 0)
    phase = _phase(None, wanted, "keep", 0, grid) if wanted.spread else before.spec.phase
    return replace(before.spec, previous=None) == replace(spec, phase=phase)

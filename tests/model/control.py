"""Steering what is scheduled: pause, resume, run now; the dead; locks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from interval_scheduler.model.cron import next_after

from .places import Dead, Leased, Parked, Paused, Place, Waiting
from .schedule import Model
from .spec import Spec

HOUR = 3_600_000


def pause(model: Model, raw_id: bytes, now: int) -> bool:
    """Let a task rest; one that is running rests after its run. Whether it is scheduled."""
    task = model.scheduled(raw_id)
    if task is None:
        return False
    if isinstance(task.place, Leased):
        model.update_lease(raw_id, is_paused=True)
    elif isinstance(task.place, Waiting | Parked):
        model.move(raw_id, Paused(task.place.due), now)
    return True


def resume(model: Model, raw_id: bytes, now: int) -> bool:
    """Let a task go on, on its own grid, without what it missed; whether it is scheduled."""
    task = model.scheduled(raw_id)
    if task is None:
        return False
    if isinstance(task.place, Leased):
        model.update_lease(raw_id, is_paused=False)
    elif isinstance(task.place, Paused):
        due, spec = task.place.due, task.spec
        if due <= now:
            due, was_due = now, due
            if spec.has_grid or spec.cron is not None:
                due = spec.upcoming(raw_id, now, was_due) if spec.cron is None else upcoming_cron(spec, raw_id, now)
                model.update(raw_id, attempts=0)  # another occurrence, of which no attempt failed
            if spec.ended_by(due):
                model.forget(raw_id, now)  # its time was over while it was paused
                return False
        model.move(raw_id, Waiting(due), now)
    return True


def run_now(model: Model, raw_id: bytes, now: int) -> bool:
    """Run a task as soon as possible, one that is running once more; whether it will, which a paused one does not."""
    task = model.scheduled(raw_id)
    if task is None or isinstance(task.place, Paused):
        return False
    if isinstance(task.place, Leased):
        if task.place.is_paused:
            return False
        if task.spec.ended_by(now) or (task.spec.max_runs is not None and task.runs + 1 >= task.spec.max_runs):
            return False  # the run in progress is the last one
        model.update_lease(raw_id, after=now)
    elif task.spec.start_deadline is not None and (isinstance(task.place, Parked) or _is_due(task.place, now)):
        model.move(raw_id, Waiting(now), now)  # the time in which it must start counts from now
    elif isinstance(task.place, Waiting):
        model.tasks[raw_id] = replace(task, place=replace(task.place, at=min(task.place.at, now)))
    return True


def _is_due(place: Place, now: int) -> bool:
    return isinstance(place, Waiting) and place.at <= now


def upcoming_cron(spec: Spec, raw_id: bytes, now: int) -> int:
    """The first due time after now of a task with a cron expression, of one an hour at least."""
    assert spec.cron is not None
    moments = [next_after(spec.cron, "UTC", now - HOUR), next_after(spec.cron, "UTC", now)]
    return next(due for moment in moments if (due := spec.put_off(raw_id, moment)) > now)


def cancel(model: Model, raw_id: bytes, now: int, how: Literal["x", "h"]) -> bool:
    """Have the run of a task cancelled; whether there is one."""
    task = model.scheduled(raw_id)
    if task is None or not isinstance(task.place, Leased) or task.place.until <= now:
        return False
    model.update_lease(raw_id, cancelled=how)
    return True


def revive(model: Model, raw_id: bytes, now: int) -> bool:
    """Schedule a dead task anew, due now; whether it was dead."""
    task = model.tasks.get(raw_id)
    if task is None or not isinstance(task.place, Dead):
        return False
    model.move(raw_id, Waiting(now), now)
    return True


def clear_dead(model: Model) -> int:
    """Forget all dead tasks: how many there were."""
    dead = [raw_id for raw_id, _, _ in model.at(Dead)]
    for raw_id in dead:
        del model.tasks[raw_id]
    return len(dead)


def halt(model: Model, now: int) -> None:
    """Pause the namespace."""
    model.halted = now


def go_on(model: Model) -> None:
    """Resume the namespace."""
    model.halted = None


def acquire(model: Model, name: str, token: int) -> bool:
    """Acquire a lock by a token that is greater than all before; whether it was free."""
    if name in model.locks:
        return False
    model.locks[name] = model.fence = token
    return True


def release_lock(model: Model, name: str, token: int) -> bool:
    """Give a lock up; whether it was held by that token."""
    if model.locks.get(name) != token:
        return False
    del model.locks[name]
    return True

"""What workers do: claim tasks, and end the runs of what was claimed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .places import Dead, Leased, Parked, Task, Waiting
from .schedule import Model
from .spec import Spec

CORRUPT = b"1 the record is corrupt"
#: The turns that one claim gives at the most.
TURNS = 75
#: The limit of a scheduler without one.
ANY = 1_000_000


@dataclass(frozen=True)
class Run:
    """A claimed task as its worker knows it."""

    raw_id: bytes
    token: int
    due: int
    spec: Spec
    attempts: int = 0


def claim(model: Model, now: int, token: int, *, limit: int, room: int, lease: int, once: bool) -> list[Run]:
    """Take what is due, the earliest first.

    Args:
        model: what there is.
        now: the server's clock.
        token: that of the claim, if it takes anything.
        limit: how many tasks at most.
        room: how many tasks of one group may be leased, 0 for any number.
        lease: how long a lease is.
        once: delivery at most once: what needs no lease goes on at once.
    """
    _end_leases(model, now, limit)
    if model.halted is not None:
        return []
    line = sorted((place.at, raw_id) for raw_id, _, place in model.at(Waiting) if place.at <= now)
    taken: list[Run] = []
    touched: dict[str, None] = {}
    count = 0
    for _, raw_id in line:
        if count == limit:
            break
        task = model.tasks[raw_id]
        assert isinstance(task.place, Waiting)
        group, due = task.spec.group, task.place.due
        # The turn of a task that does not run in its group is left for the next one there.
        touched |= {group: None} if group is not None else {}
        touched |= {task.place.turn.group: None} if task.place.turn is not None else {}
        if group is not None and 0 < room <= model.running(group):
            model.tasks[raw_id] = replace(task, place=Parked(group, due))
            continue
        count += 1
        if once and not task.spec.is_readable:
            model.tasks[raw_id] = replace(task, place=Dead(now, CORRUPT), attempts=0)
            model.fence = token
            continue
        taken.append(Run(raw_id, token, due, task.spec, task.attempts))
        model.fence = token
        if once and not task.spec.needs_lease:
            _pass_on(model, raw_id, task, due, now)
        else:
            model.tasks[raw_id] = replace(task, place=Leased(token, due, now + lease, group))
    _use_room(model, list(touched), room or ANY, limit, now)
    bound_dead(model)
    return taken


def is_any_noted(model: Model, room: int) -> bool:
    """Whether claims of this limit have something to do for groups whose tasks are parked."""
    return any(model.at(Parked)) and any(cap <= (room or ANY) for cap in model.room.values())


def _use_room(model: Model, touched: list[str], cap: int, limit: int, now: int) -> None:
    """Give turns to groups with room, in equal shares; note where that was not all that they have room for."""
    if not any(model.at(Parked)):
        if touched:
            model.room.clear()
        return
    line = sorted((of, group.encode()) for group, of in model.room.items() if of <= cap)
    noted = [group.decode() for _, group in line]
    names = noted + [group for group in touched if group not in noted]
    free = {group: cap - model.running(group) for group in names}
    free = {group: most for group, most in free.items() if most > 0}
    for group in noted:
        del model.room[group]
    left = min(limit, TURNS)
    share = -(-left // max(len(free), 1))
    for group, most in free.items():
        wanted = min(most, share, left)
        left -= wanted
        given = model.give_turns(group, wanted, now)
        if given == wanted < most:
            model.room[group] = cap if given or most < cap else 0


def _end_leases(model: Model, now: int, limit: int) -> None:
    """Leases that ended make their tasks due again, as they were, one attempt more."""
    ended = sorted((place.until, raw_id) for raw_id, _, place in model.at(Leased) if place.until <= now)
    for _, raw_id in ended[:limit]:
        _hand_back(model, raw_id, now)
        model.update(raw_id, attempts=model.tasks[raw_id].attempts + 1)


def _pass_on(model: Model, raw_id: bytes, task: Task, due: int, now: int) -> None:
    """At most once: it is over with the claim."""
    following = task.spec.following(now, due, raw_id=raw_id)
    if following is None:
        del model.tasks[raw_id]
    else:
        model.tasks[raw_id] = replace(task, place=Waiting(following), attempts=0)


def _held(model: Model, run: Run) -> Leased | None:
    """The lease of a run, if it still holds."""
    task = model.tasks.get(run.raw_id)
    place = None if task is None else task.place
    return place if isinstance(place, Leased) and (place.token, place.due) == (run.token, run.due) else None


def _hand_back(model: Model, raw_id: bytes, now: int) -> None:
    """A task whose run did not come to an end: due as it was, or where it was put meanwhile."""
    lease = model.tasks[raw_id].place
    assert isinstance(lease, Leased)
    due = lease.after if isinstance(lease.after, int) else lease.due
    model.rest_or_wait(raw_id, due, now, paused=lease.is_paused)


def _go_on(model: Model, raw_id: bytes, lease: Leased, due: int | None, now: int) -> None:
    """The occurrence is over: on with the next, if there is one."""
    if due is None:
        model.forget(raw_id, now)
    else:
        model.update(raw_id, attempts=0)
        model.rest_or_wait(raw_id, due, now, paused=lease.is_paused)


def _planned(lease: Leased, due: int | None, told: int | None) -> int | None:
    """Where a task goes: to the moment that was set during the run, else as its spec says.

    An occurrence of a cron expression set during the run may be the run's own; that is over.
    """
    if isinstance(lease.after, int) and (told is None or lease.after > lease.due):
        return lease.after
    return due


def complete(model: Model, run: Run, now: int, told: int | None = None, *, ran: bool = True) -> bool:
    """End a run that went well, or was passed over; whether its lease was held."""
    lease = _held(model, run)
    if lease is None:
        return False
    task = model.tasks[run.raw_id]
    by_record = lease.after == "record"
    if not (task.spec if by_record else run.spec).is_readable:
        return False
    due, counts = _after_all(task, run, lease, told, now, ran=ran)
    model.update(run.raw_id, runs=task.runs + counts)
    _go_on(model, run.raw_id, lease, due, now)
    return True


def _after_all(
    task: Task, run: Run, lease: Leased, told: int | None, now: int, *, ran: bool = True
) -> tuple[int | None, bool]:
    """When a task is due after a run, None for never; and whether the run counts for its bound."""
    if lease.after == "record":
        due = task.spec.following(now, run.due, told, raw_id=run.raw_id, token=run.token)
        counts = task.spec.max_runs is not None
    else:
        due = _planned(lease, run.spec.following(now, run.due, told, raw_id=run.raw_id, token=run.token), told)
        counts = ran and run.spec.max_runs is not None
    if lease.after is not None and due is not None and task.spec.ended_by(due):
        due = None
    most = run.spec.max_runs if lease.after is None else task.spec.max_runs
    counts = counts and most is not None
    if counts and most is not None and task.runs + 1 >= most:
        due = None
    return due, counts


@dataclass(frozen=True)
class Failing:
    """A run that failed: after how long it may be tried again, and whether it counts as a failure."""

    run: Run
    retry: int | None
    charge: bool
    error: str
    told: int | None = None


def fail(model: Model, failing: Failing, now: int) -> Literal["r", "n", "d", "0"]:
    """End a run that failed: tried again, on with the next occurrence, dead; or its lease was not held."""
    run = failing.run
    lease = _held(model, run)
    if lease is None or not run.spec.is_readable:
        return "0"
    task = model.tasks[run.raw_id]
    recurs = run.spec.following(now, run.due, failing.told, raw_id=run.raw_id, token=run.token) is not None
    due: int | None
    due, counts = now, False
    if lease.after != "record" or task.spec.is_readable:
        due, counts = _after_all(task, run, lease, failing.told, now)
    if failing.retry is not None and (due is None or (lease.after is None and now + failing.retry < due)):
        model.update(run.raw_id, attempts=task.attempts + failing.charge)
        model.rest_or_wait(run.raw_id, now + failing.retry, now, paused=lease.is_paused)
        return "r"
    if due is not None:
        model.update(run.raw_id, failures=task.failures + (recurs and failing.charge), runs=task.runs + counts)
        _go_on(model, run.raw_id, lease, due, now)
        return "n"
    model.update(run.raw_id, attempts=0, runs=0, failures=0)
    error = b"%d %s" % (task.attempts + 1, failing.error.encode())
    model.move(run.raw_id, Dead(now, error), now)
    return "d"


def bound_dead(model: Model) -> None:
    """Forget the oldest of the dead ones beyond the limit; once for all that died together."""
    dead = sorted((place.at, raw_id) for raw_id, _, place in model.at(Dead))
    for _, raw_id in dead[: max(len(dead) - model.dead_limit, 0)]:
        del model.tasks[raw_id]


def release(model: Model, run: Run, now: int) -> Literal["1", "0", "x"]:
    """Hand a task back unrun; not if its lease was not held, nor if the run is cancelled."""
    held = _held(model, run)
    if held is None:
        return "0"
    if held.cancelled == "x":
        return "x"
    _hand_back(model, run.raw_id, now)
    return "1"


def renew(model: Model, run: Run, now: int, lease: int) -> str:
    """Extend a lease; whether it was held, and what is to become of its run."""
    held = _held(model, run)
    if held is None:
        return "0"
    model.tasks[run.raw_id] = replace(model.tasks[run.raw_id], place=replace(held, until=now + lease))
    return held.cancelled or "1"


def quarantine(model: Model, run: Run, now: int) -> bool:
    """Set a task aside that cannot be run; whether its lease was held. Assigned anew meanwhile, it is due again."""
    lease = _held(model, run)
    if lease is None:
        return False
    model.update(run.raw_id, attempts=0)
    if lease.after is not None:
        _hand_back(model, run.raw_id, now)
    else:
        model.move(run.raw_id, Dead(now, CORRUPT), now)
    return True

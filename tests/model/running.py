"""What workers do: claim tasks, and end the runs of what was claimed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from interval_scheduler.model.past import Outcome, tell

from .places import Dead, Leased, Parked, Task, Waiting
from .quotas import ANY
from .schedule import Model
from .spec import Spec

#: The most bytes of an error in a history, and of the error of a failing task.
MOST_OF_NOTE, MOST_OF_CAUSE = 200, 1000
CORRUPT = b"1 the record is corrupt"
#: The turns that one claim gives at the most.
TURNS = 75


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
        room: how many tasks of one group may be leased, 0 for any number; what is kept in Redis comes first.
        lease: how long a lease is.
        once: delivery at most once: what needs no lease goes on at once.
    """
    _end_leases(model, now, limit)
    if model.halted is not None:
        return []
    quotas = model.quotas
    quotas.fill(now)
    if quotas.rates and any(at <= now for at in quotas.refill.values()):
        _use_room(model, [], room, limit, now)
    most = limit if quotas.rate is None else min(limit, quotas.rate.tokens)
    line = sorted((place.at, raw_id) for raw_id, _, place in model.at(Waiting) if place.at <= now and most > 0)
    taken: list[Run] = []
    touched: dict[str, None] = {}
    count = paid = 0
    for _, raw_id in line:
        if count == most:
            break
        task = model.tasks[raw_id]
        assert isinstance(task.place, Waiting)
        group, due = task.spec.group, task.place.due
        # The turn of a task that does not run in its group is left for the next one there.
        touched |= {group: None} if group is not None else {}
        touched |= {task.place.turn.group: None} if task.place.turn is not None else {}
        if group is not None and (model.running(group) >= quotas.cap(group, room) or quotas.tokens(group) < 1):
            model.tasks[raw_id] = replace(task, place=Parked(group, due))
            continue
        count += 1
        if once and not task.spec.is_readable:
            model.tasks[raw_id] = replace(task, place=Dead(now, CORRUPT), attempts=0, cause=None)
            model.fence = token
            continue  # nobody runs it, so that it costs no token
        quotas.spend(group)
        paid += 1
        taken.append(Run(raw_id, token, due, task.spec, task.attempts))
        model.fence = token
        if once and not task.spec.needs_lease:
            _pass_on(model, raw_id, task, due, now)
        else:
            model.tasks[raw_id] = replace(task, place=Leased(token, due, now + lease, group))
    if quotas.rate is not None and paid > 0:
        quotas.rate = quotas.rate.spent(paid)
    _use_room(model, list(touched), room, limit, now)
    bound_dead(model)
    return taken


def is_any_noted(model: Model, room: int) -> bool:
    """Whether claims of this limit have something to do for groups whose tasks are parked."""
    widest = ANY if model.quotas.caps else room or ANY
    return any(model.at(Parked)) and any(cap <= widest for cap in model.room.values())


def _use_room(model: Model, touched: list[str], room: int, limit: int, now: int) -> None:
    """Give turns to groups with room, in equal shares; note where that was not all that they have room for."""
    quotas = model.quotas
    if not any(model.at(Parked)):
        if touched:
            model.room.clear()
        if quotas.rates:
            quotas.refill.clear()
        return
    widest = ANY if quotas.caps else room or ANY
    line = sorted((of, group.encode()) for group, of in model.room.items() if of <= widest)
    noted = [group.decode() for _, group in line]
    ready = sorted((at, group.encode()) for group, at in quotas.refill.items() if at <= now and quotas.rates)
    names = list(dict.fromkeys([*noted, *(group.decode() for _, group in ready), *touched]))
    free = {group: quotas.cap(group, room) - model.running(group) for group in names}
    later = [group for group in names if free[group] > 0 and quotas.tokens(group) < 1]
    free = {group: min(most, quotas.tokens(group)) for group, most in free.items()}
    free = {group: most for group, most in free.items() if most > 0}
    for group in noted:
        del model.room[group]
    for _, name in ready:
        del quotas.refill[name.decode()]
    left = min(limit, TURNS)
    share = -(-left // max(len(free), 1))
    for group, most in free.items():
        wanted = min(most, share, left)
        left -= wanted
        given = model.give_turns(group, wanted, now)
        if given == wanted < most:
            model.room[group] = quotas.cap(group, room) if given or model.running(group) else 0
    for group in later:
        if any(place.group == group for _, _, place in model.at(Parked)):
            quotas.refill[group] = quotas.rates[group].ready_at()


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
        model.tasks[raw_id] = replace(task, place=Waiting(following), attempts=0, cause=None)


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
    by_record = lease.after in ("record", "rules")
    if not (task.spec if by_record else run.spec).is_readable:
        return False
    due, counts = _after_all(task, run, lease, told, now, ran=ran)
    model.update(run.raw_id, runs=task.runs + counts)
    if ran:
        _keep(model, run, "ok", b"")
    _set_cause(model, run.raw_id, None)
    _go_on(model, run.raw_id, lease, due, now)
    return True


def told_of(run: Run, outcome: Outcome) -> bytes:
    """What the worker tells of a run, for the history of its task."""
    return tell(run.due, run.token % 1000, 5, outcome)


def _keep(model: Model, run: Run, outcome: Outcome, error: bytes) -> None:
    """Keep a run, if its task asked for it when it was claimed, and does so still."""
    task = model.tasks[run.raw_id]
    if run.spec.history and task.spec.history:
        past = (told_of(run, outcome), _cut(error, MOST_OF_NOTE)), *task.past
        model.tasks[run.raw_id] = replace(task, past=past[: run.spec.history])


def _set_cause(model: Model, raw_id: bytes, cause: tuple[int, bytes] | None) -> None:
    model.tasks[raw_id] = replace(model.tasks[raw_id], cause=cause)


def _cut(text: bytes, most: int) -> bytes:
    """A text of at most so many bytes, of whole characters."""
    return text[:most].decode(errors="ignore").encode()


def _after_all(
    task: Task, run: Run, lease: Leased, told: int | None, now: int, *, ran: bool = True
) -> tuple[int | None, bool]:
    """When a task is due after a run, None for never; and whether the run counts for its bound."""
    if lease.after in ("record", "rules"):
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

    @property
    def outcome(self) -> Outcome:
        return "failed" if self.charge else "postponed"


def fail(model: Model, failing: Failing, now: int) -> Literal["r", "n", "d", "0"]:
    """End a run that failed: tried again, on with the next occurrence, dead; or its lease was not held."""
    run = failing.run
    lease = _held(model, run)
    if lease is None or not run.spec.is_readable:
        return "0"
    task = model.tasks[run.raw_id]
    recurs = run.spec.following(now, run.due, failing.told, raw_id=run.raw_id, token=run.token) is not None
    error = failing.error.encode()
    _keep(model, run, failing.outcome, error)
    task = model.tasks[run.raw_id]
    cause = (now, _cut(error, MOST_OF_CAUSE)) if failing.charge else task.cause
    due: int | None
    due, counts = now, False
    if lease.after not in ("record", "rules") or task.spec.is_readable:
        due, counts = _after_all(task, run, lease, failing.told, now)
    if failing.retry is not None and (due is None or (lease.after in (None, "rules") and now + failing.retry < due)):
        model.update(run.raw_id, attempts=task.attempts + failing.charge)
        _set_cause(model, run.raw_id, cause)
        model.rest_or_wait(run.raw_id, now + failing.retry, now, paused=lease.is_paused)
        return "r"
    if due is not None:
        model.update(run.raw_id, failures=task.failures + (recurs and failing.charge), runs=task.runs + counts)
        _set_cause(model, run.raw_id, cause)
        _go_on(model, run.raw_id, lease, due, now)
        return "n"
    model.update(run.raw_id, attempts=0, runs=0, failures=0)
    _set_cause(model, run.raw_id, None)
    model.move(run.raw_id, Dead(now, b"%d %s" % (task.attempts + 1, error)), now)
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
    model.quotas.give_back(lease.group, now)  # it did not start
    model.update(run.raw_id, attempts=0)
    _set_cause(model, run.raw_id, None)
    if lease.after is not None:
        _hand_back(model, run.raw_id, now)
    else:
        model.move(run.raw_id, Dead(now, CORRUPT), now)
    return True

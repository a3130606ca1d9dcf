"""How the model stands in Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from tests.scripts.store import Space, tags_of

from .places import Dead, Leased, Parked, Paused, Task, Waiting
from .schedule import Model


def space_of(model: Model) -> Space:
    """The whole key space."""
    return Space(
        tasks={raw_id: task.spec.record for raw_id, task in model.tasks.items()},
        due={raw_id: place.at for raw_id, _, place in model.at(Waiting)},
        leased={raw_id: place.until for raw_id, _, place in model.at(Leased)},
        leases={raw_id: lease_of(place) for raw_id, _, place in model.at(Leased)},
        paused={raw_id: place.due for raw_id, _, place in model.at(Paused)},
        dead={raw_id: place.at for raw_id, _, place in model.at(Dead)},
        errors={raw_id: place.error for raw_id, _, place in model.at(Dead) if place.error is not None},
        attempts=_counts(model, lambda task: task.attempts),
        runs=_counts(model, lambda task: task.runs),
        failures=_counts(model, lambda task: task.failures),
        history={raw_id: history_of(task.past) for raw_id, task in model.tasks.items() if task.past},
        failing={raw_id: task.cause[0] for raw_id, task in model.tasks.items() if task.cause},
        causes={raw_id: b"%d %s" % task.cause for raw_id, task in model.tasks.items() if task.cause},
        halt=None if model.halted is None else b"%d" % model.halted,
        groups=_groups(model),
        tags=tags_of(model.tasks),
        fence=None if model.fence is None else b"%d" % model.fence,
        locks={name.encode(): b"%d" % token for name, token in model.locks.items()},
        membership=model.membership,
    )


def history_of(past: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The last runs of a task, the latest first."""
    runs = [b"%c%s%s%c" % (len(error), told, error, len(error)) for told, error in past]
    return b"%c%s" % (len(runs), b"".join(runs))


def lease_of(place: Leased) -> bytes:
    """What is known of a leased task: its token, its due time, what was decided of it meanwhile."""
    marks = {"record": b"k", "rules": b"k0", None: b""}
    mark = b"s%d" % place.after if isinstance(place.after, int) else marks[place.after]
    mark += b"p" if place.is_paused else b""
    mark += place.cancelled.encode()
    return b"%d %d" % (place.token, place.due) + (b" " + mark if mark else b"")


def _counts(model: Model, count: Callable[[Task], int]) -> dict[bytes, bytes]:
    return {raw_id: b"%d" % count(task) for raw_id, task in model.tasks.items() if count(task)}


def _groups(model: Model) -> dict[str, Any]:
    of = {raw_id: place.group.encode() for raw_id, _, place in model.at(Leased) if place.group is not None}
    parked = {raw_id: _member(place.group, place.due, raw_id) for raw_id, _, place in model.at(Parked)}
    overdue = {
        raw_id: _member(place.turn.group, place.turn.due, raw_id)
        for raw_id, _, place in model.at(Waiting)
        if place.turn is not None
    }
    found = {
        "in-use": b"1" if model.groups_in_use else None,
        "of": of,
        "runs": {group: b"%d" % count for group, count in Counter(of.values()).items()},
        "parked": sorted(parked.values()),
        "parked-of": parked,
        "overdue": overdue,
        "refill": [group for _, group in sorted((at, name.encode()) for name, at in model.quotas.refill.items())],
        "room": [group for _, group in sorted((of, name.encode()) for name, of in model.room.items())],
    }
    return {name: content for name, content in found.items() if content}


def _member(group: str, due: int, raw_id: bytes) -> bytes:
    return b"%s\0%016d\0%s" % (group.encode(), due, raw_id)

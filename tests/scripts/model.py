"""What the scripts do, in plain Python on a `Space`: one task after the other, no batches, no Redis."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interval_scheduler.storage.commands import Change

from .arithmetic import next_run
from .store import Held, Space, recurring

_HEADER = re.compile(rb"([sb]d?)(?: (\d+) (\d+)(?: (\d+))?)?")


def assign(space: Space, change: Change, grid_ms: int) -> bool:
    """Whether the task is new. Its start must be given."""
    task = change.assignment
    assert task.start_ms is not None
    grid = max(grid_ms, 1)
    lease, due = space.leases.get(task.id), space.due.get(task.id)
    anchor = task.start_ms
    if lease is not None:
        claim = b" ".join(lease.split()[:2])
        if task.interval_ms is not None and change.reschedule != "start":
            anchor = int(lease.split()[1])
            space.leases[task.id] = claim + b" k"
        else:
            space.leases[task.id] = claim + b" s%d" % (anchor // grid * grid)
    else:
        if due is not None and change.reschedule != "start":
            anchor = due
            before = _interval(space.tasks[task.id])
            if change.reschedule == "interval" and task.interval_ms is not None and before is not None:
                anchor = max(due - before + task.interval_ms, 0)
        space.due[task.id] = anchor // grid * grid
    if task.interval_ms is None:
        space.tasks[task.id] = b"s\n" + task.data
    else:
        space.tasks[task.id] = recurring(task.interval_ms, anchor, grid_ms if grid_ms > 1 else 0, task.data)
    space.dead.pop(task.id, None)
    space.errors.pop(task.id, None)
    return due is None and lease is None


def claim(space: Space, now: int, limit: int, token: bytes, deadline: int) -> list[tuple[bytes, bytes, bytes, bytes]]:
    """What is leased: id, due, record, and failed deliveries."""
    for _, task_id in sorted((ends, task_id) for task_id, ends in space.leased.items() if ends <= now)[:limit]:
        _hand_back(space, task_id)
        space.attempts[task_id] = b"%d" % (int(space.attempts.get(task_id, 0)) + 1)
    taken = sorted((due, task_id) for task_id, due in space.due.items() if due <= now)[:limit]
    for due, task_id in taken:
        del space.due[task_id]
        space.leased[task_id] = deadline
        space.leases[task_id] = token + b" %d" % due
        space.fence = token
    return [(task_id, b"%d" % due, space.tasks[task_id], space.attempts.get(task_id, b"")) for due, task_id in taken]


def complete(space: Space, run: Held, now: int) -> bool:
    """Whether the lease was held."""
    if not _holds(space, run):
        return False
    _, due, *mark = space.leases[run.raw_id].split()
    header = run.header
    if mark == [b"k"]:
        header = space.tasks[run.raw_id].partition(b"\n")[0]
    _drop_lease(space, run.raw_id)
    space.attempts.pop(run.raw_id, None)
    found = _HEADER.fullmatch(header)
    assert found is not None
    if mark and mark != [b"k"]:
        space.due[run.raw_id] = int(mark[0][1:])
    elif found[2] is not None:
        space.due[run.raw_id] = next_run(now, int(due), int(found[2]), int(found[3]), int(found[4] or 0))
    else:
        del space.tasks[run.raw_id]
    return True


def release(space: Space, run: Held) -> bool:
    """Whether the lease was held."""
    if not _holds(space, run):
        return False
    _hand_back(space, run.raw_id)
    return True


def renew(space: Space, run: Held, deadline: int) -> bool:
    """Whether the lease was held."""
    if not _holds(space, run):
        return False
    space.leased[run.raw_id] = deadline
    return True


def quarantine(space: Space, run: Held, now: int) -> bool:
    """Whether the lease was held."""
    if not _holds(space, run):
        return False
    space.attempts.pop(run.raw_id, None)
    if len(space.leases[run.raw_id].split()) > 2:
        _hand_back(space, run.raw_id)  # assigned anew meanwhile: it has another record by now
        return True
    _drop_lease(space, run.raw_id)
    space.dead[run.raw_id] = now
    space.errors[run.raw_id] = b"1 the record is corrupt"
    return True


def remove(space: Space, task_id: bytes) -> bool:
    """Whether the task was scheduled."""
    was_scheduled = task_id in space.due or task_id in space.leased
    for content in (space.tasks, space.due, space.leased, space.leases, space.attempts, space.dead, space.errors):
        content.pop(task_id, None)
    return was_scheduled


def clear(space: Space) -> int:
    """How many tasks were scheduled."""
    return sum([remove(space, task_id) for task_id in list(space.tasks)])


def check_invariant(space: Space) -> None:
    """Every task is in exactly one place, and nothing else is anywhere."""
    places: Sequence[bytes] = [*space.due, *space.leased, *space.dead]
    assert sorted(places) == sorted(space.tasks)
    assert space.leased.keys() == space.leases.keys()
    assert space.attempts.keys() <= space.tasks.keys()
    tokens = [int(lease.split()[0]) for lease in space.leases.values()]
    assert max(tokens, default=0) <= int(space.fence or 0)


def _interval(record: bytes) -> int | None:
    found = _HEADER.match(record)
    return None if found is None or found[2] is None else int(found[2])


def _holds(space: Space, run: Held) -> bool:
    return b" ".join(space.leases.get(run.raw_id, b"").split()[:2]) == run.lease


def _drop_lease(space: Space, task_id: bytes) -> None:
    del space.leased[task_id], space.leases[task_id]


def _hand_back(space: Space, task_id: bytes) -> None:
    _, due, *mark = space.leases[task_id].split()
    _drop_lease(space, task_id)
    space.due[task_id] = int(mark[0][1:]) if mark and mark != [b"k"] else int(due)

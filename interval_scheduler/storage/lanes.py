"""The lanes of a partition: in each, calls gather while a batch is under way, and go out together when it returns.

Each lane has a session of its own, so that a batch in doubt keeps no other lane waiting. It looks first whether the
partition is online: what gathered while a batch was in doubt must not wait its patience out as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from . import commands
from .batching import Calls
from .session import Session

if TYPE_CHECKING:
    from ..options import SchedulerOptions
    from .partition import Partition


class Lanes(NamedTuple):
    """The lanes of one partition."""

    assign: Calls[commands.Change, bool]
    remove: Calls[bytes, commands.Removed]
    control: Calls[commands.ControlStep, str]
    lock: Calls[commands.LockStep, commands.LockAnswer]
    look: Calls[bytes, commands.Row | None]


def open_lanes(partition: Partition, options: SchedulerOptions) -> Lanes:  # noqa: C901 - one short function a lane
    """The lanes of a partition, none of them running yet."""
    keys = partition.keys
    patience = options.storage.operation_timeout_seconds
    replicas = options.storage.wait_replicas
    sessions = {lane: Session(partition, patience) for lane in ("remove", "control", "unlock")}
    sessions |= {lane: Session(partition, patience, replicas) for lane in ("assign", "lock")}
    grid_ms = round(options.storage.task_interval_seconds * 1000)

    async def assign(changes: Sequence[commands.Change]) -> Sequence[bool]:
        if partition.hints is not None and partition.hints.in_between and not await partition.hints.passable():
            return await partition.hints.assign(changes)
        partition.require_online()
        if any(change.assignment.controls.cron is not None for change in changes):
            now_ms = await partition.now_ms()
            changes = [change.planned(now_ms) for change in changes]
        created, earliest_ms = await commands.assign(sessions["assign"], keys, grid_ms, changes)
        if earliest_ms >= 0:
            partition.on_due(earliest_ms)
        if problem := sessions["assign"].not_replicated:
            raise problem
        return created

    async def remove(ids: Sequence[bytes]) -> Sequence[commands.Removed]:
        if partition.hints is not None and partition.hints.in_between and not await partition.hints.passable():
            return await partition.hints.remove(ids)
        partition.require_online()
        return await commands.remove(sessions["remove"], keys, ids)

    async def control(steps: Sequence[commands.ControlStep]) -> Sequence[str]:
        if partition.hints is not None and partition.hints.in_between:
            await partition.hints.passable()
        partition.require_online()
        results, earliest_ms = await commands.control(sessions["control"], keys, steps)
        if earliest_ms >= 0:
            partition.on_due(earliest_ms)
        return results

    async def lock(steps: Sequence[commands.LockStep]) -> Sequence[commands.LockAnswer]:
        partition.require_online()
        # No replica is waited for to give a lock up: if a failover undoes that, the lock ends with its time.
        session = sessions["unlock" if all(step.action == b"r" for step in steps) else "lock"]
        results = await commands.lock(session, keys, steps)
        problem = session.not_replicated
        return [
            commands.LockAnswer(result, problem if result and step.action != b"r" else None)
            for step, result in zip(steps, results, strict=True)
        ]

    async def look(ids: Sequence[bytes]) -> Sequence[commands.Row | None]:
        if partition.hints is not None and partition.hints.in_between:
            return await partition.hints.look(ids)
        return await commands.look(partition, ids)

    return Lanes(
        Calls(partition.name, assign, lambda change: len(change.assignment.data)),
        Calls(partition.name, remove),
        Calls(partition.name, control),
        Calls(partition.name, lock),
        Calls(partition.name, look),
    )

"""The sync: it makes the tasks of a prefix equal to a desired set.

::

    desired ──▶ looked up ──▶ new or different: assigned ──┐
                     └──────▶ the same: left alone ────────┴──▶ marked as wanted, in Redis
    then all scheduled tasks of the prefix that are not marked are removed

The wanted tasks are marked at their homes, and not in this process: so its memory is bounded for any number of tasks.
If a sync dies, its marks expire, and its changes do no harm: the next sync completes them. A lock lets one sync of a
prefix run at a time, since two syncs with different sets would remove each other's tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Final, TypeVar

import anyio

from ..errors import InvalidValue
from ..model.assignment import AssignCall, Assignment
from ..model.records import CorruptRecord, split
from ..model.reports import SyncCounts
from ..storage.marks import MAX_BATCH, Marks, Partitions, Row
from .locks import Locks

Item = TypeVar("Item")

#: The time after which the next sync may begin if the present one dies, in seconds.
_LOCK_SECONDS: Final = 30


async def sync(
    partitions: Partitions,
    locks: Locks,
    calls: Iterable[AssignCall] | AsyncIterable[AssignCall],
    scope: str,
    grid_ms: int,
    retry_for_seconds: float,
) -> SyncCounts:
    """Make the tasks whose ids start with `scope` equal to those that `calls` assign; see `Scheduler.sync_tasks`."""
    async with locks.hold(f"sync:{scope}"[:128], _LOCK_SECONDS, None):
        marks = Marks(partitions, retry_for_seconds)
        run = _Sync(partitions, marks, scope.encode(), grid_ms)
        try:
            async for chunk in _chunks(calls):
                await run.take(chunk)
            removed = await run.sweep()
        finally:
            await marks.forget()
        return SyncCounts(run.added, run.updated, run.unchanged, removed)


class _Sync:
    def __init__(self, partitions: Partitions, marks: Marks, prefix: bytes, grid_ms: int) -> None:
        self._partitions = partitions
        self._marks = marks
        self._prefix = prefix
        self._grid_ms = grid_ms
        self.added = self.updated = self.unchanged = 0

    async def take(self, calls: list[AssignCall]) -> None:
        """Assign the tasks that are new or different, and mark all tasks as wanted."""
        rows = await asyncio.gather(*(self._partitions.look(call.assignment.id) for call in calls))
        # The marks come first: the sweep would remove a task that is assigned and not marked.
        await self._marks.mark([call.assignment.id for call in calls])
        wanted = []
        for call, row in zip(calls, rows, strict=True):
            if row is not None and is_same(call.assignment, row, self._grid_ms):
                self.unchanged += 1
            else:
                wanted.append(self._partitions.assign(call))
        for created in await asyncio.gather(*wanted):
            self.added += created
            self.updated += not created

    async def sweep(self) -> int:
        """Remove the tasks without a mark, wait until no run of them can start any more, and return their number."""
        removed = wait_ms = 0
        migration = self._marks.migration
        for partition in self._partitions.all if migration is None else migration.in_order:
            if migration is not None:
                for old in migration.old:  # a task that has left a swept partition must be at its new home
                    await migration.forward(old)
            cursor = b"0"
            while True:
                cursor, ids = await self._marks.sweep(partition, cursor, self._prefix)
                remove = partition.remove.submit if migration is None else self._partitions.remove
                done = await asyncio.gather(*map(remove, ids))
                removed += sum(one.was_scheduled for one in done)
                wait_ms = max(wait_ms, *(one.wait_ms for one in done), 0)
                if cursor == b"0":
                    break
        await anyio.sleep(wait_ms / 1000)
        return removed


def is_same(wanted: Assignment, row: Row, grid_ms: int) -> bool:
    """Tell if assigning a task would change nothing (except its phase, by the rule `keep`)."""
    try:
        split(row.record)
    except CorruptRecord:
        return False
    header, _, data = row.record.partition(b"\n")
    plain, _, policy = header.partition(b";")
    flags, *numbers = plain.split(b" ")
    expected = [] if wanted.interval_ms is None else [wanted.interval_ms]
    if wanted.interval_ms is not None and grid_ms > 1:
        expected.append(grid_ms)
    kept = [int(number) for n, number in enumerate(numbers) if n != 1]
    return (
        data == wanted.data
        and flags == (b"s" if wanted.is_text else b"b") + (b"d" if wanted.fixed_delay else b"")
        and kept == expected
        and (wanted.phase_ms is None or int(numbers[1]) == wanted.phase_ms)
        and (b";" + policy if policy else b"") == wanted.policy.encode()
    )


async def _chunks(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[list[Item]]:
    chunk: list[Item] = []
    if isinstance(items, AsyncIterable):
        async for item in items:
            chunk.append(item)
            if len(chunk) >= MAX_BATCH:
                yield chunk
                chunk = []
    else:
        for item in items:
            chunk.append(item)
            if len(chunk) >= MAX_BATCH:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def check_scope(scope: object, ids_of: bytes | None = None) -> str:
    """Check the prefix of a sync, and that an id starts with it if one is given; return the prefix.

    Raises:
        InvalidValue: the prefix is empty or no str, or the id does not start with it.
    """
    if not isinstance(scope, str) or not scope:
        raise InvalidValue("scope", f"must be a str that is not empty, such as 'tenant-7:', got {scope!r}")
    if ids_of is not None and not ids_of.startswith(scope.encode()):
        raise InvalidValue("desired", f"has a task whose id {ids_of.decode()!r} does not start with scope={scope!r}")
    return scope

"""The sync: it makes the tasks of a prefix equal to a desired set.

::

    desired ──▶ looked up ──▶ new or different: assigned ──┐
                     └──────▶ the same: left alone ────────┴──▶ marked as wanted, in Redis
    then all scheduled tasks of the prefix that are not marked are counted, if there is a limit, and removed

They are found by the index of the hash tag, if the prefix has a whole one; else by a walk over all tasks.

The wanted tasks are marked at their homes, and not in this process: so its memory is bounded for any number of tasks.
If a sync dies, its marks expire, and its changes do no harm: the next sync completes them. A lock lets one sync of a
prefix run at a time, since two syncs with different sets would remove each other's tasks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

import anyio

from ..errors import InvalidValue
from ..model.assignment import Assignment, NeverRuns
from ..model.checks import check_prefix
from ..model.desired import SyncLimits, is_same
from ..model.reports import SyncChange, SyncCounts, SyncPlan
from ..storage.marks import MAX_BATCH, MAX_BATCH_BYTES, Marks, Partition, Partitions, Prefix
from .locks import Locks

Item = TypeVar("Item")

#: The time after which the next sync may begin if the present one dies, in seconds.
_LOCK_SECONDS: Final = 30
#: The most changes that a plan names one by one.
_CHANGES_KEPT: Final = 10_000


async def sync(
    partitions: Partitions,
    locks: Locks,
    calls: Iterable[Assignment] | AsyncIterable[Assignment],
    scope: str,
    grid_ms: int,
    retry_for_seconds: float,
    limits: SyncLimits,
) -> SyncPlan:
    """Make the tasks whose ids start with `scope` equal to those that `calls` assign; see `Scheduler.sync_tasks`.

    Raises:
        PartitionOffline: a partition where tasks of the scope can be is offline; nothing was changed.
        InvalidValue: there are no calls, or one is for a task that would never run; the others are carried out.
        TooManyRemovals: more tasks than the limit would be removed.
    """
    for partition in Prefix(partitions, scope).partitions():
        partition.require_online()

    async def carry_out(within: SyncLimits) -> _Sync:
        marks = Marks(partitions, retry_for_seconds)
        try:
            run = _Sync(partitions, marks, scope, grid_ms, within)
            await run.take_all(calls)
            within.check_count(run.desired)
            if within.max_removed is not None and not within.dry_run:
                within.check_removed(scope, *await run.removals())
            await run.sweep()
        finally:
            await marks.forget()
        return run

    async with locks.hold(f"sync:{scope}"[:128], _LOCK_SECONDS, None):
        if isinstance(calls, Sequence) and limits.max_removed is not None and not limits.dry_run:
            # A list can be read twice: if too much would be removed, nothing is changed at all.
            planned = await carry_out(replace(limits, dry_run=True))
            limits.check_removed(scope, planned.counts.removed, planned.scheduled)
        run = await carry_out(limits)
    if run.refused is not None:
        raise run.refused.to_error()
    return SyncPlan(run.counts, tuple(run.changes))


class _Sync:
    def __init__(self, partitions: Partitions, marks: Marks, scope: str, grid_ms: int, limits: SyncLimits) -> None:
        self._partitions = partitions
        self._marks = marks
        self._prefix = Prefix(partitions, scope)
        self._grid_ms = grid_ms
        self._is_dry = limits.dry_run
        #: The number of desired tasks so far, and of those of them that were scheduled before.
        self.desired = self._known = 0
        self._added = self._updated = self._unchanged = self._removed = 0
        self.changes: list[SyncChange] = []
        #: The answer for the first task that would never run.
        self.refused: NeverRuns | None = None

    @property
    def counts(self) -> SyncCounts:
        """The numbers of changes so far."""
        return SyncCounts(self._added, self._updated, self._unchanged, self._removed)

    @property
    def scheduled(self) -> int:
        """The number of tasks of the scope that were scheduled before, after the sweep."""
        return self._known + self._removed

    async def take_all(self, calls: Iterable[Assignment] | AsyncIterable[Assignment]) -> None:
        """Assign the tasks that are new or different, and mark all tasks as wanted."""
        async for chunk in _chunks(calls, lambda call: len(call.data)):
            await self._take(chunk)

    async def _take(self, calls: list[Assignment]) -> None:
        self.desired += len(calls)
        # Of an id that stands there twice, the last form counts: the next sync finds it, and leaves it alone.
        calls = list({call.id: call for call in calls}.values())
        known, same = await self._compare(calls)
        # The marks come first: the sweep would remove a task that is assigned and not marked.
        fresh = await self._marks.mark([call.id for call in calls])
        different: list[Assignment] = []
        for call, is_known, is_unchanged in zip(calls, known, same, strict=True):
            if call.id in fresh:  # else it stands there twice, and is one task all the same
                fresh.remove(call.id)
                self._known += is_known
            elif self._is_dry:
                continue
            if is_unchanged:
                self._unchanged += 1
            elif self._is_dry:
                self._count(call, is_new=not is_known)
            else:
                different.append(call)
        answers: list[bool | NeverRuns] = [*await asyncio.gather(*map(self._partitions.assign, different))]
        for call, answer in zip(different, answers, strict=True):
            if isinstance(answer, NeverRuns):
                self.refused = self.refused or answer
            else:
                self._count(call, is_new=answer)

    async def _compare(self, calls: Sequence[Assignment]) -> tuple[list[bool], list[bool]]:
        """Look tasks up. Return for each if it is scheduled, and if it is as desired.

        Each record is let go of when it was compared: the answers come some at a time if they are heavy.
        """
        known, same = [], []
        rows = deque(self._partitions.look(call.id) for call in calls)
        try:
            for call in calls:
                row = await rows.popleft()
                known.append(row is not None)
                same.append(row is not None and is_same(call, row.record, self._grid_ms))
        finally:
            for left in rows:
                left.cancel()
            if rows:
                await asyncio.gather(*rows, return_exceptions=True)
        return known, same

    def _count(self, call: Assignment, *, is_new: bool) -> None:
        self._added += is_new
        self._updated += not is_new
        self._note("add" if is_new else "update", call.id)

    def _note(self, kind: Literal["add", "update", "remove"], raw_id: bytes) -> None:
        if self._is_dry and len(self.changes) < _CHANGES_KEPT:
            self.changes.append(SyncChange(kind, raw_id.decode(errors="backslashreplace")))

    async def removals(self) -> tuple[int, int]:
        """Count the tasks that the sweep would remove, and those of the scope that were scheduled before the sync."""
        unwanted = sum([len(ids) async for _, ids in self._unwanted()])
        return unwanted, self._known + unwanted

    async def sweep(self) -> None:
        """Remove the tasks without a mark, and wait until no run of them can start any more."""
        wait_ms = 0
        async for partition, ids in self._unwanted():
            if self._is_dry:
                self._removed += len(ids)
                for raw_id in ids:
                    self._note("remove", raw_id)
                continue
            remove = partition.remove.submit if self._marks.migration is None else self._partitions.remove
            done = await asyncio.gather(*map(remove, ids))
            self._removed += sum(one.was_scheduled for one in done)
            wait_ms = max(wait_ms, *(one.wait_ms for one in done), 0)
        await anyio.sleep(wait_ms / 1000)

    async def _unwanted(self) -> AsyncIterator[tuple[Partition, Sequence[bytes]]]:
        """Find the tasks of the scope without a mark, step by step."""
        async for partition, ids, _ in self._prefix.steps(marks=self._marks.on):
            yield partition, ids


async def _chunks(
    items: Iterable[Item] | AsyncIterable[Item], weigh: Callable[[Item], int]
) -> AsyncIterator[list[Item]]:
    """Yield the items in chunks that are bounded as batches are: in number, and in bytes or to one item."""
    chunk: list[Item] = []
    weight = 0
    async for item in _one_by_one(items):
        weight += weigh(item)
        if chunk and weight > MAX_BATCH_BYTES:
            yield chunk
            chunk, weight = [], weigh(item)
        chunk.append(item)
        if len(chunk) >= MAX_BATCH:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk


async def _one_by_one(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def check_scope(scope: object, ids_of: bytes | None = None) -> str:
    """Check the prefix of a sync, and that an id starts with it if one is given; return the prefix.

    Raises:
        InvalidValue: the prefix is empty, no str, or cannot be encoded; or the id does not start with it.
    """
    if not isinstance(scope, str) or not scope:
        raise InvalidValue("scope", f"must be a str that is not empty, such as 'tenant-7:', got {scope!r}")
    check_prefix("scope", scope)
    if ids_of is not None and not ids_of.startswith(scope.encode()):
        raise InvalidValue("desired", f"has a task whose id {ids_of.decode()!r} does not start with scope={scope!r}")
    return scope

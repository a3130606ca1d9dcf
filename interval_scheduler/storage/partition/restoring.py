"""Puts tasks of a backup back, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

from ...config.options import SchedulerOptions
from ..commands import backup
from ..commands.backup import NOT_THERE, RestoreBatch
from ..requests.callers import Callers
from ..requests.session import BatchSession, NotAllExist, Session
from ..scripts.ports import HasDetour
from .group_tags import GroupTags


class Restores:
    """The functions that send such batches to one partition; each gets one, since it concerns many tasks.

    Args:
        partition: the partition.
        options: the scheduler's options.
        session: numbers all changes of this scheduler to the partition.
        tags: refuses tasks of bounded groups without a hash tag.
    """

    def __init__(self, partition: HasDetour, options: SchedulerOptions, session: Session, tags: GroupTags) -> None:
        self._partition = partition
        self._session = session
        self._tags = tags
        self._replicas = options.storage.wait_replicas

    async def restore(self, batches: Sequence[RestoreBatch], callers: Callers) -> Sequence[str]:
        """Put a batch back, once the waiting hints are applied, which came before. Return a flag for each task."""
        detour = self._partition.detour
        if detour is not None and detour.in_between:
            await detour.passable()
        return [await self._send(batch, callers, if_exists=False) for batch in batches]

    async def restore_if_exists(self, batches: Sequence[RestoreBatch], callers: Callers) -> Sequence[str]:
        """Put back those tasks of a batch that exist at this partition; the flag of any other is `NOT_THERE`."""
        return [await self._send_existing(batch, callers) for batch in batches]

    async def _send_existing(self, batch: RestoreBatch, callers: Callers) -> str:
        flags = [NOT_THERE] * len(batch.entries)
        positions = list(range(len(flags)))
        while positions:
            some = RestoreBatch([batch.entries[position] for position in positions], batch.replace)
            try:
                found = await self._send(some, callers, if_exists=True)
            except NotAllExist as refused:
                # Some more may be gone by the time of the next try, but none comes back.
                positions = [position for position, exists in zip(positions, refused.flags, strict=True) if exists]
                continue
            for position, flag in zip(positions, found, strict=True):
                flags[position] = flag
            break
        return "".join(flags)

    async def _send(self, batch: RestoreBatch, callers: Callers, *, if_exists: bool) -> str:
        partition = self._partition
        partition.require_online()
        await self._tags.require([(entry.id, entry.group) for entry in batch.entries if entry.group is not None])
        session = BatchSession(self._session, callers, self._replicas, if_exists=if_exists)
        flags, earliest_ms = await backup.restore(session, partition.keys, batch)
        if earliest_ms >= 0 and partition.due_times.listeners:
            partition.announce(earliest_ms)
        if problem := self._session.not_replicated:
            raise problem
        return flags

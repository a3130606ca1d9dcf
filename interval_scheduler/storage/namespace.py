"""All tasks of the namespace: counts, lists, clears and pauses them; lists and purges the dead ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import NamedTuple

import anyio

from ..errors import NotConnected, StorageError, StorageRefused
from ..model.health import PartitionHealth, hints_wait
from ..model.steering import Note
from ..model.task import DeadTask, ScheduledTask, State
from ..support.at_once import at_once
from ..support.log import Log
from .ahead import read_ahead
from .commands import lookup, sync
from .commands.assigning import START_WINDOW_MS
from .commands.control import PauseChange, Purge
from .commands.lookup import DeadRow, PageMark, StateSet
from .listing import PAGE, Located, merged
from .mapping import to_dead_task, to_scheduled_task
from .partitions import Links, Partition, Partitions, QueueOf
from .prefixes import Found, Prefix
from .requests.batching import MAX_BATCH

__all__ = ["Cleared", "Found", "Links", "Namespace", "Partition", "Partitions", "Prefix", "QueueOf", "TaskCounts"]


class TaskCounts(NamedTuple):
    """The number of tasks, and of those that are due now."""

    tasks: int
    due_now: int


class Cleared(NamedTuple):
    """The number of tasks taken off, and for how many ms a run that was claimed before may still start."""

    removed: int
    wait_ms: int


class Namespace:
    """All tasks of a namespace.

    Args:
        partitions: the partitions.
        log: the log for tasks that are left out of a list.
    """

    def __init__(self, partitions: Partitions, log: Log) -> None:
        self._partitions = partitions
        self._log = log

    async def get(self, raw_id: bytes) -> ScheduledTask | None:
        """Look a task up.

        Raises:
            StorageRefused: its record cannot be read.
        """
        partition, row = await self._partitions.locate(raw_id)
        return None if row is None else to_scheduled_task(partition.name, row)

    async def get_dead(self, raw_id: bytes) -> DeadTask | None:
        """Look a dead task up."""
        found = await self._partitions.locate_dead(raw_id)
        return None if found is None else to_dead_task(found[0].name, found[1])

    async def examine(self, timeout_seconds: float) -> tuple[PartitionHealth, ...]:
        """Inspect all partitions at once, and count the hints that wait. Raises nothing.

        Args:
            timeout_seconds: the longest time that it may take.
        """
        found: dict[Partition, PartitionHealth] = {}
        waiting: dict[Partition, int] = {}

        async def examine(partition: Partition) -> None:
            found[partition] = await partition.examine()

        async def count_hints() -> None:
            with contextlib.suppress(StorageError, NotConnected), anyio.move_on_after(timeout_seconds):
                waiting.update(await self._partitions.hint_counts())

        partitions = self._partitions.all
        async with anyio.create_task_group() as group:
            group.start_soon(count_hints)
            for partition in partitions:
                group.start_soon(examine, partition)
        for partition, count in waiting.items():
            if count and partition in found:
                health = found[partition]
                found[partition] = replace(health, findings=(*health.findings, hints_wait(partition.name, count)))
        return tuple(found[partition] for partition in partitions)

    async def sizes(self) -> TaskCounts:
        """Count the tasks of all partitions, and those that are due now; all partitions are asked at once."""
        self._partitions.require_online()
        sizes = await asyncio.gather(*[partition.size.submit(None) for partition in self._partitions.all])
        return TaskCounts(sum(each.tasks for each in sizes), sum(each.due_now for each in sizes))

    async def clear(self, note: Note | None = None) -> Cleared:
        """Take every task off the schedule; `note` is what the log of actions is to say of it."""
        await self._partitions.apply_hints()
        removed, any_leased = 0, False
        migration = self._partitions.migration
        # Tasks in transit between two partitions arrive after the first round, so there is a second one.
        for _ in range(1 if migration is None else 2):
            # All at once: so no call that is made later takes effect before, at any partition.
            partitions = self._partitions.all
            for partition, each in zip(
                partitions, await asyncio.gather(*[each.clear.submit(note) for each in partitions]), strict=True
            ):
                removed += each.removed
                any_leased = any_leased or each.any_leased
                if each.are_tags_left:
                    await self._drop_tags(partition)
            if migration is not None:
                for partition in migration.old:
                    await migration.forward(partition)
        return Cleared(removed, START_WINDOW_MS if any_leased else 0)

    @staticmethod
    async def _drop_tags(partition: Partition) -> None:
        """Unlink what is left of the index of cleared tasks; nobody finds it any more, so a failure does no harm."""
        with contextlib.suppress(StorageError):
            while await sync.drop_tags(partition.gate):
                pass

    async def pause_all(self, note: Note | None = None, *, keeps: bool = False) -> None:
        """Pause all partitions; `note` tells who asks for it, and why. With `keeps`, a pause that is there stays."""
        await self._set_paused(note, pause=True, keeps=keeps)

    async def resume_all(self, note: Note | None = None) -> None:
        """Resume all partitions; `note` tells who asks for it."""
        await self._set_paused(note, pause=False)

    async def _set_paused(self, note: Note | None, *, pause: bool, keeps: bool = False) -> None:
        for partition in self._partitions.all:
            partition.require_online()
        master = self._partitions.master  # its log tells of what concerns all
        changes = [
            (each, PauseChange(pause, note, is_noted=each is master, keeps=keeps)) for each in self._partitions.all
        ]
        await asyncio.gather(*[partition.pause.submit(change) for partition, change in changes])

    async def purge_dead(self, note: Note | None = None) -> int:
        """Delete all dead tasks; return how many there were. `note` is what the log of actions is to say of it."""

        async def purge(partition: Partition) -> int:
            forgotten = 0
            while some := await partition.purge_dead.submit(Purge(MAX_BATCH, note)):
                forgotten += some
            return forgotten

        return sum(await at_once(map(purge, self._partitions.all)))

    async def dead_tasks(self) -> AsyncGenerator[DeadTask, None]:
        """List the dead tasks, partition by partition, the oldest first."""
        for partition in self._partitions.all:

            async def read(
                after: PageMark | None, partition: Partition = partition
            ) -> tuple[Sequence[DeadRow], PageMark | None]:
                return await lookup.dead_page(partition.gate, PAGE, after)

            async with aclosing(read_ahead(read, None)) as pages:
                async for rows in pages:
                    for row in rows:
                        yield to_dead_task(partition.name, row)

    async def tasks(self, state: State | None, prefix: str) -> AsyncGenerator[Sequence[ScheduledTask], None]:
        """List tasks page by page: the leased, the waiting in due order, the paused; or only those in one state.

        With a prefix, only those whose ids start with it. A task whose record cannot be read is left out, and written
        to the log.
        """
        raw = prefix.encode()
        async with aclosing(self._rows(state, Prefix(self._partitions, prefix))) as pages:
            async for rows in pages:
                yield self._to_tasks([found for found in rows if found[1].id.startswith(raw)] if raw else rows)

    def _to_tasks(self, rows: Located) -> Sequence[ScheduledTask]:
        found = []
        for partition, row in rows:
            try:
                found.append(to_scheduled_task(partition.name, row))
            except StorageRefused as error:
                self._log.error("left out of the list: %s", error)
        return found

    async def _rows(self, state: State | None, prefix: Prefix) -> AsyncGenerator[Located, None]:
        if prefix.has_tag and (places := await prefix.places(state)) is not None:
            async with aclosing(prefix.rows(places, state)) as pages:
                async for page in pages:
                    yield page
            return
        state_sets: Sequence[tuple[StateSet, State]] = (
            ("leased", "leased"),
            ("parked", "waiting"),
            ("waiting", "waiting"),
            ("paused", "paused"),
        )
        for state_set, its_state in state_sets:
            if state in (None, its_state):
                async with aclosing(merged(self._partitions.all, state_set)) as pages:
                    async for page in pages:
                        yield page

"""The lines of a backup: walks over all tasks, or over those with a prefix, wherever they are.

::

    header ──▶ partition by partition, in steps of about 250 tasks, the next one asked for ahead ──▶ trailer

Each step is atomic; the backup is not: a task that is changed meanwhile has its state from before or after that. During
a migration the old homes come before the new ones, as in `prefixes.py`, so that no task is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from ..model import backup_writing
from ..model.backup_writing import Unreadable
from ..model.steering import to_paused
from ..model.wire import readable
from ..support.log import Log
from .ahead import read_ahead
from .commands import actions, backup
from .commands.backup import Exported
from .partition.partition import Partition
from .partitions import Migration, Partitions
from .prefixes import Prefix

#: About the number of tasks of one step.
_STEP: Final = 250


async def export(
    partitions: Partitions, namespace: str, prefix: str, log: Log
) -> AsyncGenerator[Sequence[bytes], None]:
    """Yield the lines of a backup, some at a time.

    Args:
        partitions: the partitions.
        namespace: the name of the namespace.
        prefix: how the ids of the tasks begin; empty for all, and for the pause and the quotas.
        log: the log for tasks that are left out, since they cannot be read.

    Raises:
        PartitionOffline: a partition is offline.
    """
    migration = partitions.migration
    places = Prefix(partitions, prefix).partitions()
    for partition in (partitions.master, *places):
        partition.require_online()
    paused = quotas = reason = None
    if not prefix:
        quotas = await partitions.quotas.read()
        states = await asyncio.gather(*[backup.export(each.gate, b"0", 0) for each in places])
        paused = any(state.is_paused for state, _ in states)
        if paused and (raw := await actions.read_pause(partitions.master.gate)):
            reason = to_paused(raw).reason
    now_ms = await partitions.master.now_ms()
    yield [backup_writing.header(namespace, now_ms, prefix, paused=paused, quotas=quotas, reason=reason)]
    writer = _Writer(migration, log)
    for partition in places:
        if migration is not None:
            for old in migration.old:
                await migration.forward(old)
        async with aclosing(_steps(partition, prefix.encode())) as steps:
            async for step in steps:
                yield writer.lines(partition, step)
    yield [backup_writing.trailer(writer.count, writer.left_out)]


class _Writer:
    """Writes the lines of tasks, each task once while tasks move, and counts them."""

    def __init__(self, migration: Migration | None, log: Log) -> None:
        self._migration = migration
        self._log = log
        self._told = set[bytes]()
        self.count = self.left_out = 0

    def lines(self, partition: Partition, step: Exported) -> Sequence[bytes]:
        lines = []
        for raw_id, record, place, extras in step.tasks:
            if self._migration is not None and self._was_told(self._migration, raw_id):
                continue
            try:
                lines.append(backup_writing.task(raw_id, record, place, extras))
            except Unreadable as error:
                self.left_out += 1
                task_id = readable(raw_id)
                self._log.error("left out of the backup: task %r of partition %s: %s", task_id, partition.name, error)
        self.count += len(lines)
        return lines

    def _was_told(self, migration: Migration, raw_id: bytes) -> bool:
        if not migration.changes_home(raw_id):
            return False
        if raw_id in self._told:
            return True
        self._told.add(raw_id)
        return False


async def _steps(partition: Partition, prefix: bytes) -> AsyncGenerator[Exported, None]:
    async def read(cursor: bytes) -> tuple[Exported, bytes | None]:
        return await backup.export(partition.gate, cursor, _STEP, prefix)

    async with aclosing(read_ahead(read, b"0")) as steps:
        async for step in steps:
            yield step

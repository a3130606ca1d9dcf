"""The runs that ended, as far as they are kept: the history of a task, and the failing tasks of all partitions."""

from __future__ import annotations

import asyncio
from typing import Final

from ..errors import StorageRefused
from ..model.past import BadHistory, PastRun, read_history
from ..model.policy import BadPolicy, of_header
from ..model.reports import TaskPage
from ..model.task import ScheduledTask
from ..model.wire import readable
from ..support.at_once import at_once
from ..support.log import Log
from .commands import history, lookup
from .commands.history import FailedAt
from .commands.lookup import Row
from .mapping import to_scheduled_task
from .partitions import Partition, Partitions

__all__ = ["FailedAt", "History"]

#: A task that moves is looked for so often: at its old home, on its way, and at its new one.
_MOST_HOMES: Final = 3


class History:
    """The part of the storage that knows ended runs.

    Args:
        partitions: the partitions.
        log: the log for tasks that are left out of a page.
    """

    def __init__(self, partitions: Partitions, log: Log) -> None:
        self._partitions = partitions
        self._log = log

    async def runs(self, raw_id: bytes) -> tuple[PastRun, ...]:
        """Read the last runs of a task, the latest first; none for a task that does not ask for them.

        Raises:
            StorageRefused: they cannot be read.
        """
        for _ in range(_MOST_HOMES):
            partition, row = await self._partitions.locate(raw_id)
            kept = await history.run_history(partition.gate, raw_id)
            if kept.header or row is None:
                break  # else it has moved on since it was located
        if not kept.runs:
            return ()
        try:
            return read_history(kept.runs)[: of_header(kept.header).history]
        except (BadHistory, BadPolicy) as problem:
            task_id = readable(raw_id)
            raise StorageRefused(
                partition.name, "CORRUPT", f"the history of task {task_id!r} cannot be read: {problem}"
            ) from None

    async def failing_page(self, after: FailedAt | None, limit: int, *, newest_first: bool) -> TaskPage:
        """List failing tasks of all partitions in the order in which they last failed.

        A task whose record cannot be read is left out, and written to the log.
        """
        partitions = self._partitions.all
        pages = await asyncio.gather(
            *(history.failing(partition.gate, limit, after, newest_first=newest_first) for partition in partitions)
        )
        merged = sorted(
            ((place, partition) for partition, page in zip(partitions, pages, strict=True) for place in page),
            key=lambda found: found[0],
            reverse=newest_first,
        )
        may_follow = len(merged) > limit or any(len(page) == limit for page in pages)
        shown = merged[:limit]
        rows: dict[bytes, Row | None] = {}

        async def look(partition: Partition) -> None:
            ids = [place.raw_id for place, home in shown if home is partition]
            while ids:
                found = await lookup.look(partition.gate, ids)
                rows.update(zip(ids, found, strict=False))
                ids = ids[len(found) :]

        await at_once(map(look, partitions))
        tasks = [self._task(partition, rows[place.raw_id]) for place, partition in shown]
        last = shown[-1][0] if shown and may_follow else None
        return TaskPage(
            tuple(task for task in tasks if task is not None),
            None if last is None else f"{last.when_ms} {readable(last.raw_id)}",
        )

    def _task(self, partition: Partition, row: Row | None) -> ScheduledTask | None:
        if row is None:  # it was removed since, or died
            return None
        try:
            return to_scheduled_task(partition.name, row)
        except StorageRefused as error:
            self._log.error("left out of the page: %s", error)
            return None

"""Rows of Redis as the application sees them."""

from __future__ import annotations

from ..errors import StorageRefused
from ..task import ScheduledTask
from .commands import Row
from .records import CorruptRecord, parse


def to_scheduled_task(partition: str, row: Row) -> ScheduledTask:
    """A row as a `ScheduledTask`.

    Raises:
        StorageRefused: its record cannot be read.
    """
    try:
        record = parse(row.record)
    except CorruptRecord as error:
        task_id = row.id.decode(errors="replace")
        raise StorageRefused(partition, "CORRUPT", f"the record of task {task_id!r} cannot be read: {error}") from None
    return ScheduledTask(
        id=row.id.decode(),
        data=record.data,
        every=None if record.every_ms is None else record.every_ms / 1000,
        next_run=row.due_ms / 1000,
        state="leased" if row.is_leased else "waiting",
        attempt=row.failed + 1,
        partition=partition,
    )

"""Rows of Redis as the application sees them."""

from __future__ import annotations

from ..errors import StorageRefused
from ..model.jitter import occurrence_at
from ..model.policy import BadPolicy, of_header
from ..model.records import CorruptRecord, parse
from ..model.rules import phase_of, rules_of
from ..model.task import DeadTask, ScheduledTask
from ..model.wire import readable
from .commands.lookup import DeadRow, Row


def to_scheduled_task(partition: str, row: Row) -> ScheduledTask:
    """Convert a row to a `ScheduledTask`.

    Raises:
        StorageRefused: its record cannot be read.
    """
    try:
        record = parse(row.record)
        policy = of_header(record.header)
    except (CorruptRecord, BadPolicy) as error:
        task_id = readable(row.id)
        raise StorageRefused(partition, "CORRUPT", f"the record of task {task_id!r} cannot be read: {error}") from None
    spread = record.every_ms is not None and record.phase_ms == phase_of(row.id, record.every_ms)
    planned_ms = row.due_ms
    if policy.jitter_ms is not None and record.every_ms is not None and record.phase_ms is not None:
        planned_ms = occurrence_at(policy, row.id, record.every_ms, record.phase_ms, row.due_ms)
    return ScheduledTask(
        id=readable(row.id),
        data=record.data,
        every=None if record.every_ms is None else record.every_ms / 1000,
        next_run=row.due_ms / 1000,
        state=row.state,
        attempt=row.failed + 1,
        partition=partition,
        cron=policy.cron,
        timezone=policy.zone or "UTC",
        group=policy.group,
        failures=row.failures,
        claimed_at=None if row.claimed_us is None else row.claimed_us / 1e6,
        repeat="delay" if record.fixed_delay else "rate",
        rules=rules_of(policy, spread=spread),
        planned=None if planned_ms == row.due_ms else planned_ms / 1000,
    )


def to_dead_task(partition: str, row: DeadRow) -> DeadTask:
    """Convert a row to a `DeadTask`; a corrupt record becomes its data unchanged."""
    try:
        data: str | bytes = parse(row.record).data
    except CorruptRecord:
        data = row.record
    return DeadTask(readable(row.id), data, row.error, row.attempts, row.died_ms / 1000, partition)

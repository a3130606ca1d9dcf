"""Rows of Redis as the application sees them."""

from __future__ import annotations

from typing import Final

from ..errors import StorageRefused
from ..model.checks import Repeat
from ..model.jitter import occurrence_at
from ..model.past import BadHistory, PastRun, read_runs
from ..model.plain import plain_task
from ..model.policy import PLAIN, BadPolicy, of_header
from ..model.records import PLAIN_HEADER, CorruptRecord, parse
from ..model.rules import NO_RULES, phase_of, rules_of
from ..model.steering import to_paused
from ..model.task import DeadTask, ScheduledTask
from ..model.wire import LATEST_MS, readable, whole
from .commands.lookup import DeadRow, Row

#: What the row of a waiting task has beyond its id, record and due time, if nothing of it failed yet.
_NOTHING_ELSE: Final = Row(b"", b"", 0, "waiting", 0)[3:]
_SPREAD: Final = rules_of(PLAIN, spread=True)


def to_scheduled_task(partition: str, row: Row) -> ScheduledTask:
    """Convert a row to a `ScheduledTask`.

    Raises:
        StorageRefused: its record cannot be read.
    """
    if row[3:] == _NOTHING_ELSE and (plain := _plain(partition, row)) is not None:  # nearly always
        return plain
    try:
        record = parse(row.record)
        policy = of_header(record.header)
    except (CorruptRecord, BadPolicy) as problem:
        task_id = readable(row.id)
        raise StorageRefused(
            partition, "CORRUPT", f"the record of task {task_id!r} cannot be read: {problem}"
        ) from None
    failed_at, error = _cause(row.cause)
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
        last_error=error,
        failed_at=failed_at,
        # A task that asks for none any more may have runs from before.
        last_run=_last_run(row.last_run) if policy.history else None,
        phase=None if record.phase_ms is None else record.phase_ms / 1000,
        rounding=record.grid_ms / 1000,
        paused=None if row.pause is None else to_paused(row.pause),
    )


def _plain(partition: str, row: Row) -> ScheduledTask | None:
    """Convert the row of a task that waits, and of which nothing failed; `None` if it has rules, or cannot be read."""
    raw_id, record, due_ms = row[:3]
    found = PLAIN_HEADER.match(record)
    if found is None:
        return None
    kind, delay, every, phase, grid = found.groups()
    data: str | bytes = record[found.end() :]
    try:
        task_id = raw_id.decode()
        if kind == b"s":
            data = data.decode()  # type: ignore[union-attr]
    except UnicodeDecodeError:
        return None
    repeat: Repeat = "delay" if delay else "rate"
    if every is None:
        return plain_task(task_id, data, None, due_ms / 1000, repeat, NO_RULES, partition)
    every_ms, phase_ms = int(every), int(phase)
    rules = _SPREAD if phase_ms == phase_of(raw_id, every_ms) else NO_RULES
    rounding = 0.0 if grid is None else int(grid) / 1000
    return plain_task(
        task_id, data, every_ms / 1000, due_ms / 1000, repeat, rules, partition, phase_ms / 1000, rounding
    )


def _last_run(raw: bytes | None) -> PastRun | None:
    """Return the last run of a history; `None` if it cannot be read, of which an audit tells."""
    try:
        return read_runs(raw)[0] if raw else None
    except BadHistory:
        return None


def _cause(raw: bytes | None) -> tuple[float | None, str | None]:
    """Return when a task failed, in epoch seconds, and its error; twice `None` for one that did not."""
    if raw is None:
        return None, None
    when, _, text = raw.partition(b" ")
    when_ms = whole(when)
    if when_ms is None:
        when_ms, text = 0, raw  # somebody else wrote it
    return min(when_ms, LATEST_MS) / 1000, text.decode(errors="replace")


def to_dead_task(partition: str, row: DeadRow) -> DeadTask:
    """Convert a row to a `DeadTask`; a corrupt record becomes its data unchanged."""
    try:
        data: str | bytes = parse(row.record).data
    except CorruptRecord:
        data = row.record
    return DeadTask(readable(row.id), data, row.error, row.attempts, row.died_ms / 1000, partition)

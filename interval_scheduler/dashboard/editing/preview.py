"""The next runs of a task as a form would have it, by the arithmetic of the library. Pure functions.

::

    a start, an expression, an interval for an expression ─▶ as a new task that is assigned now
    another interval ─────────────────────────────────────▶ one new interval after the time before the next run
    another jitter ───────────────────────────────────────▶ drawn anew, from the same time on the grid
    all else ─────────────────────────────────────────────▶ the next run stays
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ... import IntervalTask, ScheduledTask, next_runs


def coming(
    found: ScheduledTask, wanted: IntervalTask, changes: Mapping[str, Any], count: int, now: datetime
) -> list[datetime]:
    """Return the next runs of a task that is changed now, as `update_task` moves it; none of one that is paused.

    Args:
        found: the task as it is.
        wanted: the task as it will be.
        changes: what is given to `update_task`.
        count: the most runs.
        now: the present moment.

    Raises:
        InvalidValue: its cron expression or its time zone cannot be read here, or its last moment comes before its next
            run.
    """
    if found.state == "paused" or found.paused is not None:
        return []
    return next_runs(_course(found, wanted, changes, now), count, now)


def _course(
    found: ScheduledTask, wanted: IntervalTask, changes: Mapping[str, Any], now: datetime
) -> IntervalTask | ScheduledTask:
    every: Any = wanted.every
    has_new_calendar = wanted.rules.cron is not None and not {"cron", "timezone"}.isdisjoint(changes)
    if "start" in changes or has_new_calendar or (found.cron is not None and every is not None):
        return wanted
    on_grid = found.next_run if found.planned is None else found.planned
    if found.state != "leased" and every is not None and found.every is not None:
        if "every" in changes:
            before = on_grid - found.every
            return _from(wanted, before + 0.001 if wanted.rules.spread else before + every)
        if wanted.rules.jitter is not None and not {"jitter", "until"}.isdisjoint(changes):
            return _from(wanted, on_grid)
    rules, phase = wanted.rules, found.phase
    if every is not None and wanted.rules.spread:
        phase = next_runs(IntervalTask(found.id, every=every, spread=True), 1, now)[0].timestamp() % every
    elif every is not None and "every" in changes:
        phase = on_grid % every
    return replace(
        found, every=every, cron=rules.cron, repeat=wanted.repeat, rules=rules, group=rules.group, phase=phase
    )


def _from(task: IntervalTask, start: float) -> IntervalTask:
    return replace(task, start=datetime.fromtimestamp(start, UTC))

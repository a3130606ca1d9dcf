"""The next runs of a task as a form would have it, by the arithmetic of the library. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ... import IntervalTask, ScheduledTask, next_runs

_OF_TIMES = frozenset({"every", "cron", "timezone", "start", "spread"})


def coming(
    found: ScheduledTask, wanted: IntervalTask, changes: Mapping[str, Any], count: int, now: datetime
) -> list[datetime]:
    """Return the next runs of a task that is changed now, as `update_task` moves it.

    Args:
        found: the task as it is.
        wanted: the task as it will be.
        changes: what is given to `update_task`.
        count: the most runs.
        now: the present moment.

    Raises:
        InvalidValue: its cron expression or its time zone cannot be read here.
    """
    every: Any = wanted.every
    if found.state == "paused" or (found.paused and found.state != "leased"):
        return []
    if not _OF_TIMES & {*changes} or ("start" not in changes and every is None and wanted.rules.cron is None):
        stays = replace(
            found,
            every=every,
            cron=wanted.rules.cron,
            repeat=wanted.repeat,
            rules=wanted.rules,
            group=wanted.rules.group,
        )
        return next_runs(stays, count, now)
    if "start" in changes or wanted.rules.cron is not None:
        return next_runs(wanted, count, now)
    # Another interval, or another phase of it: from the time before the next run on.
    planned = found.next_run if found.planned is None else found.planned
    before = planned if found.every is None else planned - found.every
    if found.state == "leased":
        before = planned
    start = before if wanted.rules.spread else before + every
    return next_runs(replace(wanted, start=start), count, now)

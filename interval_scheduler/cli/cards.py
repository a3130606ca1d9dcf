"""The card of a task: all that there is to say about it, by name."""

from __future__ import annotations

from typing import Any

from .. import DeadTask, ScheduledTask
from .output import Output
from .words import moment_of, pause_of, repetition_of, rules_of


def task_card(task: ScheduledTask, out: Output) -> dict[str, Any]:
    """Return the fields of a scheduled task that have something to say, in the order in which people read them."""
    last = task.last_run
    fields: dict[str, Any] = {
        "id": task.id,
        "state": task.state,
        "next run": moment_of(task.next_run),
        "runs": repetition_of(task.every, task.cron, task.timezone),
        "rules": rules_of(task) or None,
        "group": task.group,
        "partition": task.partition,
        "attempt": task.attempt if task.attempt > 1 else None,
        "failures": task.failures or None,
        "claimed": moment_of(task.claimed_at),
        "paused": task.paused and pause_of(task.paused, out.moment),
        "failed": moment_of(task.failed_at),
        "last error": task.last_error,
        "last run": last and f"{out.cell(last.started_at)}, {last.outcome}",
        "payload": task.data,
    }
    return {name: value for name, value in fields.items() if value is not None}


def dead_card(task: DeadTask) -> dict[str, Any]:
    """Return the fields of a dead task."""
    return {
        "id": task.id,
        "state": "dead",
        "died": moment_of(task.died_at),
        "error": task.error,
        "attempts": task.attempts,
        "partition": task.partition,
        "payload": task.data,
    }

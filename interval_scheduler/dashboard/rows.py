"""Tasks as rows of a table: what a list shows of each. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import ScheduledTask
from ..cli.output.words import moment_of, repetition_of, rules_of


def rows_of(tasks: Iterable[ScheduledTask]) -> list[Mapping[str, Any]]:
    """Return the rows of tasks. No payload is in them: only the page of a task shows that."""
    return [
        {
            "id": task.id,
            "state": task.state,
            "next_run": moment_of(task.next_run),
            "claimed_at": moment_of(task.claimed_at),
            "runs": repetition_of(task.every, task.cron, task.timezone),
            "rules": rules_of(task),
            "group": task.group,
            "attempt": task.attempt,
            "failures": task.failures,
            "last_error": task.last_error,
            "partition": task.partition,
        }
        for task in tasks
    ]

"""`next`: the next runs of a task, or of a rule that is not assigned yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import run_async, task_of
from ..frame.exits import NO, Ended
from ..frame.settings import Settings, common
from ..options.durations import span_text
from ..options.rules import given, repetition
from ..output.output import Output


@click.command("next")
@click.argument("id", required=False)
@click.option("--count", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many runs.")
@repetition
@common
def next_(settings: Settings, *, id: str | None, count: int, **options: Any) -> None:
    """Show the next runs of the task ID, or of what --every or --cron says, which needs no server.

    Exit code 1 if there is no such task, or if it does not run again.
    """
    asked = given(options)
    if (id is None) == (not asked):
        raise click.UsageError("Give either the ID of a task, or --every or --cron.")
    if id is None and "every" not in asked and "cron" not in asked:
        raise click.UsageError("Say when it runs: --every or --cron.")
    task = interval_scheduler.IntervalTask("a task", **asked) if id is None else run_async(task_of(settings, id))
    runs = interval_scheduler.next_runs(task, count)
    if not runs:
        raise Ended(NO, "It does not run again.")
    now = datetime.now(UTC)
    rows = ((run, span_text((run - now).total_seconds())) for run in runs)
    Output(settings).rows(("run", "in"), rows, ({"run": run.timestamp()} for run in runs))

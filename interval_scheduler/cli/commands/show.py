"""`show`: one task with its state, times, rules and payload."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..connecting import reading, run_async
from ..exits import NO, Ended
from ..output import Output
from ..settings import Settings, common
from ..words import moment_of, pause_of, repetition_of, rules_of


@click.command("show")
@click.argument("id")
@click.option("--payload", is_flag=True, help="Write the payload alone.")
@click.option("--raw", is_flag=True, help="Write the payload alone, byte by byte, without an end of line.")
@common
def show(settings: Settings, *, id: str, payload: bool, raw: bool) -> None:
    """Show the task with the id ID; exit code 1 if there is none."""
    run_async(_show(settings, id, payload=payload, raw=raw))


async def _show(settings: Settings, task_id: str, *, payload: bool, raw: bool) -> None:
    async with reading(settings) as scheduler:
        task = await scheduler.get_task(task_id)
    if task is None:
        raise Ended(NO, f"There is no task {task_id!r}.")
    out = Output(settings)
    if raw:
        sys.stdout.buffer.write(task.data.encode() if isinstance(task.data, str) else task.data)
        return
    if payload:
        out.value(task.data, out.cell(task.data))
        return
    last = task.last_run
    rows: dict[str, Any] = {
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
    out.record(task, {name: value for name, value in rows.items() if value is not None})

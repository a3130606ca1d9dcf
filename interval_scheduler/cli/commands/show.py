"""`show`: one task with its state, times, rules and payload."""

from __future__ import annotations

import sys

import click

from ..frame.connecting import reading, run_async
from ..frame.exits import NO, Ended
from ..frame.settings import Settings, common
from ..output.cards import task_card
from ..output.output import Output


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
    out.record(task, task_card(task, out))

"""`show`: one task with its state, times, rules and payload."""

from __future__ import annotations

import sys

import click

from ..frame.connecting import run_async, task_of
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
    task, out = run_async(task_of(settings, id)), Output(settings)
    if raw:
        sys.stdout.buffer.write(task.data.encode() if isinstance(task.data, str) else task.data)
    elif payload:
        out.value(task.data, out.cell(task.data))
    else:
        out.record(task, task_card(task, out))

"""`export`: writes the tasks of a namespace or queue as a backup."""

from __future__ import annotations

import json

import click

from ..backup.files import STANDARD, writing
from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..output.output import Output
from ..output.progress import Progress


@click.command("export")
@click.argument("file", default=STANDARD)
@click.option("--prefix", default="", help="Export only tasks whose ids begin with it.")
@click.option("--gzip", is_flag=True, help="Pack the file by gzip.")
@common
def export(settings: Settings, *, file: str, prefix: str, gzip: bool) -> None:
    """Write all tasks with their state into FILE; - is the standard output.

    FILE has its name only when it is complete; until then it is FILE.part. A file of that name is replaced.
    """
    tasks, left_out = run_async(_export(settings, file, prefix, packed=gzip))
    out = Output(settings)
    if file != STANDARD:
        out.value({"file": file, "tasks": tasks, "left_out": left_out}, f"{tasks:,} tasks exported to {out.cell(file)}")
    if left_out:
        out.say(f"{left_out:,} tasks cannot be read and are left out: see 'interval-scheduler audit'.")


async def _export(settings: Settings, file: str, prefix: str, *, packed: bool) -> tuple[int, int]:
    async with connected(settings) as scheduler:
        of_all = "" if prefix else f" of {await scheduler.task_size():,}"
        with Progress(settings) as progress, writing(file, packed=packed) as plain:
            line, count = b"", -1  # the header and the trailer are no tasks
            async for line in scheduler.export(prefix):
                plain.write(line)
                count += 1
                if count % 1000 == 0:
                    progress.tell(f"{count:,}{of_all} tasks exported")
    trailer = json.loads(line)
    return trailer["tasks"], trailer["left_out"]

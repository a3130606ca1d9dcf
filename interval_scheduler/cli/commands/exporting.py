"""`export`: writes the tasks of a namespace or queue as a backup."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import click

from ..backup.files import STANDARD, writing
from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..output.output import Output
from ..output.progress import Progress

#: The most queues that are named.
_NAMED: Final = 10


@click.command("export")
@click.argument("file", default=STANDARD)
@click.option("--prefix", default="", help="Export only tasks whose ids begin with it.")
@click.option("--gzip", is_flag=True, help="Pack the file by gzip.")
@common
def export(settings: Settings, *, file: str, prefix: str, gzip: bool) -> None:
    """Write all tasks with their state into FILE; - is the standard output.

    It has the tasks of the namespace itself, or of --queue: each queue is exported into a file of its own.

    FILE has its name only when it is complete; until then it is FILE.part. A file of that name is replaced.
    """
    tasks, left_out, queues = run_async(_export(settings, file, prefix, packed=gzip))
    out = Output(settings)
    if file != STANDARD:
        out.value({"file": file, "tasks": tasks, "left_out": left_out}, f"{tasks:,} tasks exported to {out.cell(file)}")
    if left_out:
        out.say(f"{left_out:,} tasks cannot be read and are left out: see 'interval-scheduler audit'.")
    if queues:
        out.say(f"{_names(queues)} not in it: export each with --queue NAME, into a file of its own.")


async def _export(settings: Settings, file: str, prefix: str, *, packed: bool) -> tuple[int, int, list[str]]:
    async with connected(settings) as scheduler:
        queues = [] if settings.queue is not None else await scheduler.queues()
        of_all = "" if prefix else f" of {await scheduler.task_size():,}"
        with Progress(settings) as progress, writing(file, packed=packed) as plain:
            line, count = b"", -1  # the header and the trailer are no tasks
            async for line in scheduler.export(prefix):
                plain.write(line)
                count += 1
                if count % 1000 == 0:
                    progress.tell(f"{count:,}{of_all} tasks exported")
    trailer = json.loads(line)
    return trailer["tasks"], trailer["left_out"], queues


def _names(queues: Sequence[str]) -> str:
    named = ", ".join(map(repr, queues[:_NAMED]))
    more = f" and {len(queues) - _NAMED:,} more" if len(queues) > _NAMED else ""
    return f"The queue {named} is" if len(queues) == 1 else f"The queues {named}{more} are"

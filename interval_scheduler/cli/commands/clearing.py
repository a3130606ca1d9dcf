"""`clear`: removes all tasks of a namespace or queue."""

from __future__ import annotations

import click

from ..changing.asking import confirm_by_name
from ..changing.many import how_many, tell_count
from ..frame.connecting import connected, place_of, run_async
from ..frame.settings import Settings, common


@click.command("clear")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def clear(settings: Settings, *, yes: bool) -> None:
    """Remove all tasks of the namespace or the queue, dead ones too.

    On a terminal, the name has to be typed; elsewhere --yes has to be given. Queues of the namespace are not touched.
    """
    if not yes:
        count = run_async(_count(settings))
        confirm_by_name(settings, f"{how_many('remove', count)} of {place_of(settings)} for good", yes=False)
    tell_count(settings, "removed", run_async(_clear(settings)))


async def _count(settings: Settings) -> int:
    async with connected(settings) as scheduler:
        return await scheduler.task_size()


async def _clear(settings: Settings) -> int:
    async with connected(settings) as scheduler:
        return await scheduler.clear_all_tasks()

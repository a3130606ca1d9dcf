"""`clear`: removes all tasks of a namespace or queue."""

from __future__ import annotations

import click

from ..changing.asking import confirm_by_name
from ..changing.many import first_ids, how_many, tell_count, tell_dry_run
from ..frame.connecting import connected, place_of, run_async
from ..frame.settings import Settings, common


@click.command("clear")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@common
def clear(settings: Settings, *, yes: bool, dry_run: bool) -> None:
    """Remove all tasks of the namespace or the queue, dead ones too.

    On a terminal, the name has to be typed; elsewhere --yes has to be given. Queues of the namespace are not touched.
    """
    if dry_run:
        tell_dry_run(settings, "removed", *run_async(_foreseen(settings)))
        return
    if not yes:
        count, dead = run_async(_count(settings))
        forgotten = f", and forget {dead:,} dead," if dead else ""
        if count or dead:
            words = f"{how_many('remove', count)}{forgotten} of {place_of(settings)} for good"
            confirm_by_name(settings, words, yes=False)
    tell_count(settings, "removed", run_async(_clear(settings)))


async def _count(settings: Settings) -> tuple[int, int]:
    """Return the number of tasks that are scheduled, and of those that are dead."""
    async with connected(settings) as scheduler:
        return await scheduler.task_size(), (await scheduler.overview()).dead


async def _foreseen(settings: Settings) -> tuple[int, list[str]]:
    async with connected(settings) as scheduler:
        count = await scheduler.task_size()
        return count, await first_ids(scheduler, count)


async def _clear(settings: Settings) -> int:
    async with connected(settings) as scheduler:
        return await scheduler.clear_all_tasks()

"""`dead revive` and `dead clear`: they schedule dead tasks anew, and forget them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..changing.asking import confirm
from ..changing.changes import Forget, Revive
from ..changing.many import Find, change_found, how_many, tell_count
from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..options.setbacks import Wanted, filters, recent
from ..output.paging import PAGE, pages_of, tell_missing

_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.command("revive")
@filters
@_YES
@_DRY_RUN
@common
def revive(settings: Settings, *, wanted: Wanted, yes: bool, dry_run: bool) -> None:
    """Schedule dead tasks anew, due now, with all their attempts. Default: all of them.

    Exit code 1 if one of them is not dead any more.
    """
    change_found(settings, Revive(), _finder(wanted), kind="dead", yes=yes, dry_run=dry_run)


@click.command("clear")
@filters
@_YES
@_DRY_RUN
@common
def clear(settings: Settings, *, wanted: Wanted, yes: bool, dry_run: bool) -> None:
    """Forget dead tasks. Default: all of them.

    With --error-contains or --since they are forgotten one by one. Exit code 1 if one of these was scheduled again
    meanwhile: it stays.
    """
    if wanted == Wanted() and not dry_run:
        _clear_all(settings, yes=yes)
    else:
        change_found(settings, Forget(), _finder(wanted), kind="dead", yes=yes, dry_run=dry_run)


def _finder(wanted: Wanted) -> Find:
    async def find(scheduler: interval_scheduler.Scheduler) -> AsyncIterator[str]:
        away = set[str]()
        tasks = pages_of(lambda after: scheduler.dead_page(after, PAGE), away)
        async with aclosing(recent(tasks, wanted, lambda task: (task.error, task.died_at))) as pages:
            async for some in pages:
                for task in some:
                    yield task.id
        tell_missing(away, "dead tasks")

    return find


def _clear_all(settings: Settings, *, yes: bool) -> None:
    if not yes:
        count = run_async(_count(settings))
        confirm(how_many("forget", count, kind="dead"), yes=False)
    tell_count(settings, Forget.past, run_async(_clear(settings)))


async def _count(settings: Settings) -> int:
    async with connected(settings) as scheduler:
        overview = await scheduler.overview()
    tell_missing({each.name for each in overview.partitions if not each.online}, "dead tasks")
    return overview.dead


async def _clear(settings: Settings) -> int:
    async with connected(settings) as scheduler:
        return await scheduler.clear_dead_tasks()

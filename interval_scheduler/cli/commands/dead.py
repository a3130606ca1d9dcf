"""`dead`: tasks that were set aside. Here are the commands that look; those that change are in `dead_changes.py`."""

from __future__ import annotations

from typing import Final

import click

from ..frame.connecting import connected, run_async
from ..frame.exits import NO, Ended
from ..frame.lazy_group import LazyGroup, Places
from ..frame.settings import Settings, common
from ..options.setbacks import Wanted, filters, recent
from ..output.cards import dead_card
from ..output.output import Colored, Output
from ..output.paging import limited, page_size, pages_of, tell_missing, tell_rest, write
from ..output.words import moment_of

COMMANDS: Final[Places] = {
    "list": ("Look", "dead:list_", "List the tasks that were set aside, the newest first."),
    "show": ("Look", "dead:show", "Show one of them: its error and its payload."),
    "revive": ("Change", "dead_changes:revive", "Schedule dead tasks anew."),
    "clear": ("Change", "dead_changes:clear", "Forget dead tasks."),
}
_COLUMNS: Final = ("id", "died", "attempts", "error")


@click.group("dead", cls=LazyGroup, places=COMMANDS, default="list")
def dead() -> None:
    """List, show, revive and clear tasks that were set aside: their last attempt failed, or their record is corrupt.

    Without a command, they are listed.
    """


@click.command("list")
@filters
@limited
@click.option("--fail-if-any", is_flag=True, help="Exit code 1 if there are any, so that a monitor notices.")
@common
def list_(settings: Settings, *, wanted: Wanted, limit: int | None, fail_if_any: bool) -> None:
    """List the tasks that were set aside, the newest first."""
    run_async(_list(settings, wanted, limit, fail_if_any=fail_if_any))


@click.command("show")
@click.argument("id")
@common
def show(settings: Settings, *, id: str) -> None:
    """Show the dead task with the id ID; exit code 1 if there is none."""
    run_async(_show(settings, id))


async def _list(settings: Settings, wanted: Wanted, limit: int | None, *, fail_if_any: bool) -> None:
    out, away = Output(settings), set[str]()
    async with connected(settings) as scheduler:
        tasks = pages_of(lambda after: scheduler.dead_page(after, page_size(limit)), away)
        written = await write(
            out.table(_COLUMNS),
            recent(tasks, wanted, lambda task: (task.error, task.died_at)),
            lambda task: (task.id, moment_of(task.died_at), task.attempts, Colored(task.error, "red")),
            limit,
        )
    tell_rest(out, written, "dead tasks")
    if fail_if_any and written.rows:
        raise Ended(NO)
    tell_missing(away, "dead tasks")


async def _show(settings: Settings, task_id: str) -> None:
    async with connected(settings) as scheduler:
        task = await scheduler.get_dead_task(task_id)
    if task is None:
        raise Ended(NO, f"There is no dead task {task_id!r}.")
    Output(settings).record(task, dead_card(task))

"""`failing`: tasks whose last run failed and that go on."""

from __future__ import annotations

from typing import Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async, task_of
from ..frame.exits import NO, Ended
from ..frame.lazy_group import LazyGroup, Places
from ..frame.settings import Settings, common
from ..options.setbacks import Wanted, filters, recent
from ..output.cards import task_card
from ..output.output import Colored, Output
from ..output.paging import limited, page_size, pages_of, tell_missing, tell_rest, write
from ..output.words import moment_of

COMMANDS: Final[Places] = {
    "list": ("Look", "failing:list_", "List the tasks whose last run failed, the latest failure first."),
    "show": ("Look", "failing:show", "Show the error of one of them, and what comes next."),
}
_COLUMNS: Final = ("id", "failed", "failures", "attempt", "next", "error")
#: Columns that are left out on a terminal with fewer columns than this.
_WIDE: Final = {"attempt": 110, "next": 130}


@click.group("failing", cls=LazyGroup, places=COMMANDS, default="list")
def failing() -> None:
    """List and show tasks whose last run failed and that go on: they are tried again, or run at their next time.

    Without a command, they are listed.
    """


@click.command("list")
@filters
@limited
@click.option("--fail-if-any", is_flag=True, help="Exit code 1 if there are any, so that a monitor notices.")
@common
def list_(settings: Settings, *, wanted: Wanted, limit: int | None, fail_if_any: bool) -> None:
    """List the tasks whose last run failed and that go on, the latest failure first."""
    run_async(_list(settings, wanted, limit, fail_if_any=fail_if_any))


@click.command("show")
@click.argument("id")
@common
def show(settings: Settings, *, id: str) -> None:
    """Show why the task with the id ID fails; exit code 1 if there is none, or if its last run did not fail."""
    task, out = run_async(task_of(settings, id)), Output(settings)
    if task.failed_at is None:
        raise Ended(NO, f"The last run of the task {id!r} did not fail.")
    out.record(task, task_card(task, out))


async def _list(settings: Settings, wanted: Wanted, limit: int | None, *, fail_if_any: bool) -> None:
    out, away = Output(settings), set[str]()
    async with connected(settings) as scheduler:
        tasks = pages_of(lambda after: scheduler.failing_page(after, page_size(limit)), away)
        written = await write(
            out.table(_COLUMNS, wide=_WIDE),
            recent(tasks, wanted, lambda task: (task.last_error, task.failed_at)),
            _row,
            limit,
        )
    tell_rest(out, written, "failing tasks")
    if fail_if_any and written.rows:
        raise Ended(NO)
    tell_missing(away, "failing tasks")


def _row(task: interval_scheduler.ScheduledTask) -> tuple[object, ...]:
    return (
        task.id,
        moment_of(task.failed_at),
        task.failures,
        task.attempt,
        moment_of(task.next_run),
        Colored(task.last_error, "red"),
    )

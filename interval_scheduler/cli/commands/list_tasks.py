"""`list`: the scheduled tasks, while they are read."""

from __future__ import annotations

import heapq
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..options.times import Moment
from ..output.columns import COLUMNS, SHOWN, Columns, cells_of, value_of
from ..output.output import Output
from ..output.paging import limited, page_size, pages_of, tell_missing, tell_rest, write
from ..output.pauses import tell_pause

State = Literal["leased", "waiting", "paused"]

_STATES: Final[tuple[State, ...]] = ("leased", "waiting", "paused")
#: About the tasks that are looked at for one step of a search: some ms of the server.
_LOOKED_AT_ONCE: Final = 20_000

Pages = AsyncGenerator[Sequence["interval_scheduler.ScheduledTask"], None]


@dataclass(frozen=True)
class Wanted:
    """The tasks that are wanted.

    Attributes:
        states: in one of these states.
        prefix: with an id that begins with this.
        group: of this group; `None`: of any or none.
        after: due at this moment or later; `None`: whenever.
        before: due before this moment; `None`: whenever.
    """

    states: tuple[State, ...]
    prefix: str
    group: str | None
    after: datetime | None
    before: datetime | None

    def takes(self, task: interval_scheduler.ScheduledTask) -> bool:
        """Tell if a task is wanted."""
        if task.state not in self.states or (self.group is not None and task.group != self.group):
            return False
        if self.after is not None and task.next_run < self.after.timestamp():
            return False
        return self.before is None or task.next_run < self.before.timestamp()


@click.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Those in this state. Default: all.")
@click.option("--prefix", default="", metavar="TEXT", help="Those whose id begins with this.")
@click.option("--group", metavar="NAME", help="Those of this group.")
@click.option("--due-before", type=Moment(), help="Those that are due before then: a date and time, or +1h.")
@click.option("--due-after", type=Moment(), help="Those that are due then or later.")
@limited
@click.option("--columns", type=Columns(), help=f"These columns, with commas between, of {', '.join(COLUMNS)}.")
@common
def list_(
    settings: Settings,
    *,
    state: State | None,
    prefix: str,
    group: str | None,
    due_before: datetime | None,
    due_after: datetime | None,
    limit: int | None,
    columns: tuple[str, ...] | None,
) -> None:
    """List tasks in the order in which they are due: the claimed ones, then those that wait, then the paused ones.

    With --prefix, all tasks are looked through, or those of the hash tag in it: the limit takes the ones that are due
    first, and with --all they come as they are found. Dead tasks have a list of their own: dead list.
    """
    wanted = Wanted(_STATES if state is None else (state,), prefix, group, due_after, due_before)
    run_async(_list(settings, wanted, limit, columns))


async def _list(settings: Settings, wanted: Wanted, limit: int | None, columns: tuple[str, ...] | None) -> None:
    out, away = Output(settings), set[str]()
    names = columns or SHOWN
    async with connected(settings) as scheduler:
        written = await write(
            out.table(names),
            _found(scheduler, wanted, limit, away) if wanted.prefix else _in_order(scheduler, wanted, limit, away),
            lambda task: cells_of(task, names),
            limit,
            (lambda task: value_of(task, columns)) if columns else (lambda task: task),
        )
        await tell_pause(settings, scheduler)
    tell_rest(out, written, "tasks")
    tell_missing(away, "tasks")


async def _in_order(
    scheduler: interval_scheduler.Scheduler, wanted: Wanted, limit: int | None, away: set[str]
) -> Pages:
    """Yield the wanted tasks, state by state."""
    # Parked tasks, which are due and wait for room in their group, come before the others in an order of their own.
    end = None if wanted.before is None else max(wanted.before.timestamp(), time.time())
    for state in wanted.states:
        async with aclosing(_pages(scheduler, state, wanted, limit, away)) as pages:
            async for tasks in pages:
                yield [task for task in tasks if wanted.takes(task)]
                if state != "leased" and end is not None and tasks and tasks[-1].next_run >= end:
                    break


def _pages(
    scheduler: interval_scheduler.Scheduler, state: State, wanted: Wanted, limit: int | None, away: set[str]
) -> Pages:
    # Leased tasks are in the order of their leases, and there are only as many as run.
    due_from = None if state == "leased" else wanted.after
    size = page_size(limit)
    return pages_of(lambda after: scheduler.page(state, after=after, due_from=due_from, limit=size), away)


async def _found(scheduler: interval_scheduler.Scheduler, wanted: Wanted, limit: int | None, away: set[str]) -> Pages:
    """Yield the wanted tasks with the prefix: of a limited list those that are due first, else as they are found."""
    first: list[interval_scheduler.ScheduledTask] = []
    async with aclosing(
        pages_of(lambda after: scheduler.search(wanted.prefix, after=after, budget=_LOOKED_AT_ONCE), away)
    ) as pages:
        async for tasks in pages:
            found = [task for task in tasks if wanted.takes(task)]
            if limit is None:
                yield found
            else:
                first = heapq.nsmallest(limit + 1, first + found, key=lambda task: (task.next_run, task.id))
    yield first

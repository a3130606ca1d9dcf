"""Reads the paged calls of a scheduler to their end, and tells what could not be reached."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import click

from ..frame.exits import UNREACHABLE, Ended
from ..options.adding import with_options
from .output import Output, Rows

#: The most tasks of a page, which is the most that one call gives.
PAGE: Final = 1000

_Task = TypeVar("_Task")
_Task_co = TypeVar("_Task_co", covariant=True)


class Page(Protocol[_Task_co]):
    """A page of tasks, as calls of a scheduler return it."""

    @property
    def tasks(self) -> tuple[_Task_co, ...]:
        """The tasks."""

    @property
    def after(self) -> str | None:
        """The mark of the next page; `None` at the end."""

    @property
    def offline(self) -> tuple[str, ...]:
        """The names of the partitions that could not be reached."""


class Written(NamedTuple):
    """The rows that a command wrote.

    Attributes:
        rows: the number of rows.
        may_follow: there are more, which the limit left out.
    """

    rows: int
    may_follow: bool


def limited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--limit` and `--all`; its argument `limit` is `None` for all."""

    @functools.wraps(function)
    def command(*args: Any, limit: int, all: bool, **options: Any) -> Any:  # noqa: A002 - click names it so
        return function(*args, limit=None if all else limit, **options)

    return with_options(command, _OPTIONS)


async def write(
    table: Rows,
    pages: AsyncGenerator[Sequence[_Task], None],
    row: Callable[[_Task], Sequence[Any]],
    limit: int | None,
    value: Callable[[_Task], Any] = lambda task: task,
) -> Written:
    """Write tasks while they are read, up to the limit.

    Args:
        table: where they go.
        pages: the tasks, page by page; they are closed at the end.
        row: makes the cells of a task.
        limit: the most tasks; `None`: all.
        value: what JSON shows of a task. Default: all of it.
    """
    count = 0
    async with aclosing(pages):
        async for tasks in pages:
            some = tasks if limit is None else tasks[: limit - count]
            if some:  # a table takes its widths from its first rows
                table.add([row(task) for task in some], [value(task) for task in some])
            count += len(some)
            if len(some) < len(tasks):
                return Written(count, may_follow=True)
    if not count:
        table.add([])
    return Written(count, may_follow=False)


def page_size(limit: int | None) -> int:
    """Return how many tasks to ask for at once; one more than the limit tells if there are more."""
    return PAGE if limit is None else min(PAGE, limit + 1)


async def pages_of(
    call: Callable[[str | None], Awaitable[Page[_Task]]], away: set[str]
) -> AsyncGenerator[Sequence[_Task], None]:
    """Yield the tasks of a paged call, page by page; the next page is asked for when it is wanted.

    Args:
        call: the call, with the mark of the page.
        away: here the names of the partitions are put that could not be reached.
    """
    after: str | None = None
    while True:
        page = await call(after)
        away.update(page.offline)
        yield page.tasks
        after = page.after
        if after is None:
            return


def tell_rest(out: Output, written: Written, what: str) -> None:
    """Say if there are more tasks than were written, or none.

    Args:
        out: the output of the command.
        written: how many were written.
        what: what they are, such as `dead tasks`.
    """
    if written.may_follow:
        out.say(f"There are more {what}: --all lists them all.")
    elif not written.rows:
        out.say(f"There are no such {what}.")


def tell_missing(away: Collection[str], what: str) -> None:
    """End the command if partitions could not be reached: the output is right, and not all there is.

    Args:
        away: the names of these partitions.
        what: what is missing of theirs, such as `tasks`.

    Raises:
        Ended: some could not be reached.
    """
    if away:
        raise Ended(UNREACHABLE, missing(away, what))


def missing(away: Collection[str], what: str) -> str:
    """Return the words for what is missing; see `tell_missing`."""
    names = ", ".join(sorted(away))
    if len(away) == 1:
        return f"Partition {names} is offline: its {what} are missing here."
    return f"Partitions {names} are offline: their {what} are missing here."


_OPTIONS: Final = (
    click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The most tasks."),
    click.option("--all", is_flag=True, help="All tasks, however many."),
)

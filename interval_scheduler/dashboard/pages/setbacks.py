"""The common part of the pages of failing and of dead tasks: reading what the URL asks for, and their view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from ... import InvalidValue, Overview
from .. import queries
from ..grouping import Setback, grouped
from ..look import Look
from ..page import BadQuery, View

#: The most tasks on a page.
ROWS: Final = 50
_SHAPES: Final = ("groups", "list")
_Page = TypeVar("_Page")
_Task_co = TypeVar("_Task_co", covariant=True)


class _Tasks(Protocol[_Task_co]):
    """A page of tasks, failing or dead."""

    @property
    def tasks(self) -> tuple[_Task_co, ...]: ...

    @property
    def after(self) -> str | None: ...

    @property
    def offline(self) -> tuple[str, ...]: ...


async def read_page(read: Callable[[str | None, int], Awaitable[_Page]], look: Look) -> _Page:
    """Read the page that the URL asks for, by its value `after`.

    Raises:
        BadQuery: the mark was given by no page of this list.
    """
    after = look.query.get("after") or None
    try:
        return await read(after, ROWS)
    except InvalidValue as error:
        raise BadQuery(f"The mark of the page cannot be used: {error}. Begin with the first page.") from None


async def view_of(
    look: Look,
    read: Callable[[str | None, int], Awaitable[_Tasks[_Task_co]]],
    row_of: Callable[[_Task_co], Setback],
    count: Callable[[Overview], int],
) -> View:
    """Read the page that the URL asks for, and make its view.

    Args:
        look: the request.
        read: reads a page of tasks from a mark on.
        row_of: makes a row of a task.
        count: takes the number of all such tasks from an overview.

    Raises:
        BadQuery: the URL asks for a shape that there is not, or for a page of another list.
    """
    shape = shape_of(look)  # a bad value of the URL is told before anything is read
    page = await read_page(read, look)
    overview = await look.scheduler.overview()
    tasks = tuple(map(row_of, page.tasks))
    return {
        "shape": shape,
        "total": count(overview),
        "tasks": tasks,
        "groups": grouped(tasks) if shape == "groups" else (),
        "is_first": not look.query.get("after"),
        "after": page.after,
        "offline": tuple(dict.fromkeys((*page.offline, *missing_in(overview)))),
    }


def shape_of(look: Look) -> str:
    """Return if the tasks are to be grouped: `groups`, which is the default, or `list`.

    Raises:
        BadQuery: it is neither.
    """
    return queries.choice_in(look.query, "shape", _SHAPES, "groups")


def missing_in(overview: Overview) -> tuple[str, ...]:
    """Return the names of the partitions that an overview does not count."""
    return tuple(each.name for each in overview.partitions if not each.online)

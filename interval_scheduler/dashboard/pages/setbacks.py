"""The common part of the pages of failing and of dead tasks: reading what the URL asks for, and their view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from ... import InvalidValue, Overview
from .. import queries
from ..grouping import Setback, grouped
from ..look import Look
from ..page import BadQuery, View

#: The most tasks on a page.
ROWS: Final = 50
_SHAPES: Final = ("groups", "list")
_Page = TypeVar("_Page")


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


def view_of(look: Look, rows: Iterable[Setback], total: int, after: str | None, offline: Sequence[str]) -> View:
    """Make the view of a page.

    Args:
        look: the request.
        rows: the tasks of the page.
        total: the number of all such tasks on the partitions that could be reached.
        after: the mark of the next page; `None` at the end.
        offline: the names of the partitions that could not be reached.

    Raises:
        BadQuery: the URL asks for a shape that there is not.
    """
    shape, tasks = shape_of(look), tuple(rows)
    return {
        "shape": shape,
        "total": total,
        "tasks": tasks,
        "groups": grouped(tasks) if shape == "groups" else (),
        "is_first": not look.query.get("after"),
        "after": after,
        "offline": offline,
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

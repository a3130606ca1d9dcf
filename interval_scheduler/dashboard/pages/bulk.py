"""Asks before many tasks are changed: says how many there are, and shows the first ones. Nothing is changed here.

::

    asked for ─▶ the count in the background ─┬─ done ─▶ a question, or the command for too many
                                              └─ goes on ─▶ how far it is; the page asks again by itself
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from .. import queries, walk
from ..counts import Counts
from ..guard.turns import Turns
from ..look import Look
from ..page import Page, View
from ..walk import Walk, Walked

Change = Literal["pause", "resume", "remove"]

#: So long the page waits for the end of the count, in seconds: one of few tasks is shown at once, and not on its way.
PATIENCE: Final = 0.06
PAST: Final[dict[Change, str]] = {"pause": "paused", "resume": "resumed", "remove": "removed"}


def change_in(values: Mapping[str, str]) -> Change:
    """Return what is to be done.

    Raises:
        BadQuery: it is nothing of this kind.
    """
    change: Change = queries.choice_in(values, "change", get_args(Change))
    return change


def walk_of(look: Look, prefix: str) -> Walk:
    """Return the way of a new count of the tasks with a prefix."""
    return Walk(look.scheduler, prefix, look.kept.the(Turns))


def chosen(ids: Sequence[str]) -> Walked:
    """Return the count of tasks that were chosen one by one: all of them are named."""
    return Walked(len(ids), len(ids), len(ids), tuple(ids), is_done=True)


def view_of(look: Look, change: Change, prefix: str | None, count: Walked, problem: str | None = None) -> View:
    """Return what is to be told before tasks are changed.

    Args:
        look: the request.
        change: what is to be done.
        prefix: the beginning of their ids; `None`: they were chosen.
        count: how far their count has come.
        problem: why nothing was done, if that was tried.
    """
    is_known = count.is_done and not count.is_too_many
    return {
        "change": change,
        "past": PAST[change],
        "prefix": prefix,
        "count": count.found if is_known else None,
        "most": walk.MOST,
        "first": count.first,
        "is_done": count.is_done,
        "found": count.found,
        "looked": count.looked,
        "total": count.total,
        "command": command(look, change, prefix or "") if count.is_too_many else None,
        "problem": problem,
    }


def command(look: Look, change: Change, prefix: str) -> str:
    """Return the command line that does the same to any number of tasks."""
    queue = f" --queue {shlex.quote(look.queue)}" if look.queue else ""
    return f"interval-scheduler {change}{queue} --prefix {shlex.quote(prefix)}"


async def _read(look: Look) -> View:
    change = change_in(look.query)
    if task_id := look.query.get("id"):
        return view_of(look, change, None, chosen([task_id]))
    prefix = queries.text_of(look.query, "prefix")
    count = await look.kept.the(Counts).ask((look.queue, prefix), lambda: walk_of(look, prefix), PATIENCE)
    return view_of(look, change, prefix, count)


PAGE = Page(
    "bulk",
    "Change tasks",
    _read,
    in_navigation=False,
    level="admin",
    asks=("change", "id", "prefix"),
    is_shared=False,
)

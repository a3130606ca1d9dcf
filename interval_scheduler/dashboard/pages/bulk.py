"""Asks before many tasks are changed: counts them and shows the first ones. Nothing is changed here."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from .. import queries
from ..guard.turns import Turns
from ..look import Look
from ..page import Page, View
from .tasks import BUDGET

Change = Literal["pause", "resume", "remove"]

#: The most tasks that are changed at once here; the command line changes any number.
MOST: Final = 10_000
_NAMED: Final = 20
#: So long it may take to count them, in seconds.
_PATIENCE: Final = 30.0
PAST: Final[dict[Change, str]] = {"pause": "paused", "resume": "resumed", "remove": "removed"}


class TooMany(Exception):
    """More tasks than may be changed at once."""


def change_in(values: Mapping[str, str]) -> Change:
    """Return what is to be done.

    Raises:
        BadQuery: it is nothing of this kind.
    """
    change: Change = queries.choice_in(values, "change", get_args(Change))
    return change


def stop_at_most(found: int, _looked: int) -> None:
    """Be told how many tasks were found.

    Raises:
        TooMany: they are too many to be changed at once.
    """
    if found > MOST:
        raise TooMany


async def count(look: Look, prefix: str) -> int:
    """Count the tasks with a prefix, up to the most that may be changed.

    Raises:
        TooMany: there are more, or there is too much to look at.
        InvalidValue: the prefix cannot be used.
    """
    async with look.kept.the(Turns).turn():
        try:
            async with asyncio.timeout(_PATIENCE):
                return await look.scheduler.count_tasks(prefix=prefix, progress=stop_at_most)
        except TimeoutError:
            raise TooMany from None


async def ask(
    look: Look, change: Change, *, prefix: str | None, ids: Sequence[str], problem: str | None = None
) -> View:
    """Read what is to be told before tasks are changed.

    Args:
        look: the request.
        change: what is to be done.
        prefix: the beginning of their ids; `None`: they were chosen.
        ids: those that were chosen.
        problem: why nothing was done, if that was tried.
    """
    number: int | None = len(ids)
    named = list(ids)
    if prefix is not None:
        try:
            number = await count(look, prefix)
        except TooMany:
            number = None
        async with look.kept.the(Turns).turn():
            named = (
                [task.id for task in (await look.scheduler.search(prefix, budget=BUDGET)).rows] if number != 0 else []
            )
    return {
        "change": change,
        "past": PAST[change],
        "prefix": prefix,
        "count": number,
        "most": MOST,
        "first": named[:_NAMED] if prefix is not None else named,
        "command": None if number is not None else command(look, change, prefix or ""),
        "problem": problem,
    }


def command(look: Look, change: Change, prefix: str) -> str:
    """Return the command line that does the same to any number of tasks."""
    queue = f" --queue {shlex.quote(look.queue)}" if look.queue else ""
    return f"interval-scheduler {change}{queue} --prefix {shlex.quote(prefix)}"


async def _read(look: Look) -> View:
    change = change_in(look.query)
    if task_id := look.query.get("id"):
        return await ask(look, change, prefix=None, ids=[task_id])
    return await ask(look, change, prefix=queries.text_of(look.query, "prefix"), ids=())


PAGE = Page("bulk", "Change tasks", _read, in_navigation=False, level="admin", asks=("change", "id", "prefix"))

"""The tasks: those in one state in the order of their times, or those whose ids start as somebody asks."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal, get_args

from .. import queries
from ..figures.banners import paused_words
from ..figures.partitions import counts_of
from ..guard.turns import BUDGET, Turns
from ..look import Look
from ..page import Page, View
from ..rows import rows_of

State = Literal["waiting", "leased", "paused"]

_SHOWN: Final = 50


async def _read(look: Look) -> View:
    prefix = look.query.get("q", "")
    state: State = queries.choice_in(look.query, "state", get_args(State), "waiting")
    found = _search(look, prefix) if prefix else _list(look, state)
    overview, found_view = await asyncio.gather(look.scheduler.overview(), found)
    offline = {each.name for each in overview.partitions if not each.online} | {*found_view["offline"]}
    return {
        "state": state,
        "q": prefix,
        "counts": counts_of(overview),
        "whole_pause": None if overview.pause is None else paused_words(overview.pause, look.place),
        **found_view,
        "offline": sorted(offline),
    }


async def _list(look: Look, state: State) -> dict[str, Any]:
    after = look.query.get("after") or None
    start = queries.moment_in(look.query, "from", look.now)
    page = await look.scheduler.page(state, after=after, due_from=start, limit=_SHOWN)
    return {
        "rows": rows_of(page.tasks),
        "from": start,
        "next": page.after,
        "is_first": after is None,
        "search": None,
        "offline": page.offline,
    }


async def _search(look: Look, prefix: str) -> dict[str, Any]:
    """Look for tasks, one step; `looked` and `found` tell how far the steps before this one came."""
    after = look.query.get("after") or None
    looked, before = queries.whole_in(look.query, "looked"), queries.whole_in(look.query, "found")
    async with look.kept.the(Turns).turn():
        page = await look.scheduler.search(prefix, after=after, budget=BUDGET)
    rows = rows_of(page.rows)
    is_done = page.next is None
    # What was looked at is told about: what was found is a part of it.
    looked = max(looked + page.looked, before + len(rows))
    total = max(page.total, looked)
    return {
        "rows": rows,
        "from": None,
        "next": page.next,
        "is_first": after is None,
        "search": {
            "looked": total if is_done else looked,
            "total": total,
            "found": before + len(rows),
            "is_done": is_done,
            "has_exact": bool(rows) and rows[0]["id"] == prefix,
        },
        "offline": page.offline,
    }


PAGE = Page("tasks", "Tasks", _read, asks=("q", "state", "from", "after", "looked", "found"))

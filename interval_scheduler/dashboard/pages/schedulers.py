"""The schedulers: who is alive, what each does, and what it does not reach."""

from __future__ import annotations

import asyncio
from typing import Final

from ... import CardRun
from ..figures.cards import row_of
from ..figures.slices import number_of, slice_of
from ..look import Look
from ..page import Page, View
from ..reading import Attempts, server_now

#: The schedulers of a page.
_ROWS: Final = 50


async def _read(look: Look) -> View:
    number = number_of("page", look.query.get("page"))
    attempts = Attempts()
    overview, found = await asyncio.gather(look.scheduler.overview(), attempts.tried(look.scheduler.schedulers()))
    cards = found or []
    now = server_now(overview, look.now)
    names = [each.name for each in overview.partitions]
    part = slice_of(number, cards, _ROWS)

    def link_to(run: CardRun) -> str:
        return look.url("task", queue=run.queue, id=run.id)

    return {
        "schedulers": [row_of(card, names, now, link_to) for card in part.rows],
        "page": part.number,
        "last": part.last,
        "total": part.total,
        "places": sum(card.places for card in cards),
        "running": sum(card.running for card in cards),
        "problems": attempts.problems,
        "offline": [each.name for each in overview.partitions if not each.online],
    }


PAGE = Page("schedulers", "Schedulers", _read, asks=("page",))

"""The overview: the state of a namespace or queue on one page."""

from __future__ import annotations

from ..look import Look
from ..page import Page, View


async def _read(look: Look) -> View:
    overview = await look.scheduler.overview()
    return {
        "tasks": overview.tasks,
        "due": overview.due,
        "leased": overview.leased,
        "paused": overview.paused,
        "failing": overview.failing,
        "dead": overview.dead,
        "online": overview.online,
        "partitions": overview.partitions,
    }


PAGE = Page("", "Overview", _read)

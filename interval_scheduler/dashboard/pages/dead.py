"""The tasks that were set aside since all their attempts failed, the latest first."""

from __future__ import annotations

from ..grouping import of_dead
from ..look import Look
from ..page import Page, View
from .setbacks import view_of


async def _read(look: Look) -> View:
    return await view_of(look, look.scheduler.dead_page, of_dead, lambda overview: overview.dead)


PAGE = Page("dead", "Dead", _read, asks=("after", "shape"))

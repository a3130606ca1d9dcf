"""The tasks whose last run failed and that go on, the latest failure first."""

from __future__ import annotations

from ..grouping import of_failing
from ..look import Look
from ..page import Page, View
from .setbacks import view_of


async def _read(look: Look) -> View:
    return await view_of(look, look.scheduler.failing_page, of_failing, lambda overview: overview.failing)


PAGE = Page("failing", "Failing", _read, asks=("after", "shape"))

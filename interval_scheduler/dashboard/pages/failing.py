"""The tasks whose last run failed and that go on, the latest failure first."""

from __future__ import annotations

from ..grouping import of_failing
from ..look import Look
from ..page import Page, View
from .setbacks import missing_in, read_page, shape_of, view_of


async def _read(look: Look) -> View:
    shape_of(look)  # a bad value of the URL is told before anything is read
    page = await read_page(look.scheduler.failing_page, look)
    overview = await look.scheduler.overview()
    offline = dict.fromkeys((*page.offline, *missing_in(overview)))
    return view_of(look, map(of_failing, page.tasks), overview.failing, page.after, tuple(offline))


PAGE = Page("failing", "Failing", _read, asks=("after", "shape"))

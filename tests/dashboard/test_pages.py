"""Every page as HTML and as JSON."""

from __future__ import annotations

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.conftest import reader_of

pytestmark = pytest.mark.asyncio


async def test_each_page_has_its_twin(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("one", every=60))
    async with reader_of(scheduler, "admin") as reader:
        for page in PAGES:
            shown = await reader.get(f"/{page.name}")
            assert shown.status_code in {200, 400}, shown.text
            twin = await reader.get(f"/{page.name or 'overview'}.json")
            assert twin.status_code == shown.status_code
            assert isinstance(twin.json(), dict)


async def test_pages_of_a_level_are_for_nobody_below_it(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "operate") as reader:
        for page in PAGES:
            status = (await reader.get(f"/{page.name}")).status_code
            assert (status == 403) is (page.level == "admin")

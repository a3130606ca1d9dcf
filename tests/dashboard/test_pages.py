"""Every page as HTML and as JSON."""

from __future__ import annotations

import httpx
import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard.registry import PAGES

pytestmark = pytest.mark.asyncio


async def test_each_page_has_its_twin(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("one", every=60))
    for page in PAGES:
        shown = await reader.get(f"/{page.name}")
        assert shown.status_code in {200, 400}, shown.text
        twin = await reader.get(f"/{page.name or 'overview'}.json")
        assert twin.status_code == shown.status_code
        assert isinstance(twin.json(), dict)

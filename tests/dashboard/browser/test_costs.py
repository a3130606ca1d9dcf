"""What pages cost Redis, with 20,000 tasks; `make dashboard-check` measures more, with a million."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx
import pytest

from interval_scheduler import Scheduler
from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.costs import FORBIDDEN, Meter
from tests.dashboard.browser.site import PATIENCE, QUIET, Site, served
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="package")
#: `make dashboard-check` has a hundred.
_TABS: Final = 30
_ROUNDS: Final = 2
#: As the script of a page waits, in seconds.
_POLL_SECONDS: Final = 2.0


async def test_no_page_walks_the_database(site: Site, site_server: RedisServer) -> None:
    with site_server.client() as redis:
        meter = Meter(redis)
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            for page in PAGES:
                answer = await client.get(site.of(page.name))
                assert answer.status_code == 200, page.name
        costs = meter.read()
    assert costs.requests
    assert FORBIDDEN & set(costs.commands) == set()


async def test_many_tabs_cost_what_one_does(own_server: Callable[..., RedisServer]) -> None:
    server = own_server()
    async with (
        Scheduler.from_url(server.url, namespace="tabs", logger=QUIET) as scheduler,
        served(scheduler, "read") as site,
        httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=_TABS)) as client,
    ):

        async def requests_a_second(tabs: int) -> float:
            with server.client() as redis:
                meter, began = Meter(redis), time.monotonic()
                for _ in range(_ROUNDS):
                    answers = await asyncio.gather(*(client.get(site.url) for _ in range(tabs)))
                    assert {each.status_code for each in answers} == {200}
                    await asyncio.sleep(_POLL_SECONDS)  # a tab waits so long before it asks again
                return meter.read().requests / (time.monotonic() - began)

        one = await requests_a_second(1)
        assert one > 0
        assert await requests_a_second(_TABS) <= 1.2 * one

"""What pages cost Redis, with 20,000 tasks; `make dashboard-check` measures more, with a million."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import httpx
import pytest

from interval_scheduler import Scheduler
from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.costs import FORBIDDEN, Meter
from tests.dashboard.browser.site import PATIENCE, QUIET, Site, served
from tests.servers import RedisServer
from tests.waiting import until

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
        # It tells nothing of itself by the way, which would be counted.
        Scheduler.from_url(server.url, namespace="tabs", logger=QUIET, statistics=False) as scheduler,
        served(scheduler, "read") as site,
        httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=_TABS)) as client,
    ):

        async def requests_of(tabs: int) -> int:
            with server.client() as redis:
                meter = Meter(redis)
                for _ in range(_ROUNDS):
                    answers = await asyncio.gather(*(client.get(site.url) for _ in range(tabs)))
                    assert {each.status_code for each in answers} == {200}
                    await asyncio.sleep(_POLL_SECONDS)  # a tab waits so long before it asks again
                return meter.read().requests

        one = await requests_of(1)
        assert one > 0

        async def cost_as_much() -> (
            bool
        ):  # not if the machine stands still between two tabs, for longer than they share
            return await requests_of(_TABS) <= 1.2 * one

        await until(cost_as_much, PATIENCE)

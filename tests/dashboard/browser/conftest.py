"""A real Chromium, and a dashboard with tasks of all kinds for it. Both outlive a test: to start them takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.dashboard.browser.chromium import chromium_at, launched
from tests.dashboard.browser.site import Site, at_work
from tests.leaks import Complaints, nothing_left
from tests.servers import RedisServer

#: The tasks of the dashboard that all tests share; `make dashboard-check` has a million.
TASKS: Final = 20_000


@pytest.fixture(autouse=True)
def nothing_left_behind() -> None:
    """The dashboard and the browser outlive a test, and so do their connections: `site` looks at the end instead."""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium without a window."""
    async with async_playwright() as playwright:
        if not chromium_at(playwright):
            pytest.skip("there is no Chromium: install it (apt-get install chromium), or name it in CHROMIUM")
        browser = await launched(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def event_loop_of_all() -> None:
    """Starts the event loop, so that its own sockets are older than the rest."""


@pytest.fixture(scope="package")
def site_server(complaints: Complaints, event_loop_of_all: None) -> Iterator[RedisServer]:
    """The Redis of the shared dashboard. When it ends, nothing of that may be left."""
    with nothing_left(complaints), RedisServer() as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site(site_server: RedisServer) -> AsyncIterator[Site]:
    """A dashboard in which everybody is an admin, beside a worker."""
    async with at_work(site_server, namespace="site", count=TASKS) as site:
        yield site

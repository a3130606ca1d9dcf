"""Measures how long pages take, at the server and in the browser, and what many open tabs cost Redis."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from typing import Final

import httpx
from playwright.async_api import Browser

from tests.dashboard.browser.costs import Meter
from tests.dashboard.browser.site import PATIENCE

#: Seconds between two requests of an open tab, as its script asks.
POLL_SECONDS: Final = 2.0
#: Seconds for which a view is shared, and a little more.
SHARED_SECONDS: Final = 2.1
_LOADED: Final = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile of times, in milliseconds."""
    cut = statistics.quantiles(seconds, n=20)
    return {"p50_ms": round(statistics.median(seconds) * 1000, 1), "p95_ms": round(cut[18] * 1000, 1)}


async def at_the_server(client: httpx.AsyncClient, url: str) -> float:
    """Ask for a page; return the seconds that it took."""
    began = time.perf_counter()
    answer = await client.get(url)
    took = time.perf_counter() - began
    answer.raise_for_status()
    return took


async def in_the_browser(browser: Browser, url: str, times: int) -> list[float]:
    """Open a page so often in a new tab; return the seconds until each was loaded."""
    took = []
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    for _ in range(times):
        page = await context.new_page()
        await page.goto(url, wait_until="load")
        took.append(await page.evaluate(_LOADED) / 1000)
        await page.close()
    await context.close()
    return took


async def of_tabs(meter: Meter, url: str, tabs: int, seconds: float) -> int:
    """Have so many tabs keep themselves up to date for a time; return the requests that Redis got meanwhile."""
    before = meter.read().requests
    async with httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=tabs or 1)) as client:
        ends = time.monotonic() + seconds
        # The requests of so many seconds are counted.
        await asyncio.gather(*(_tab(client, url, ends) for _ in range(tabs)), asyncio.sleep(seconds))
    return meter.read().requests - before


async def _tab(client: httpx.AsyncClient, url: str, ends: float) -> None:
    await asyncio.sleep(random.uniform(0, POLL_SECONDS))  # people open tabs at any time
    while time.monotonic() < ends:
        (await client.get(url)).raise_for_status()
        await asyncio.sleep(POLL_SECONDS)  # as the script of a page does

"""A partition that is killed while pages are open: they say so, go on with what is left, and find it again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import Browser, Page, expect

from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.site import PATIENCE, at_work
from tests.dashboard.browser.watching import barriers, opened
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def until_it_is(page: Page, url: str, partition: str, state: str) -> None:
    """Load the page of health anew until it tells that state of a partition."""
    while True:
        answer = await page.goto(url)
        assert answer is not None
        assert answer.status == 200
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=partition, exact=True))
        if state in await row.inner_text():
            return
        await page.wait_for_timeout(200)  # nothing tells when the partition is known to be away, or back


async def test_pages_say_what_is_missing_go_on_and_recover(
    own_server: Callable[..., RedisServer], browser: Browser
) -> None:
    servers = [own_server(save="3600 1"), own_server(save="3600 1")]
    down = f"127.0.0.1:{servers[1].port}/0"
    async with (
        at_work(*servers, namespace="outage", count=500) as site,
        opened(browser, site.url, expected="status of 503") as page,
        opened(browser, site.url, expected="status of 503") as left_open,
    ):
        await left_open.goto(site.of(""))
        await expect(left_open.locator("main")).not_to_contain_text("offline")
        await until_it_is(page, site.of("health"), down, "well")
        with servers[1].client() as redis:
            redis.save()
        servers[1].kill()
        await asyncio.wait_for(until_it_is(page, site.of("health"), down, "offline"), PATIENCE)
        await expect(left_open.locator("main")).to_contain_text("offline", timeout=PATIENCE * 1000)
        for each in PAGES:
            answer = await page.goto(site.of(each.name))
            assert answer is not None
            # A task may be on the partition that is away, and not all can be counted.
            assert answer.status == 200 or (answer.status == 503 and each.name in {"task", "edit", "bulk"}), each.name
            assert await barriers(page) == [], each.name
            if each.name in {"", "dead", "failing", "actions"}:
                assert down in await page.locator("main").inner_text()
        servers[1].start()
        await asyncio.wait_for(until_it_is(page, site.of("health"), down, "well"), PATIENCE)
        await expect(left_open.locator("main")).not_to_contain_text("offline", timeout=PATIENCE * 1000)
        await page.goto(site.of("dead"))
        await expect(page.locator("main")).not_to_contain_text(down)

"""Every page, light and dark, wide and narrow: for all people, from this host alone, and without a complaint."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.site import Site
from tests.dashboard.browser.watching import check_for_all_people, opened

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("name", [page.name for page in PAGES], ids=lambda name: name or "overview")
async def test_each_page_is_for_all_people(site: Site, browser: Browser, name: str) -> None:
    async with opened(browser, site.url) as page:
        answer = await page.goto(site.of(name))
        assert answer is not None
        assert answer.status == 200
        await unfold(page)
        await check_for_all_people(page)


async def unfold(page: Page) -> None:
    """Open all that unfolds, so that it is looked at as well."""
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

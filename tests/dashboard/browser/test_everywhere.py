"""Every page, light and dark, wide and narrow: for all people, from this host alone, and without a complaint."""

from __future__ import annotations

from typing import Final, Literal

import pytest
from playwright.async_api import Browser, Page

from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.site import Site
from tests.dashboard.browser.watching import barriers, opened

pytestmark = pytest.mark.asyncio(loop_scope="package")
#: Narrow as a phone, and as a window on a desk.
WIDTHS: Final = (390, 1280)
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


@pytest.mark.parametrize("name", [page.name for page in PAGES], ids=lambda name: name or "overview")
async def test_each_page_is_for_all_people(site: Site, browser: Browser, name: str) -> None:
    async with opened(browser, site.url) as page:
        answer = await page.goto(site.of(name))
        assert answer is not None
        assert answer.status == 200
        await unfold(page)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls to the side"
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                # All but the colours is the same in both.
                assert await barriers(page, of_colours=theme == "dark") == [], (width, theme)


async def unfold(page: Page) -> None:
    """Open all that unfolds, so that it is looked at as well."""
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

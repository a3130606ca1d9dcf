"""A page that is left open keeps itself up to date, and keeps what its reader has in hand."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from interval_scheduler import IntervalTask
from tests.dashboard.browser.site import PATIENCE, Site
from tests.dashboard.browser.watching import opened

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def until_refreshed(page: Page, *, times: int = 2) -> None:
    """Wait until the page has asked for itself anew, by its script."""
    for _ in range(times):
        async with page.expect_response(
            lambda answer: answer.request.resource_type == "fetch", timeout=PATIENCE * 1000
        ) as answer:
            pass
        assert (await answer.value).status in {200, 304}


async def test_the_focus_and_what_is_open_are_kept(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url) as page:
        await page.goto(f"{site.url}/dead")
        group = page.locator("details.same-error").first
        await group.locator("summary").click()
        box = group.get_by_role("checkbox").nth(3)
        await box.check()
        name = await box.get_attribute("aria-label")
        await until_refreshed(page)
        await expect(group).to_have_attribute("open", "")
        await expect(box).to_be_checked()
        assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == name


async def test_a_figure_that_changes_is_shown_without_a_click(site: Site, browser: Browser) -> None:
    await site.scheduler.assign_task(IntervalTask("mail:late", "fail late"))
    async with opened(browser, site.url) as page:
        await page.goto(f"{site.url}/dead?shape=list")
        await expect(page.get_by_role("link", name="mail:late")).to_be_visible(timeout=PATIENCE * 1000)


async def test_the_words_after_an_action_take_the_place_of_nothing(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url) as page:
        await page.goto(f"{site.url}/health")
        main = page.locator("main")
        verdict = main.locator("> .banner")
        before = await verdict.inner_text()
        await page.get_by_role("button", name="Start an audit").click()
        ended = main.locator(".banner > p", has_text="there are no faults")
        await expect(ended).to_be_visible(timeout=PATIENCE * 1000)
        await until_refreshed(page)
        await expect(main.locator("> .said + h1")).to_be_visible()
        await expect(verdict).to_have_text(before)

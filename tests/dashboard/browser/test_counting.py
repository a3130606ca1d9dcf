"""The page that counts tasks before they are changed: for all people, by its script, and without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from interval_scheduler.dashboard import walk
from tests.dashboard.browser.site import PATIENCE, Site
from tests.dashboard.browser.watching import check_for_all_people, opened
from tests.dashboard.gating import Gate, gated

pytestmark = pytest.mark.asyncio(loop_scope="package")
_MILLISECONDS: Final = PATIENCE * 1000


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Holds up all searches, of which a count has several."""
    monkeypatch.setattr(walk, "BUDGET", 5000)
    with gated() as gate:
        yield gate


async def _open(page: Page, site: Site, prefix: str) -> None:
    """Open the page for tasks that no other test counts."""
    await page.goto(f"{site.url}/bulk?change=pause&prefix={prefix}")
    await expect(page.locator("h1")).to_have_text("Counting the tasks to pause…")


async def test_the_script_goes_on_until_the_count_is_done(site: Site, browser: Browser, gate: Gate) -> None:
    async with opened(browser, site.url) as page:
        await _open(page, site, "feed:0010")
        await page.evaluate("window.isTheSame = true")
        link, told = page.get_by_role("link", name="Look again"), page.locator("#how-far")
        await link.focus()
        gate.let()
        await expect(told).to_contain_text("tasks looked at", timeout=_MILLISECONDS)
        await expect(link).to_be_focused()
        assert await page.get_by_role("progressbar", name="Progress").count() == 1
        await told.evaluate("node => { window.told = node; }")
        gate.open()
        await expect(page.locator("h1")).to_have_text("Pause 10 tasks?", timeout=_MILLISECONDS)
        await expect(told).to_contain_text("10 found.")
        assert await told.evaluate("node => node === window.told && node.role === 'status'"), "so it is read out"
        assert await page.evaluate("window.isTheSame"), "it was not loaded anew"
        await expect(page.locator("main")).to_be_focused()
        await expect(page.locator("#live")).to_be_hidden()
        await expect(page.get_by_role("checkbox", name="Yes, pause 10 tasks.")).to_be_visible()


async def test_without_a_script_a_link_looks_again(site: Site, browser: Browser, gate: Gate) -> None:
    async with opened(browser, site.url, java_script_enabled=False) as page:
        await _open(page, site, "feed:0011")
        gate.open()
        link = page.get_by_role("link", name="Look again")
        while await link.count():
            await link.click()
        await expect(page.locator("h1")).to_have_text("Pause 10 tasks?")
        await expect(page.get_by_role("button", name="Pause 10 tasks")).to_be_visible()


async def test_a_page_that_counts_is_for_all_people(site: Site, browser: Browser, gate: Gate) -> None:
    async with opened(browser, site.url) as page:
        gate.let(3)  # one step is short where the machine is slow, and may find none
        await page.goto(f"{site.url}/bulk?change=remove&prefix=feed:001")
        await expect(page.locator("#how-far")).to_contain_text("tasks looked at", timeout=_MILLISECONDS)
        await expect(page.locator("ul.ids a").first).to_be_visible(timeout=_MILLISECONDS)
        await check_for_all_people(page)
        await expect(page.locator("h1")).to_have_text("Counting the tasks to remove…")

"""Walks through the dashboard: by the keyboard alone, and without JavaScript."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.dashboard.browser.site import Site
from tests.dashboard.browser.watching import opened

pytestmark = pytest.mark.asyncio(loop_scope="package")
#: The most steps of the Tab key to anything on a page.
_MOST_TABS: Final = 200
#: What has the focus: its name for people, and if they see that it has it.
_FOCUSED: Final = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    const name = at.getAttribute("aria-label") || at.innerText || at.labels?.[0]?.innerText || "";
    const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return {name: name.trim(), tag: at.tagName, isSeen, isOfThePage: at.closest("main") !== null};
}"""


async def tab_to(page: Page, name: str, *, in_main: bool = False) -> None:
    """Press Tab until what has that name has the focus, in the main part if told; the focus is seen at each step."""
    passed = []
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        at = await page.evaluate(_FOCUSED)
        if at["tag"] != "BODY":
            assert at["isSeen"], at
            if at["name"] == name and at["isOfThePage"] >= in_main:
                return
            passed.append(at["name"])
    raise AssertionError(f"the Tab key does not come to {name!r}, but to {passed}")


async def follow(page: Page, name: str, *, in_main: bool = False) -> None:
    """Go to a link or a button by Tab, press Enter, and wait for the page behind it."""
    await tab_to(page, name, in_main=in_main)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_a_walk_by_the_keyboard_alone(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url) as page:
        await page.goto(site.url)
        await tab_to(page, "Skip to the content")
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.goto(site.url)
        await follow(page, "Tasks")
        await tab_to(page, "Search", in_main=True)
        await page.keyboard.type("feed:00123")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await follow(page, "feed:00123")
        await follow(page, "Pause", in_main=True)
        await expect(page.locator("main").get_by_role("status").first).to_contain_text("paused")
        task = await site.scheduler.get_task("feed:00123")
        assert task is not None
        assert task.state == "paused"
        await follow(page, "Resume", in_main=True)
        await follow(page, "Dead")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dead")
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("feed:00123")


async def test_a_walk_without_javascript(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url, java_script_enabled=False) as page:
        await page.goto(f"{site.url}/tasks")
        await page.get_by_label("Search").fill("feed:0012")
        await page.get_by_role("button", name="Search").click()
        while not await page.get_by_role("link", name="feed:00124").count():
            await page.get_by_role("link", name="Go on").click()  # a search looks at some thousand tasks a page
        await page.get_by_role("link", name="feed:00124").click()
        await page.get_by_label("Why it is paused").fill("it hurts")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("main")).to_contain_text("it hurts")
        await page.get_by_role("link", name="Actions").click()
        await expect(page.get_by_role("row").nth(1)).to_contain_text("it hurts")

        await page.get_by_role("link", name="Dead", exact=True).click()
        first = await page.locator("details.same-error").first.locator("summary .why").inner_text()
        assert "ConnectionError" in first
        await page.locator("details.same-error").first.locator("summary").click()
        button = page.get_by_role("button", name="Revive mail:").first
        revived = (await button.get_attribute("aria-label") or "").removeprefix("Revive ")
        await button.click()
        await expect(page.get_by_role("status").first).to_contain_text("1 task is revived")
        assert page.url == f"{site.url}/dead"
        await page.get_by_role("link", name="List").click()
        await page.get_by_role("link", name="Next page").click()
        await expect(page.get_by_role("link", name="First page")).to_be_visible()
        await page.get_by_role("link", name="Revive all…").click()
        await expect(page.locator("main")).to_contain_text("scheduled anew")
        await page.get_by_role("link", name="Back").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dead")
        assert revived.startswith("mail:")


async def test_an_audit_without_javascript(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url, java_script_enabled=False) as page:
        await page.goto(f"{site.url}/health")
        await page.get_by_role("button", name="Start an audit").click()
        ended = page.locator("main").get_by_text("there are no faults")
        while not await ended.count():
            await page.wait_for_timeout(200)  # without JavaScript, a page is loaded anew by its reader
            await page.goto(f"{site.url}/health")
        await expect(page.get_by_role("button", name="Start an audit")).to_be_visible()

"""A page that keeps itself fresh, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import dashboard
from tests.contrib.serving import served
from tests.waiting import until

pytestmark = pytest.mark.asyncio

CHROMIUM = "/usr/bin/chromium"
#: Milliseconds that a browser may take on a machine with much to do.
PATIENCE = 60_000


@pytest_asyncio.fixture
async def page(scheduler: Scheduler) -> AsyncIterator[Page]:
    """The overview in a browser of another time zone; nothing on it failed in the end."""
    async with served(dashboard(scheduler, access=lambda _: "read")) as client, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = await browser.new_page(timezone_id="Asia/Kolkata")
            page.set_default_timeout(PATIENCE)
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))  # what the policy forbids, too
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(str(client.base_url))
            yield page
            # A browser tells of each status that is an error, which some of these tests ask for.
            assert [each for each in complaints if "status of 503" not in each] == []
        finally:
            await browser.close()


async def test_a_page_keeps_itself_fresh(page: Page, scheduler: Scheduler) -> None:
    assert "GMT+5:30" in await page.inner_text("#read")
    await page.evaluate(
        """() => {
            const main = document.getElementById("main");
            main.insertAdjacentHTML("beforeend", `<form id="f"><input id="half"><input id="other"></form>
                <details id="d" open data-keep><summary>x</summary></details>`);
            window.focused = [...main.querySelectorAll("a[href]")].find((link) => link.checkVisibility());
            window.focused.focus();
            document.getElementById("half").value = "typed";
        }"""
    )
    await scheduler.assign_task(IntervalTask("one", every=60))
    await page.wait_for_function("() => document.querySelector('main dd').innerText === '1'")
    assert await page.input_value("#half") == "typed", "a form that is half filled in stays"
    assert await page.evaluate("() => document.querySelector('#d').open")
    assert await page.evaluate("() => document.activeElement === window.focused")

    await page.keyboard.press("p")
    assert await page.inner_text("#state") == "Paused"
    await page.reload()
    assert await page.inner_text("#state") == "Paused", "the browser remembers it"
    await scheduler.assign_task(IntervalTask("two", every=60))

    async def is_read() -> bool:
        await page.keyboard.press("r")  # what was read within the last two seconds is shown once more
        return await page.inner_text("main dd >> nth=0") == "2"

    await until(is_read, 60)
    await page.click("#pause")
    assert await page.inner_text("#state") == "Live"

    await page.keyboard.press("?")
    assert await page.is_visible("#shortcuts")
    await page.uncheck("#shortcuts-on")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    assert not await page.is_visible("#shortcuts"), "keys can be switched off"


async def test_a_page_that_cannot_be_read_says_since_when(page: Page, scheduler: Scheduler) -> None:
    await scheduler.close()
    await page.wait_for_function("() => document.getElementById('state').innerText.startsWith('Stale since')")
    words = await page.inner_text("#state")
    assert re.fullmatch(r"Stale since \d\d:\d\d:\d\d GMT\+5:30", words), words
    assert await page.inner_text("main h1") == "Overview", "what was known stays"
    await scheduler.connect()
    await page.wait_for_function("() => document.getElementById('state').innerText === 'Live'")

"""What the script adds to the pages of tasks, in a real Chromium: a search that goes on by itself, and choosing all."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, Playwright, async_playwright, expect

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import dashboard
from interval_scheduler.dashboard.pages import tasks
from tests.contrib.serving import served

_LATER = time.time() + 86_400
_PATIENCE_MS = 60_000


def _chromium(playwright: Playwright) -> str:
    """Find a Chromium: the one that CHROMIUM names, that of the system, or that of Playwright."""
    places = (os.environ.get("CHROMIUM"), shutil.which("chromium"), playwright.chromium.executable_path)
    found = next((place for place in places if place and os.path.exists(place)), None)  # noqa: PTH110 - a short look
    if found is None:
        pytest.skip("there is no Chromium: install it (apt-get install chromium), or name it in CHROMIUM")
    return found


@contextlib.asynccontextmanager
async def opened(scheduler: Scheduler) -> AsyncIterator[tuple[Page, str]]:
    """A page of a Chromium, and the address of a dashboard in which everybody is an admin."""
    app = dashboard(scheduler, access=lambda request: "admin")
    async with served(app) as client, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_chromium(playwright), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        yield page, str(client.base_url).rstrip("/")
        await browser.close()


@pytest.mark.asyncio
async def test_a_search_goes_on_by_itself_and_is_stopped(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n:05}", every=60, start=_LATER) for n in range(20_000))
    async with opened(scheduler) as (page, address):
        monkeypatch.setattr(tasks, "BUDGET", 1)
        await page.goto(f"{address}/tasks?q=nobody")
        await page.click(".stop")
        await expect(page.locator(".stop")).to_be_hidden(timeout=_PATIENCE_MS)
        await expect(page.locator(".go-on")).to_be_visible(timeout=_PATIENCE_MS)
        told = await page.locator(".found [role=status]").inner_text()
        assert told.endswith(" of 20,000 tasks")
        assert not told.startswith("20,000")

        monkeypatch.setattr(tasks, "BUDGET", 2000)
        await page.goto(f"{address}/tasks?q=feed:000")
        status = page.locator(".found [role=status]")
        await expect(status).to_have_text("20,000 of 20,000 tasks", timeout=_PATIENCE_MS)
        await expect(page.locator(".stop")).to_be_hidden(timeout=_PATIENCE_MS)
        rows = await page.locator("table.tasks tbody th").all_inner_texts()
        assert {*rows} == {f"feed:{n:05}" for n in range(100)}
        await page.check(".all")
        await page.click("button:has-text('Remove…')")
        await expect(page.locator("h1")).to_have_text("Remove 100 tasks?", timeout=_PATIENCE_MS)
        await page.check("[name=sure]")
        await page.click("button.bad")
        await expect(page.locator(".said")).to_have_text("100 tasks are removed.", timeout=_PATIENCE_MS)
    assert await scheduler.task_size() == 19_900


@pytest.mark.asyncio
async def test_rows_that_a_search_adds_are_as_those_before_them(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n:05}", every=60, start=_LATER) for n in range(5_000))
    async with opened(scheduler) as (page, address):
        monkeypatch.setattr(tasks, "BUDGET", 500)
        await page.goto(f"{address}/tasks?q=feed:000")
        await expect(page.locator(".stop")).to_be_hidden(timeout=_PATIENCE_MS)
        await expect(page.locator("table.tasks tbody tr")).to_have_count(100, timeout=_PATIENCE_MS)
        await expect(page.locator("table.tasks tbody time .away")).to_have_count(100, timeout=_PATIENCE_MS)


@pytest.mark.asyncio
async def test_a_copy_that_the_browser_forbids_is_told(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("one", '{"a": 1}', every=60, start=_LATER))
    async with opened(scheduler) as (page, address):
        errors: list[object] = []
        page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - Playwright cannot wrap a method of a list
        await page.add_init_script("navigator.clipboard.writeText = async () => { throw new Error('forbidden'); }")
        # The words stand there for two seconds of this clock, and the page does not refresh itself meanwhile.
        await page.clock.install()
        await page.clock.pause_at(time.time() + 3600)
        await page.goto(f"{address}/task?id=one")
        await page.click(".copy")
        await expect(page.locator(".copy")).to_have_text("Not allowed by the browser", timeout=_PATIENCE_MS)
        await page.clock.run_for(2000)
        await expect(page.locator(".copy")).to_have_text("Copy", timeout=_PATIENCE_MS)
        assert errors == []


@pytest.mark.asyncio
async def test_moments_wrap_on_a_phone(scheduler: Scheduler) -> None:
    async with opened(scheduler) as (page, address):
        await page.set_viewport_size({"width": 390, "height": 800})
        await scheduler.pause()
        await page.goto(f"{address}/actions")
        moment = page.locator("table.cards td time").first
        assert await moment.evaluate("time => getComputedStyle(time).whiteSpace") == "normal"

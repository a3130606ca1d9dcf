"""What is seen beside the pages: signing in, what is missing, answers to forms; and pages without motion."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from interval_scheduler.dashboard.alone.door import Door
from interval_scheduler.dashboard.alone.keys import FileKey
from interval_scheduler.dashboard.alone.sessions import Sessions
from interval_scheduler.dashboard.alone.tries import Tries
from interval_scheduler.dashboard.answers import Answers
from interval_scheduler.dashboard.app import guarded, pages_of
from interval_scheduler.dashboard.registry import PAGES
from interval_scheduler.dashboard.serving import Site as Served
from tests.contrib.serving import served
from tests.dashboard.browser.site import Site
from tests.dashboard.browser.watching import check_for_all_people, opened
from tests.dashboard.test_signing_in import COOKIE, TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="package")
#: A browser tells of each status that is an error.
_ASKED_FOR = "the server responded with a status of 4"


@contextlib.asynccontextmanager
async def before_the_door(site: Site, browser: Browser) -> AsyncIterator[tuple[Page, str]]:
    """A page of a dashboard that stands alone with a token file, and its URL."""
    answers = Answers(PAGES, "shop", can_sign_out=True)
    pages = pages_of(Served(site.scheduler, lambda _: "admin", None, None, answers), answers)
    app = guarded(
        pages,
        frozenset(),
        inside=lambda inner: Door(inner, FileKey(TOKEN), answers, COOKIE, Sessions(), Tries()),
    )
    async with served(app) as client, opened(browser, str(client.base_url), expected=_ASKED_FOR) as page:
        yield page, str(client.base_url).rstrip("/")


async def test_signing_in_is_for_all_people(site: Site, browser: Browser) -> None:
    async with before_the_door(site, browser) as (page, url):
        await page.goto(f"{url}/tasks")
        await check_for_all_people(page)
        await page.get_by_label("Token").fill("wrong")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await check_for_all_people(page)
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Tasks")


async def test_the_page_that_leads_on_is_for_all_people(site: Site, browser: Browser) -> None:
    async with before_the_door(site, browser) as (page, url):
        answer = await page.context.request.get(f"{url}/tasks", headers={"Sec-Fetch-Site": "cross-site"})
        bounce = (await answer.text()).replace('http-equiv="refresh"', "")  # else it is gone before it is looked at
        await page.route("**/bounce", lambda route: route.fulfill(body=bounce, content_type="text/html"))
        await page.goto(f"{url}/bounce")
        await expect(page.get_by_role("link", name="Go on to the page")).to_be_visible()
        await check_for_all_people(page)


async def test_what_is_missing_is_told_to_all_people(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url, expected=_ASKED_FOR) as page:
        for path in ("task?id=none", "no-such-page", "?queue=none", "tasks?state=odd"):
            await page.goto(f"{site.url}/{path}")
            await check_for_all_people(page)


async def test_a_preview_and_errors_of_a_form_are_for_all_people(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url, expected=_ASKED_FOR) as page:
        await page.goto(f"{site.url}/edit?id=feed:00200")
        await page.locator("[name=retries]").fill("3")
        await page.get_by_role("button", name="Preview").click()
        await expect(page.locator(".differences")).to_contain_text("Further attempts")
        await check_for_all_people(page)
        await page.locator("[name=retries]").fill("many")
        await page.get_by_role("button", name="Preview").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await check_for_all_people(page)


async def test_the_question_after_tasks_are_chosen_is_for_all_people(site: Site, browser: Browser) -> None:
    async with opened(browser, site.url) as page:
        await page.goto(f"{site.url}/tasks")
        await page.locator("td.pick input").nth(1).check()
        await page.get_by_role("button", name="Remove…").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Remove 1 task")
        await check_for_all_people(page)


async def test_who_wants_less_motion_has_none(site: Site, browser: Browser) -> None:
    """Whatever is told to move does not: there is nothing that does, and what comes later must not either."""
    moves = """() => {
        const at = document.querySelector("main h1");
        at.style.transition = "all 5s";
        at.style.animation = "x 5s infinite";
        const { transitionProperty, animationName } = getComputedStyle(at);
        return [transitionProperty, animationName];
    }"""
    async with opened(browser, site.url) as page:
        await page.goto(f"{site.url}/health")
        assert await page.evaluate(moves) == ["all", "x"]
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(moves) == ["none", "none"]

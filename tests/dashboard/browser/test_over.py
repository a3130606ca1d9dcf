"""A page that is left open while its session ends, or what it shows: it goes where the browser would go."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Route as Asked
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from interval_scheduler import IntervalTask
from interval_scheduler.dashboard import Level, dashboard
from interval_scheduler.dashboard.pages import tasks
from tests.contrib.serving import served
from tests.dashboard.browser.site import Site
from tests.dashboard.browser.watching import opened

pytestmark = pytest.mark.asyncio(loop_scope="package")
#: The sign-in of an application, which happens to name its parts as the dashboard does.
LOGIN = HTMLResponse('<!doctype html><html lang="en"><title>Login</title><main id="main">Who are you?</main></html>')


class Session:
    """Whether the reader is signed in, and how the application says that it is over."""

    is_open = True
    asks_in_place = False


@contextlib.asynccontextmanager
async def in_application(site: Site, browser: Browser) -> AsyncIterator[tuple[Page, str, Session]]:
    """A page, the URL of a dashboard that is mounted in an application with a sign-in of its own, and the session."""
    session = Session()

    def access(_: Request) -> Level:
        if not session.is_open:
            raise HTTPException(303, headers={"Location": "/login"})
        return "admin"

    async def login(_: Request) -> Response:
        return LOGIN

    inner = dashboard(site.scheduler, access=access)

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await (LOGIN if session.asks_in_place else inner)(scope, receive, send)

    app: ASGIApp = Starlette(routes=[Route("/login", login), Mount("/ops", mounted)])
    async with (
        served(app) as client,
        opened(browser, str(client.base_url), expected="the server responded with a status of 404") as page,
    ):
        yield page, f"{str(client.base_url).rstrip('/')}/ops", session


async def test_a_session_that_ends_leads_to_the_sign_in(site: Site, browser: Browser) -> None:
    async with in_application(site, browser) as (page, url, session):
        await page.goto(f"{url}/health")
        session.is_open = False
        await page.wait_for_url("**/login")
        await expect(page.locator("main")).to_have_text("Who are you?")


async def test_a_sign_in_in_the_place_of_a_page_is_shown_as_a_whole(site: Site, browser: Browser) -> None:
    async with in_application(site, browser) as (page, url, session):
        await page.goto(f"{url}/health")
        session.asks_in_place = True
        await expect(page).to_have_title("Login")
        await expect(page.locator("nav")).to_have_count(0)


async def test_a_search_whose_session_ends_leads_to_the_sign_in(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BUDGET", 1_000)  # a search of many steps
    async with in_application(site, browser) as (page, url, session):

        async def end(route: Asked) -> None:
            session.is_open = False
            await route.continue_()

        await page.route("**/tasks?*after=*", end)
        await page.goto(f"{url}/tasks?q=no-such-id")
        await page.wait_for_url("**/login")


async def test_a_task_that_is_gone_is_said_to_be(site: Site, browser: Browser) -> None:
    await site.scheduler.assign_task(IntervalTask("short-lived", every=3600))
    async with in_application(site, browser) as (page, url, _):
        await page.goto(f"{url}/task?id=short-lived")
        await site.scheduler.remove_task("short-lived")
        await expect(page.locator("main h1")).to_have_text("There is no such thing")
        await expect(page.locator("#live")).to_be_hidden()

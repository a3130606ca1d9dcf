"""A page of the browser that keeps what went wrong on it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, expect

from tests.dashboard.browser.site import PATIENCE

#: All that axe knows, its best practices included.
_AXE: Final = {
    "resultTypes": ["violations"],
    "rules": {"target-size": {"enabled": True}, "color-contrast-enhanced": {"enabled": False}},
}


#: Narrow as a phone, and as a window on a desk.
_WIDTHS: Final = (390, 1280)
_THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_OF_COLOURS: Final = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
#: Rows of a table are alike, and axe takes its time for each.
_CONTEXT: Final = {"exclude": [["tbody tr:nth-child(n+7)"]]}


# What is expected of a page has five seconds otherwise, whatever the time-out of its context.
expect.set_options(timeout=PATIENCE * 1000)


class Complaints:
    """What a browser complains of: errors of the console and of scripts, violations of the CSP, other hosts.

    Args:
        page: the page that is watched.
        host: the host and port that alone may be asked for something.
        expected: a complaint with this in it is none.
    """

    def __init__(self, page: Page, host: str, expected: str | None) -> None:
        self._host = host
        self._expected = expected
        self.found: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if self._expected is not None and self._expected in message.text:
            return
        if message.type in {"error", "warning"}:  # a violation of the CSP is an error of the console
            self.found.append(f"{message.type}: {message.text}")

    def _error(self, error: Error) -> None:
        self.found.append(f"script: {error.message}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host:
            self.found.append(f"request: {request.url}")


@contextlib.asynccontextmanager
async def opened(browser: Browser, url: str, *, expected: str | None = None, **options: Any) -> AsyncIterator[Page]:
    """Opens pages of one site, and fails if the browser complained of any.

    Args:
        browser: the browser.
        url: a URL of the site; nothing is opened yet.
        expected: a complaint with this in it is none.
        **options: those of a context of the browser, such as `java_script_enabled`.
    """
    context = await browser.new_context(**options)
    try:
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        complaints = Complaints(page, urlsplit(url).netloc, expected)
        yield page
        assert complaints.found == [], complaints.found
    finally:
        await context.close()


async def barriers(page: Page, *, of_colours: bool = False) -> list[str]:
    """What keeps people from using the page, as axe sees it; with `of_colours`, it looks at nothing else."""
    results = await Axe().run(page, _CONTEXT, _OF_COLOURS if of_colours else _AXE)
    return [
        f"{found['id']}: {node['target']} {node['html']} {node['failureSummary']}"
        for found in results.response["violations"]
        for node in found["nodes"]
    ]


async def check_for_all_people(page: Page) -> None:
    """See that what is shown keeps nobody out: light and dark, wide and narrow, and it does not scroll to the side."""
    for width in _WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls to the side"
        for theme in _THEMES:
            await page.emulate_media(color_scheme=theme)
            # All but the colours is the same in both.
            assert await barriers(page, of_colours=theme == "dark") == [], (width, theme)

"""The built site in Chromium: its search finds the right page, it loads nothing from elsewhere, and it fits a phone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from tests.pages.site import browser, build, served
from tests.stories.programs import ROOT

pytestmark = pytest.mark.asyncio

Scheme = Literal["light", "dark"]

PATIENCE_MS: Final = 60_000
#: What people look for, and the pages of which one has to be among the first three.
WANTED: Final = {
    "metrics": {"telemetry"},
    "Sentry": {"observing"},
    "Django": {"django"},
    "cron": {"recurrence"},
    "rate limit": {"quotas"},
    "pause": {"control"},
    "duplicates": {"duplicates"},
    "drift": {"drift"},
}
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
HEIGHT: Final = 800
BROKEN_IMAGES: Final = "[...document.images].filter(each => each.complete && !each.naturalWidth).map(each => each.src)"
LOOKED_AT: Final = ("", "performance/", "api/")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    return folder


@pytest.fixture
def site(built: Path) -> Iterator[str]:
    with served(built) as address:
        yield address


async def open_page(chromium: Browser, site: str, scheme: Scheme, width: int) -> tuple[Page, list[str]]:
    """A page, and what it asked other hosts for or complained of so far."""
    page = await chromium.new_page(viewport=ViewportSize(width=width, height=HEIGHT), color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    told: list[str] = []
    page.on("request", lambda asked: None if asked.url.startswith((site, "data:")) else told.append(asked.url))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("response", lambda answer: told.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None)
    return page, told


async def test_it_loads_nothing_from_elsewhere_and_fits(site: str) -> None:
    async with browser() as chromium:
        for scheme, width in itertools.product(SCHEMES, (1280, 390)):
            page, told = await open_page(chromium, site, scheme, width)
            for name in LOOKED_AT:
                await page.goto(f"{site}/{name}", wait_until="load")
                assert await page.locator("h1").count() == 1
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
                assert await page.evaluate(BROKEN_IMAGES) == []
            assert told == []
            await page.close()


async def test_the_search_finds_the_right_page(site: str) -> None:
    found: dict[str, list[str]] = {}
    async with browser() as chromium:
        page, told = await open_page(chromium, site, "light", 1280)
        for words in WANTED:
            await page.goto(f"{site}/?q={words}", wait_until="load")
            links = page.locator(".md-search-result__item > a.md-search-result__link")
            await links.first.wait_for(state="attached")
            addresses = [await link.get_attribute("href") or "" for link in await links.all()]
            # A page may be there with several of its headings.
            pages = dict.fromkeys(address.removeprefix(site).split("/")[1] for address in addresses)
            found[words] = list(pages)[:3]
        assert told == []
    assert {words: pages for words, pages in found.items() if not WANTED[words] & set(pages)} == {}


async def test_the_home_page_shows_it_all_in_one_screen(site: str) -> None:
    async with browser() as chromium:
        page, _ = await open_page(chromium, site, "light", 1280)
        await page.goto(f"{site}/", wait_until="load")
        for text in ("asyncio", "rq-scheduler", "Five minutes to a service"):
            box = await page.locator("article").get_by_text(text).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < HEIGHT, text
        picture = page.locator("article a[href] img")
        assert await picture.count() == 1
        assert await picture.evaluate("each => each.complete && each.naturalWidth") > 0, "it is there, and was loaded"
        box = await picture.bounding_box()
        assert box is not None
        assert box["height"] > 100
        assert box["y"] + box["height"] < HEIGHT


@pytest.mark.parametrize("file", ["examples/first_service/tasks.py", "schemas/task.json", "assets/results/peers.svg"])
async def test_a_file_that_a_page_links_to_is_there(built: Path, file: str) -> None:
    assert (built / file).read_bytes() == (ROOT / "docs" / file).read_bytes()

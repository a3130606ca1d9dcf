"""Takes the pictures of the documentation."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import Browser

from interval_scheduler.dashboard.registry import PAGES
from tests.dashboard.browser.site import QUERIES

_FOLDER: Final = Path(__file__).parents[3] / "docs" / "assets"
#: The pages by the names of their pictures.
_PICTURES: Final = {"overview": "", "task": "task", "ahead": "ahead", "dead": "dead"}
_WIDTH, _HEIGHT = 1280, 860


async def take_pictures(browser: Browser, url: str) -> list[str]:
    """Take a picture of each page that the documentation shows; return the names of their files."""
    there = {page.name for page in PAGES}
    context = await browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT}, color_scheme="light")
    page = await context.new_page()
    written = []
    for name, path in _PICTURES.items():
        if path in there:
            await page.goto(f"{url}/{path}{QUERIES.get(path, '')}", wait_until="load")
            file = _FOLDER / f"dashboard-{name}.png"
            await asyncio.to_thread(_write, await page.screenshot(), file)
            written.append(file.name)
    await context.close()
    return written


def _write(picture: bytes, file: Path) -> None:
    """Write a picture with 128 colours: a third of the size, and nobody sees it."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)

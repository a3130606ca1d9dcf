"""Finds and starts a Chromium."""

from __future__ import annotations

import os
import shutil

from playwright.async_api import Browser, Playwright


def chromium_at(playwright: Playwright) -> str | None:
    """Where it is: as CHROMIUM says, that of the system, or that of Playwright; `None` if there is none."""
    named = os.environ.get("CHROMIUM") or shutil.which("chromium") or playwright.chromium.executable_path
    return shutil.which(named)


async def launched(playwright: Playwright) -> Browser:
    """Start it without a window, and without its sandbox, which containers do not allow: it sees our pages alone."""
    return await playwright.chromium.launch(
        executable_path=chromium_at(playwright), args=["--no-sandbox", "--disable-gpu"]
    )

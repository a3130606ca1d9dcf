"""The documentation as a site: built once, served on loopback, looked at with a real browser."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

from tests.stories.programs import ROOT

#: Where Debian has it.
CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
#: The build takes a few seconds where nothing else runs.
BUILD_SECONDS: Final = 300


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, and writes no line for each of them."""

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the name that the base class has
        """Write nothing."""


def build(folder: Path) -> None:
    """Build the site into a folder, as `make check` does; what MkDocs warns of is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of loopback; gives the address, without a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, name="site")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A Chromium without a window."""
    async with async_playwright() as playwright:
        # Tests may run as root, where Chromium has no sandbox; it sees pages of this project only.
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield chromium
        finally:
            await chromium.close()

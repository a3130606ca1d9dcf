"""Opens a browser at a link without showing the link to other users of the machine.

What a program is started with, everybody can see in the list of processes. So the browser gets a file that only its
user can read, and which leads to the link.
"""

from __future__ import annotations

import tempfile
import threading
import webbrowser
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self


class Opening:
    """The file that leads to a link, for as long as the block lasts.

    Args:
        say: tells who started the dashboard that no browser was found.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open_once(self, url: str) -> None:
        """Open a browser at the first link that comes."""
        if self._folder is not None:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="interval-scheduler-dashboard-")  # its mode is 0700
        page = Path(self._folder.name) / "open.html"
        page.write_text(
            f'<!doctype html><meta charset="utf-8"><title>Dashboard</title>'
            f'<meta http-equiv="refresh" content="0; url={escape(url)}"><a href="{escape(url)}">Dashboard</a>\n',
            encoding="utf-8",
        )
        # Some browsers hold up who starts them.
        threading.Thread(target=self._open, args=(page.as_uri(),), daemon=True, name="browser").start()

    def _open(self, url: str) -> None:
        if not webbrowser.open(url):
            self._say("No browser could be opened: open the link by hand.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

"""The progress of long work, in a line of its own on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from ..frame.settings import Settings

#: It is not written more often, in seconds.
_EVERY: Final = 0.1
_ERASE: Final = "\r\x1b[K"


class Progress:
    """A line on stderr that is written over; none if stderr is no terminal, or the command is to be quiet.

    At the end of a `with` block it is taken away.

    Args:
        settings: the common options.
    """

    def __init__(self, settings: Settings) -> None:
        self._is_shown = sys.stderr.isatty() and not settings.quiet
        self._written_at = time.monotonic()  # what is over at once shows none
        self._is_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.erase()

    def tell(self, words: str) -> None:
        """Show how far the work is."""
        now = time.monotonic()
        if self._is_shown and now - self._written_at >= _EVERY:
            sys.stderr.write(_ERASE + words)
            sys.stderr.flush()
            self._written_at, self._is_there = now, True

    def erase(self) -> None:
        """Take the line away, so that something else can be written."""
        if self._is_there:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self._is_there = False

"""`Progress`: how far a long command is, on one line of the terminal that stderr is; elsewhere nothing is written."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

_EACH_SECONDS: Final = 0.1
_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """The progress of one command, for the length of a block.

    Args:
        what: what is counted, as in `tasks checked`.
        quiet: write nothing.
    """

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._is_shown = sys.stderr.isatty() and not quiet
        self._shown_at = 0.0

    def to(self, done: int, total: int) -> None:
        """Say that so many are done, of about so many."""
        if self._is_shown and (now := time.monotonic()) - self._shown_at >= _EACH_SECONDS:
            self._shown_at = now
            share = f" of {total:,} ({done / total:.0%})" if total else ""
            sys.stderr.write(f"{_CLEAR_LINE}{done:,}{share} {self._what}")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._shown_at:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()

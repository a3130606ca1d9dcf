"""A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..frame.settings import Settings

#: Is called with what is done, and with words on it.
Show = Callable[[float, str], object]


@contextmanager
def progress(settings: Settings, total: float | None) -> Iterator[Show]:
    """Show a bar for the length of a block; nothing where nobody watches, or with `--quiet`.

    Args:
        settings: the common options.
        total: the amount that is all; None: nobody knows, so the bar only moves.

    Yields:
        What shows how far it is.
    """
    if settings.quiet or not sys.stderr.isatty():
        yield lambda _done, _words: None
        return
    from rich.console import Console  # noqa: PLC0415 - it is needed for a terminal only
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True, no_color=not settings.color)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        shown = bar.add_task("", total=total)
        yield lambda done, words: bar.update(shown, completed=done, description=words)

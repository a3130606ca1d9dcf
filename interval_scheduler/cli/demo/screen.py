"""The words of the demo, and how things stand, on stderr."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click

from ..frame.settings import Settings

Rows = list[tuple[str, str]]


class Screen:
    """A screen that is live on a terminal, and gives plain lines elsewhere; nothing with `--quiet`.

    Args:
        settings: the common options.
    """

    def __init__(self, settings: Settings) -> None:
        from rich.console import Console  # noqa: PLC0415 - who only asks for the help needs none of it
        from rich.live import Live  # noqa: PLC0415

        self._quiet = settings.quiet
        self._console = Console(stderr=True, highlight=False, no_color=not settings.color)
        self._started_at = time.monotonic()
        is_live = self._console.is_terminal and not self._quiet
        self._live = Live(console=self._console, transient=True) if is_live else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """Say what happens, and when."""
        text = f"{time.monotonic() - self._started_at:4.0f} s  {text}"
        if self._live is not None:
            self._console.print(text, markup=False)
        elif not self._quiet:
            click.echo(text, err=True)

    def progress(self, rows: Rows) -> None:
        """Show how things stand; it replaces what was shown before on a terminal."""
        if self._live is None:
            self.say("  ".join(f"{name} {value}" for name, value in rows))
            return
        from rich.table import Table  # noqa: PLC0415 - as above

        table = Table(show_header=False)
        for row in [("seconds", f"{time.monotonic() - self._started_at:.0f}"), *rows]:
            table.add_row(*row)
        self._live.update(table)


def percentiles(lags: Sequence[float], *shares: float) -> str:
    """Return percentiles in ms, as text; 1 is the greatest."""
    if not lags:
        return "-"
    ordered = sorted(lags)
    return " / ".join(f"{1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.1f}" for share in shares)

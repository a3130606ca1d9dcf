"""What the demo shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

Rows = list[tuple[str, str]]


class Screen:
    """Live on a terminal; plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._started_at = time.monotonic()
        self._live = Live(console=self._console, transient=True) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """What happens, and when."""
        text = f"{time.monotonic() - self._started_at:4.0f} s  {text}"
        if self._live is None:
            print(text, flush=True)
        else:
            self._console.print(text)

    def progress(self, rows: Rows) -> None:
        """How things stand; replaces what was shown before on a terminal."""
        if self._live is None:
            self.say("  ".join(f"{name} {value}" for name, value in rows))
        else:
            self._live.update(_table([("seconds", f"{time.monotonic() - self._started_at:.0f}"), *rows]))

    def summary(self, rows: Rows) -> None:
        """What came of it."""
        if self._live is None:
            print("\n" + "\n".join(f"{name:26} {value}" for name, value in rows), flush=True)
        else:
            self._console.print(_table(rows))


def _table(rows: Rows) -> Table:
    table = Table(show_header=False)
    for row in rows:
        table.add_row(*row)
    return table


def percentiles(lags: Sequence[float], *shares: float) -> str:
    """Percentiles in ms, as text; 1 is the greatest."""
    if not lags:
        return "-"
    ordered = sorted(lags)
    return " / ".join(f"{1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.1f}" for share in shares)

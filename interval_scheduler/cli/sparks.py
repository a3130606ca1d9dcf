"""Sparklines: a row of numbers as a row of small bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"


def sparks(values: Sequence[float]) -> str:
    """Return a bar for each value, the highest for the largest; a blank for what is 0 or less."""
    top = max(values, default=0)
    return "".join(" " if each <= 0 else _BARS[min(7, int(8 * each / top))] for each in values)

"""Bars and sparklines: numbers as blocks of text. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

#: The levels of a sparkline: the first one is nothing at all, so that a little is seen.
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_LETTERS: Final = "_.:-=+*#"
#: The last block of a bar, by eighths of its width.
_EIGHTHS: Final = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def is_drawable(encoding: str | None) -> bool:
    """Tell if an encoding has the blocks."""
    try:
        f"{_BLOCKS}{''.join(_EIGHTHS)}".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def sparkline(values: Sequence[float | None], *, blocks: bool = True) -> str:
    """Draw values as one line, a character for each.

    Args:
        values: numbers of 0 or more, the greatest of which is drawn as a full block; `None`: not known, drawn as a
            blank. Infinity is as great as the greatest number.
        blocks: with blocks; else with characters of ASCII. Default: with blocks.
    """
    levels = _BLOCKS if blocks else _LETTERS
    most = max((each for each in values if each is not None and math.isfinite(each)), default=0)
    return "".join(" " if each is None else levels[_level(each, most, len(levels) - 1)] for each in values)


def bar(value: float, most: float, width: int, *, blocks: bool = True) -> str:
    """Draw a value as a bar.

    Args:
        value: a number of 0 or more.
        most: the number whose bar is as long as can be.
        width: the characters of that longest bar.
        blocks: with blocks, down to eighths of a character; else with `#`. Default: with blocks.
    """
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(8 * width * min(1.0, value / most)))
    if not blocks:
        return "#" * math.ceil(eighths / 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def squeezed(values: Sequence[float], width: int) -> list[float]:
    """Return at most so many values, each the greatest of some neighbours: a peak stays one."""
    size = max(1, math.ceil(len(values) / max(1, width)))
    return [max(values[at : at + size]) for at in range(0, len(values), size)]


def _level(value: float, most: float, last: int) -> int:
    if value <= 0:
        return 0
    return last if most <= 0 or value >= most else max(1, math.ceil(last * value / most))

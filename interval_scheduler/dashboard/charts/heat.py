"""A heat map: a row for each hour, a cell for each piece of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from .drawing import BOTTOM, TOP, element, framed, linked, number, percent
from .scale import amount, moment_words

#: The pixels of a row, and the ones between two.
_ROW: Final = 20
_GAP: Final = 2
#: The levels above 0, and the one of the mean.
LEVELS: Final = 6
_MEAN: Final = 3


def heat_map(rows: Sequence[Mapping[str, Any]], key: str, said: str, *, label: str, link: str) -> Markup:
    """Draw the cells of some hours. How hot a cell is tells how far it is from the mean: so peaks stand out.

    Args:
        rows: the hours: `at`, a datetime in UTC, and `cells`, equally many for each; a cell has `at`, a value and a
            link, or is `None` where there is nothing to show.
        key: the key of the values.
        said: the words for a value.
        label: what is shown, for those who do not see it.
        link: the key of the URL that a cell leads to.
    """
    values = [amount(cell[key]) for row in rows for cell in row["cells"] if cell]
    mean = sum(values) / len(values) if values else 0.0
    drawn: list[Markup] = []
    for line, row in enumerate(rows):
        y, cells = TOP + line * _ROW, row["cells"]
        words = f"{row['at']:%H:%M}" if row["at"].hour else f"{row['at']:%b} {row['at'].day}"
        drawn.append(element("text", words, kind="tick value", x="-8", y=number(y + _ROW / 2), dy="0.32em"))
        for column, cell in enumerate(cells):
            if cell:
                place = {"x": percent(column / len(cells)), "y": y, "width": percent(1 / len(cells)), "height": _ROW}
                rect = element("rect", kind=f"cell level-{level(cell[key], mean)}", **place, rx=_GAP)
                drawn.append(
                    linked(cell[link], f"{moment_words(cell['at'])}: {round(amount(cell[key])):,} {said}", rect)
                )
    below = TOP + len(rows) * _ROW
    columns = len(rows[0]["cells"]) if rows else 0
    for column in range(0, columns, max(1, columns // 4)):
        minute = 60 * column // columns
        drawn.append(
            element("text", f":{minute:02}", kind="tick", x=percent(column / columns), y=number(below + BOTTOM - 6))
        )
    drawn.append(element("text", "UTC", kind="tick value", x="-8", y=number(below + BOTTOM - 6)))
    return framed("heat", label, below + BOTTOM, drawn, has_links=True)


def level(value: float, mean: float) -> int:
    """Return how hot a cell is: 0 for nothing, 3 for about the mean, `LEVELS` for twice as much and more."""
    known = amount(value)
    return min(LEVELS, max(1, round(_MEAN * known / mean))) if known > 0 else 0

"""A table on a terminal that begins before its last row is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # who asks for a pipe loads none of it
    from rich.text import Text

#: The blanks between two columns.
_BETWEEN: Final = 2
#: No column becomes narrower than this to make room for others.
_NARROWEST: Final = 8
#: Texts become as wide as this where there is room, since later rows may have longer ones.
_ROOMY: Final = 40
#: The column that is cut to so many lines, and has at least a third of a terminal of usual width.
_CUT: Final = "error"
_MOST_LINES: Final = 2
_USUAL: Final = 80
#: A moment with a Z.
_MOMENT: Final = 20
#: Columns of a fixed vocabulary, and the widest that they become: the first rows do not say it.
_WIDEST: Final[Mapping[str, int]] = {
    **dict.fromkeys(("from", "next", "claimed", "failed", "died"), _MOMENT),
    "state": len("waiting"),
    "in": len("59m 59s ago"),
}


def fit(widths: Sequence[int], room: int, firm: Sequence[bool], least: Sequence[int] = ()) -> list[int]:
    """Return the widths of columns that have to fit. Pure.

    The widest one gives way first, as far as it may; moments and numbers give way only when texts have.

    Args:
        widths: the widths that the columns would like to have.
        room: the width of all of them with the blanks between.
        firm: for each column, if it has moments or numbers.
        least: for each column, what it keeps. Default: 8 for each.
    """
    fitted, kept = list(widths), list(least) or [_NARROWEST] * len(widths)
    over = sum(fitted) + _BETWEEN * (len(fitted) - 1) - room
    for group in (False, True):
        columns = [n for n, is_firm in enumerate(firm) if is_firm is group]
        while over > 0 and (wide := [n for n in columns if fitted[n] > kept[n]]):
            fitted[max(wide, key=fitted.__getitem__)] -= 1
            over -= 1
    return fitted


def spread(widths: Sequence[int], room: int, firm: Sequence[bool]) -> list[int]:
    """Return the widths of columns of which texts have got the room that is left, up to 40 each. Pure.

    Args:
        widths: the widths that the columns need by now.
        room: the width of all of them with the blanks between.
        firm: for each column, if it has moments or numbers.
    """
    given = list(widths)
    left = room - sum(given) - _BETWEEN * (len(given) - 1)
    while left > 0 and (narrow := [n for n, is_firm in enumerate(firm) if not is_firm and given[n] < _ROOMY]):
        given[min(narrow, key=given.__getitem__)] += 1
        left -= 1
    return given


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: what stands in it.
        style: its style for `rich`; empty for none.
        is_firm: it is a moment or a number, which is hard to read on several lines.
    """

    text: str
    style: str
    is_firm: bool


class TerminalTable:
    """A table in colours. Its heads, what is known of its columns and its first rows say how wide these are.

    Args:
        columns: the heads; none of them is broken.
        wide: columns that only a terminal of so many characters shows.
        is_colored: with colours.
    """

    def __init__(self, columns: Sequence[str], wide: Mapping[str, int], *, is_colored: bool) -> None:
        from rich.console import Console  # noqa: PLC0415 - it is needed for a terminal only

        self._console: Final = Console(color_system="auto" if is_colored else None, highlight=False)
        self._is_shown: Final = [wide.get(head, 0) <= self._console.width for head in columns]
        self._columns: Final = list(compress(columns, self._is_shown))
        self._widths: list[int] | None = None

    def add(self, rows: Sequence[Sequence[Cell]], *, is_whole: bool = False) -> None:
        """Write rows.

        Args:
            rows: their cells.
            is_whole: there are no others, so no room is kept for longer texts.
        """
        from rich.table import Table  # noqa: PLC0415

        rows = [list(compress(row, self._is_shown)) for row in rows]
        is_first = self._widths is None
        if self._widths is None:
            self._widths = self._fitted(rows, is_whole=is_whole)
        table = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), show_header=is_first, header_style="bold")
        for head, width in zip(self._columns, self._widths, strict=True):
            table.add_column(head, width=width, overflow="fold")
        for row in rows:
            table.add_row(*map(self._shown, self._columns, row, self._widths))
        if is_first or rows:
            self._console.print(table)

    def _shown(self, head: str, cell: Cell, width: int) -> Text:
        """Return the text of a cell, that of an error in two lines at most."""
        from rich.text import Text  # noqa: PLC0415

        if head != _CUT:
            return Text(cell.text, style=cell.style)
        lines = Text(" ".join(cell.text.split()), style=cell.style).wrap(self._console, width, overflow="fold")
        if len(lines) > _MOST_LINES:
            end = "…" if self._console.encoding.startswith("utf") else "..."
            last = lines[_MOST_LINES - 1]
            last.rstrip()
            last.truncate(width - len(end))
            last.append(end)
        return Text("\n", style=cell.style).join(lines[:_MOST_LINES])

    def _fitted(self, rows: Sequence[Sequence[Cell]], *, is_whole: bool) -> list[int]:
        """Find the widths of the columns."""
        from rich.cells import cell_len  # noqa: PLC0415

        columns = [[row[n] for row in rows] for n in range(len(self._columns))]
        heads, room = list(map(cell_len, self._columns)), self._console.width
        firm = [
            head in _WIDEST or all(cell.is_firm for cell in column)
            for head, column in zip(self._columns, columns, strict=True)
        ]
        widths = [
            max([len_of, _WIDEST.get(head, 0), *(cell_len(line) for cell in column for line in cell.text.split("\n"))])
            for head, len_of, column in zip(self._columns, heads, columns, strict=True)
        ]
        least = [
            max(len_of, min(width, room // 3) if head == _CUT and room >= _USUAL else _NARROWEST)
            for head, len_of, width in zip(self._columns, heads, widths, strict=True)
        ]
        if not is_whole:
            widths = spread(widths, room, firm)
        return fit(widths, self._console.width, firm, least)

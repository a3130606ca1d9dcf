"""A table on a terminal that begins before its last row is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

#: The blanks between two columns.
_BETWEEN: Final = 2
#: No column becomes narrower than this to make room for others.
_NARROWEST: Final = 8


def fit(widths: Sequence[int], room: int, firm: Sequence[bool]) -> list[int]:
    """Return the widths of columns that have to fit. Pure.

    The widest one gives way first, as far as it may; moments and numbers give way only when texts have.

    Args:
        widths: the widths that the columns would like to have.
        room: the width of all of them with the blanks between.
        firm: for each column, if it has moments or numbers.
    """
    fitted = list(widths)
    over = sum(fitted) + _BETWEEN * (len(fitted) - 1) - room
    for group in (False, True):
        columns = [n for n, is_firm in enumerate(firm) if is_firm is group]
        while over > 0 and (wide := [n for n in columns if fitted[n] > _NARROWEST]):
            fitted[max(wide, key=fitted.__getitem__)] -= 1
            over -= 1
    return fitted


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
    """A table in colours, whose first rows say how wide its columns are.

    Args:
        columns: the heads.
        is_colored: with colours.
    """

    def __init__(self, columns: Sequence[str], *, is_colored: bool) -> None:
        from rich.console import Console  # noqa: PLC0415 - it is needed for a terminal only

        self._columns: Final = columns
        self._widths: list[int] | None = None
        self._console: Final = Console(color_system="auto" if is_colored else None, highlight=False)

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Write rows."""
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        is_first = self._widths is None
        if self._widths is None:
            self._widths = self._fitted(rows)
        table = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), show_header=is_first, header_style="bold")
        for head, width in zip(self._columns, self._widths, strict=True):
            table.add_column(head, width=width, overflow="fold")
        for row in rows:
            table.add_row(*[Text(cell.text, style=cell.style) for cell in row])
        if is_first or rows:
            self._console.print(table)

    def _fitted(self, rows: Sequence[Sequence[Cell]]) -> list[int]:
        """Find the widths of the columns by their first rows."""
        from rich.cells import cell_len  # noqa: PLC0415

        columns = [[row[n] for row in rows] for n in range(len(self._columns))]
        widths = [
            max([cell_len(head), *(cell_len(line) for cell in column for line in cell.text.split("\n"))])
            for head, column in zip(self._columns, columns, strict=True)
        ]
        return fit(widths, self._console.width, [all(cell.is_firm for cell in column) for column in columns])

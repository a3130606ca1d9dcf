"""A frame as plain text, for scripts and for terminals that know nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .frame import Frame
from .panes import Pane

#: The most rows of each pane.
_ROWS: Final = 10


def plain_text(frame: Frame, title: str) -> str:
    """Return the text of a frame, without the end of the last line."""
    head = [title, "  ".join(f"{each.name} {each.text}" for each in frame.figures)]
    if frame.sparks.strip():
        head.append(f"runs by minute {frame.sparks.strip()}")
    head += [f"! {words}" for _, words in frame.alerts]
    return "\n".join([*head, *[line for pane in frame.panes for line in _lines(pane)]])


def heading(pane: Pane) -> str:
    """Return the title of a pane with its counts: `Next due 12 of 1,204`."""
    if pane.total is None:
        return f"{pane.title} ?"
    shown, total = f"{len(pane.rows):,}", f"{pane.total:,}"
    return f"{pane.title} {total}" if shown == total else f"{pane.title} {shown} of {total}"


def _lines(pane: Pane) -> Iterable[str]:
    yield ""
    yield heading(pane)
    rows = [row.cells for row in pane.rows[:_ROWS]]
    if not rows:
        return
    names = [column.name for column in pane.columns]
    widths = [max(len(row[at]) for row in [names, *rows]) for at in range(len(names))]
    for row in [names, *rows]:
        cells = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(row, widths, pane.columns, strict=True)
        ]
        yield "  " + "  ".join(cells).rstrip()

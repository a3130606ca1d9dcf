"""The output of commands: results go to stdout, words to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Final

import click

from .plain import json_line
from .settings import Settings

#: The rows by which the widths of a table are found, before the first of them is written.
_AHEAD: Final = 100


def printable(value: Any) -> str:
    """Return a value as text, in which escapes are shown for what would steer a terminal; line ends stay."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


class Output:
    """The output of one command.

    On a terminal, rows are tables and cards in colours; in a pipe they are lines with tabs between the cells; with
    `--json`, one JSON value a line.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.is_terminal = sys.stdout.isatty() and not settings.as_json

    def say(self, words: str) -> None:
        """Write words to stderr, unless the command is to be quiet."""
        if not self._settings.quiet:
            click.echo(words, err=True)

    def value(self, value: Any, text: str) -> None:
        """Write one result: as JSON, or as a text."""
        click.echo(json_line(value) if self._settings.as_json else text)

    def record(self, value: Any, rows: Mapping[str, Any]) -> None:
        """Write one result with many fields: as JSON, or a line for each field with its name."""
        if self._settings.as_json:
            click.echo(json_line(value))
            return
        width = max(map(len, rows), default=0)
        for name, each in rows.items():
            label = click.style(name.ljust(width), dim=True) if self._is_colored() else name.ljust(width)
            first, *more = self.cell(each).splitlines() or [""]
            click.echo("\n".join([f"{label}  {first}".rstrip(), *[" " * (width + 2) + line for line in more]]))

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], values: Iterable[Any] | None = None) -> None:
        """Write many results, each as a row of cells; with `--json` the values, one a line.

        Args:
            columns: the heads.
            rows: the cells of each row; they are read while they are written.
            values: what JSON shows of each row, as many as there are rows. Default: an object by the heads.
        """
        if self._settings.as_json:
            for value in values if values is not None else (dict(zip(columns, row, strict=True)) for row in rows):
                click.echo(json_line(value))
        elif self.is_terminal:
            self._table(columns, rows)
        else:
            if not self._settings.quiet:
                click.echo("\t".join(columns))
            for row in rows:
                click.echo("\t".join(self.cell(each).replace("\t", " ").replace("\n", " ") for each in row))

    def cell(self, value: Any) -> str:
        """Return a value as people read it; nothing for `None`. What would steer a terminal is shown as an escape."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return f"{value:,}" if self.is_terminal else str(value)
        return printable(value)

    def moment(self, value: datetime) -> str:
        """Return a moment with its zone, to the second."""
        zoned = value.astimezone(UTC) if self._settings.utc else value.astimezone()
        return zoned.isoformat(" ", "seconds")

    def _is_colored(self) -> bool:
        return self.is_terminal and self._settings.color

    def _table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write a table. The first rows say how wide its columns are; so it begins before the last row is known."""
        from rich.console import Console  # noqa: PLC0415 - it is needed for a terminal only
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(no_color=not self._settings.color, highlight=False, soft_wrap=False)
        left = iter(rows)
        widths: list[int] | None = None
        while first := list(islice(left, _AHEAD)):
            cells = [[self.cell(each) for each in row] for row in first]
            table = Table(box=None, pad_edge=False, show_header=widths is None, header_style="bold")
            widths = widths or [max(len(row[i]) for row in chain(cells, [columns])) for i in range(len(columns))]
            for name, width in zip(columns, widths, strict=True):
                table.add_column(name, min_width=min(width, 24), overflow="fold")
            for row in cells:
                table.add_row(*[Text(each) for each in row])
            console.print(table)

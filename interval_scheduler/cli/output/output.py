"""The output of commands: results go to stdout, words to stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

import click

from ..frame.settings import Settings
from .json_lines import json_line
from .sparklines import is_drawable
from .tables import Cell, TerminalTable

#: The rows that are written at once.
_AT_ONCE: Final = 100


class Colored(NamedTuple):
    """A cell with a colour of its own on a terminal.

    Attributes:
        value: what stands in it.
        color: the name of a colour, such as `red`.
    """

    value: Any
    color: str


def printable(value: Any) -> str:
    """Return a value as text, in which escapes are shown for what would steer a terminal; line ends stay."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if text.isprintable() else "".join(map(_shown, text))


class Output:
    """The output of one command.

    On a terminal, rows are tables and cards in colours; in a pipe they are lines with tabs between the cells; with
    `--json`, one JSON value a line.

    Attributes:
        is_terminal: results are shown to people: on a terminal, and not as JSON.
        has_blocks: the output can show the blocks of which bars and sparklines are made.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.is_terminal = sys.stdout.isatty() and not settings.as_json
        self.has_blocks = is_drawable(sys.stdout.encoding)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # What its encoding does not have is shown as an escape, as what would steer a terminal is.
            sys.stdout.reconfigure(errors="backslashreplace")

    def say(self, words: str) -> None:
        """Write words to stderr, unless the command is to be quiet."""
        if not self._settings.quiet:
            click.echo(words, err=True)

    def write(self, text: str) -> None:
        """Write a text and the end of a line to stdout, so that who reads it has it at once.

        `click.echo` takes an output in ASCII for a mistake, and writes UTF-8 to it.
        """
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def value(self, value: Any, text: str) -> None:
        """Write one result: as JSON, or as a text."""
        self.write(self.json(value) if self._settings.as_json else text)

    def record(self, value: Any, rows: Mapping[str, Any]) -> None:
        """Write one result with many fields: as JSON, or a line for each field with its name."""
        if self._settings.as_json:
            self.write(self.json(value))
            return
        width = max(map(len, rows), default=0)
        for name, each in rows.items():
            label = self._painted(name.ljust(width), dim=True)
            first, *more = self.cell(each).splitlines() or [""]
            first = self._painted(first, fg=each.color) if isinstance(each, Colored) else first
            self.write("\n".join([f"{label}  {first}".rstrip(), *[" " * (width + 2) + line for line in more]]))

    def rows(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        values: Iterable[Any] | None = None,
        *,
        wide: Mapping[str, int] | None = None,
    ) -> None:
        """Write many results, each as a row of cells; with `--json` the values, one a line.

        Args:
            columns: the heads.
            rows: the cells of each row; they are read while they are written.
            values: what JSON shows of each row, as many as there are rows. Default: an object by the heads.
            wide: as for `table`.
        """
        table = self.table(columns, wide=wide)
        is_by_values = self._settings.as_json and values is not None
        left = iter(values if is_by_values and values is not None else rows)
        is_over = False
        while not is_over:
            some = list(islice(left, _AT_ONCE))
            is_over = len(some) < _AT_ONCE
            if is_by_values:
                table.add([], some)
            else:
                table.add(some, is_whole=is_over)

    def table(self, columns: Sequence[str], *, wide: Mapping[str, int] | None = None) -> Rows:
        """Begin a table, to which rows are added while they are found. It has its head from the first of them on.

        Args:
            columns: the heads.
            wide: columns that only a terminal of so many characters shows; pipes and JSON have them all. Default: none.
        """
        return Rows(self, self._settings, columns, wide or {})

    def json(self, value: Any) -> str:
        """Return a value as a line of JSON that the output can show."""
        return json_line(value, is_ascii=not (sys.stdout.encoding or "").lower().startswith("utf"))

    def cell(self, value: Any) -> str:
        """Return a value as people read it; nothing for `None`. What would steer a terminal is shown as an escape."""
        if isinstance(value, Colored):
            return self.cell(value.value)
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
        """Return a moment to the second, in a pipe with its offset; on a terminal `--utc` shows as a Z."""
        zoned = self._zoned(value)
        if not self.is_terminal:
            return zoned.isoformat(" ", "seconds")
        return f"{zoned:%Y-%m-%d %H:%M:%S}{'Z' if self._settings.utc else ''}"

    def clock(self, value: datetime) -> str:
        """Return the time of day of a moment, to the second."""
        return f"{self._zoned(value):%H:%M:%S}"

    def _zoned(self, value: datetime) -> datetime:
        return value.astimezone(UTC) if self._settings.utc else value.astimezone()

    def _painted(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self.is_terminal and self._settings.color else text


class Rows:
    """Results that are written while they are found.

    Args:
        out: the output.
        settings: the common options of the command.
        columns: the heads.
        wide: columns that only a terminal of so many characters shows.
    """

    def __init__(self, out: Output, settings: Settings, columns: Sequence[str], wide: Mapping[str, int]) -> None:
        self._out = out
        self._settings = settings
        self._columns = columns
        self._on_terminal = TerminalTable(columns, wide, is_colored=settings.color) if out.is_terminal else None
        self._has_head = settings.quiet

    def add(
        self, rows: Sequence[Sequence[Any]], values: Sequence[Any] | None = None, *, is_whole: bool = False
    ) -> None:
        """Write some rows.

        Args:
            rows: the cells of each.
            values: what JSON shows of each instead. Default: an object by the heads.
            is_whole: there are no others.
        """
        if self._settings.as_json:
            shown = [dict(zip(self._columns, row, strict=True)) for row in rows] if values is None else values
            lines = [self._out.json(each) for each in shown]
        elif self._on_terminal is not None:
            self._on_terminal.add([[self._to_cell(each) for each in row] for row in rows], is_whole=is_whole)
            return
        else:
            lines = [] if self._has_head else ["\t".join(self._columns)]
            self._has_head = True
            lines += ["\t".join(self._out.cell(each).replace("\n", " ") for each in row) for row in rows]
        if lines:
            self._out.write("\n".join(lines))

    def _to_cell(self, value: Any) -> Cell:
        style = value.color if isinstance(value, Colored) else ""
        bare = value.value if isinstance(value, Colored) else value
        return Cell(self._out.cell(bare), style, is_firm=not isinstance(bare, str | bytes))


def _shown(character: str) -> str:
    return character if character.isprintable() or character == "\n" else ascii(character)[1:-1]

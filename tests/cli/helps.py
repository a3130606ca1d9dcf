"""The help of every command, as it is shown on 100 columns.

`python -m tests.cli.helps` writes it into `golden/`; `make pages` does that first, and then makes docs/cli.md of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from docs.making.commands import GOLDEN
from interval_scheduler.cli.app import app
from interval_scheduler.cli.frame.names import NAME

#: Two columns stay empty.
WIDTH: Final = 98


def helps() -> Iterator[tuple[str, str]]:
    """The words of each command, blanks between them, and its help; first of all of `interval-scheduler` itself."""
    yield from _helps(app, app.make_context(NAME, [], resilient_parsing=True, terminal_width=WIDTH))


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    words = context.command_path.removeprefix(NAME).strip()
    yield words, command.get_help(context) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _helps(inner, inner.make_context(name, [], parent=context, resilient_parsing=True))


def file_of(words: str) -> Path:
    """The golden file of a command."""
    return GOLDEN / f"{words.replace(' ', '.') or NAME}.txt"


def renew() -> None:
    """Write the files anew."""
    for old in GOLDEN.glob("*.txt"):
        old.unlink()
    for words, text in helps():
        file_of(words).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()

"""The ids that a command is given: as words, or line by line on stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

#: This word stands for the lines of stdin.
STDIN: Final = "-"


def ids_of(words: Sequence[str]) -> list[str]:
    """Return the ids, each once, in their order. All are read and checked before the first is used.

    Raises:
        UsageError: one can be no id; nothing was changed.
    """
    return list(dict.fromkeys(_checked(words)))


def _checked(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word == STDIN:
            yield from _lines()
        else:
            yield _id(word, "ID")


def _lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        raw = line.rstrip(b"\r\n")
        if raw:
            # What is no UTF-8 becomes what no id can have, as in the words of a command.
            yield _id(raw.decode("utf-8", "surrogateescape"), f"line {number} of stdin")


def _id(text: str, where: str) -> str:
    try:
        return interval_scheduler.IntervalTask(text).id  # a task checks its id
    except interval_scheduler.InvalidValue as error:
        raise click.UsageError(f"{where}: {error}") from None

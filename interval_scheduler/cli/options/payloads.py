"""The payload that a command is given: a text, a file, or stdin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

#: More is not read: a payload that is longer than 256 KiB is refused, and a file need not have an end.
_MOST_BYTES: Final = 1 << 20


class Payload(click.ParamType[Any]):
    """An option that is a payload: `TEXT`, `@FILE`, or `-` for stdin. What is read is text if it is UTF-8."""

    name = "payload"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002
        """Return what the help shows."""
        return "TEXT|@FILE|-"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | bytes:
        """Return the payload; fail with a usage error."""
        if value == "-":
            return _text_or_bytes(sys.stdin.buffer.read(_MOST_BYTES))
        if not value.startswith("@"):
            return str(value)
        try:
            with Path(value[1:]).open("rb") as file:
                return _text_or_bytes(file.read(_MOST_BYTES))
        except OSError as error:
            self.fail(f"{value[1:]}: {error.strerror}", param, ctx)


def _text_or_bytes(read: bytes) -> str | bytes:
    try:
        return read.decode()
    except UnicodeDecodeError:
        return read

"""The words for a change that is interrupted: nobody knows whether it was made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..output.output import Output


@contextmanager
def in_doubt(out: Output, words: str) -> Iterator[None]:
    """Say words if the block is interrupted."""
    import asyncio  # noqa: PLC0415 - the help of a command needs none of it

    try:
        yield
    except asyncio.CancelledError:
        out.say(words)
        raise

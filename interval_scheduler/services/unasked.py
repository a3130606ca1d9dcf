"""The words for an end that nobody asked for."""

from __future__ import annotations

import asyncio

from ..support.text import describe


def in_words(error: BaseException) -> str:
    """Describe the error that ended everything in the background."""
    if isinstance(error, asyncio.CancelledError):
        return "its asyncio tasks were cancelled, as at the end of asyncio.run(); use 'async with', or call close()"
    return describe(error)

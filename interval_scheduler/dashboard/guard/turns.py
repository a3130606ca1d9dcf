"""Turns for what a dashboard does for one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

#: So long a reader waits for a turn, in seconds: most turns are shorter than that.
_PATIENCE: Final = 1.0


class NoTurn(Exception):
    """The turn of somebody else goes on: the answer is 429 with these words."""

    def __init__(self) -> None:
        super().__init__("Somebody else looks through all tasks just now. Try again in a moment.")


class Turns:
    """Gives turns, one after the other."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have a turn in the block.

        Raises:
            NoTurn: that of somebody else did not end within a second.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._lock.acquire()
        except TimeoutError:
            raise NoTurn from None
        try:
            yield
        finally:
            self._lock.release()

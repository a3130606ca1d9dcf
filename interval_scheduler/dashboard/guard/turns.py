"""Turns for what a dashboard does for one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

#: The most tasks that are looked at in one turn of a search: some 40 ms of the server.
BUDGET: Final = 50_000
#: So long a reader waits for a turn, in seconds: most turns are shorter than that.
_PATIENCE: Final = 1.0


class NoTurn(Exception):
    """The turns of others go on: the answer is 429 with these words.

    Args:
        words: what goes on, and what to do. Default: somebody else looks through all tasks.
    """

    def __init__(self, words: str = "Somebody else looks through all tasks just now. Try again in a moment.") -> None:
        super().__init__(words)


class Turns:
    """Gives turns, one after the other, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, patience: float | None = _PATIENCE) -> AsyncIterator[None]:
        """Have a turn in the block.

        Args:
            patience: the seconds to wait for it; `None`: any time, as work in the background does. Default: a second.

        Raises:
            NoTurn: those of others did not end within that time.
        """
        try:
            async with asyncio.timeout(patience):
                await self._lock.acquire()
        except TimeoutError:
            raise NoTurn from None
        try:
            yield
        finally:
            self._lock.release()

"""The running event loop, and a lock that several event loops may use one after the other."""

from __future__ import annotations

import asyncio

# It returns `None` where no event loop runs, and so a check costs one comparison.
from asyncio import _get_running_loop as running_loop

__all__ = ["LoopLock", "running_loop"]


class LoopLock:
    """A lock for whichever event loop runs: asyncio's own binds itself to the first loop in which a task waits."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    def of_this_loop(self) -> asyncio.Lock:
        """Return the lock of the running event loop; one that was left locked in an earlier loop is forgotten."""
        loop = running_loop()
        if loop is not self._loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock

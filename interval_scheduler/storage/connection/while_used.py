"""Background work that several share: it goes on for as long as anybody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio


class WhileUsed:
    """The first one who shares the work starts it, and the last one who gives up ends it.

    Args:
        work: makes the work.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._users = 0
        self._task: asyncio.Task[None] | None = None

    async def share(self) -> None:
        """Wait for the end of the work.

        Raises:
            Exception: the error of the work; whoever shares it gets it.
        """
        if self._task is None or self._task.done():
            self._task, self._users = asyncio.create_task(self._work(), name="interval_scheduler link"), 0
        task = self._task
        self._users += 1
        try:
            await asyncio.wait([task])
            task.result()
        finally:
            if task is self._task:
                self._users -= 1
                if self._users == 0:
                    self._task = None
                    await end(task)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end; its error is nobody's."""
    task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()

"""Views that are read once for all who ask for them at about the same time.

::

    asked ──nothing is known──▶ is read ──▶ kept for a while ──▶ forgotten
      └──── is read, or kept ──▶ shared      └──an action──▶ forgotten

So a hundred open tabs cost what one does. Errors are shared by those who wait for the same reading, and not kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from typing import Final, Generic, TypeVar

_Value = TypeVar("_Value")

#: The most values that are kept. Beyond them the oldest are forgotten, so that odd queries fill no memory.
_MOST: Final = 256


class Shared(Generic[_Value]):
    """Reads values and shares them.

    Args:
        seconds: how long a value is kept after it was read.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._readings: dict[Hashable, _Reading[_Value]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[_Value]]) -> _Value:
        """Return the value of a key: one that is known or being read, else a new one.

        Raises:
            Exception: whatever the reading raises.
        """
        reading = self._readings.get(key)
        if reading is None or reading.is_over(self._seconds):
            self._readings.pop(key, None)
            reading = self._readings[key] = _Reading(read)
            self._forget_oldest()
        return await reading.value()

    def forget(self) -> None:
        """Forget all values: who asks next reads anew. Those who wait already get what they wait for."""
        self._readings.clear()

    def _forget_oldest(self) -> None:
        for key in [key for key, reading in self._readings.items() if reading.is_over(self._seconds)]:
            del self._readings[key]
        while len(self._readings) > _MOST:
            del self._readings[next(iter(self._readings))]


class _Reading(Generic[_Value]):
    """One reading, in a task of its own: who asked first may be cancelled without harm to the others.

    Nor do the others see what only who asked first may: the context variables of that request are not set in it.
    """

    def __init__(self, read: Callable[[], Awaitable[_Value]]) -> None:
        self._task: asyncio.Task[_Value] = asyncio.create_task(_awaited(read), context=Context())
        self._task.add_done_callback(self._end)
        self._waiting = 0
        self._ended: float | None = None
        self._is_given_up = False

    def is_over(self, seconds: float) -> bool:
        """Tell if it ended so many seconds ago, or without a value."""
        if self._is_given_up:
            return True
        if not self._task.done():
            return False
        if self._task.cancelled() or self._task.exception() is not None:
            return True
        return self._ended is not None and time.monotonic() - self._ended >= seconds

    async def value(self) -> _Value:
        """Wait for the value. When the last who waits is cancelled, so is the reading."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._is_given_up = True  # who comes before it has ended must not share its end
                self._task.cancel()

    def _end(self, task: asyncio.Task[_Value]) -> None:
        self._ended = time.monotonic()
        if not task.cancelled():
            task.exception()  # those who waited have it; if all of them were cancelled, nobody needs it


async def _awaited(read: Callable[[], Awaitable[_Value]]) -> _Value:
    return await read()

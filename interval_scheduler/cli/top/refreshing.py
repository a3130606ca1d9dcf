"""`Refreshing`: reads again and again, one reading at a time, until it is cancelled.

::

    reads ──▶ shows ──▶ waits for the interval, or until it is hurried ──▶ reads
                          └── paused: waits until it is hurried
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from .reading import Reading


class Refreshing:
    """The loop that reads. A reading that takes longer than the interval delays the next one; none overlap.

    Args:
        read: reads once.
        show: shows what was read.
        interval: seconds from one reading to the next.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Reading]], show: Callable[[Reading], object], interval: float
    ) -> None:
        self._read = read
        self._show = show
        self._interval = interval
        self._hurried = asyncio.Event()
        #: True while it reads only when it is hurried.
        self.is_paused = False
        self._began: float | None = None

    @property
    def waited(self) -> float:
        """The seconds since the reading in progress began; 0 if there is none."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    async def run(self) -> None:
        """Read and show until it is cancelled."""
        while True:
            self._hurried.clear()
            began = self._began = time.monotonic()
            reading, self._began = await self._read(), None
            self._show(reading)
            left = None if self.is_paused else max(0.0, began + self._interval - time.monotonic())
            try:
                async with asyncio.timeout(left):
                    await self._hurried.wait()
            except TimeoutError:
                continue

    def hurry(self) -> None:
        """Read now, or as soon as the reading in progress has ended."""
        self._hurried.set()

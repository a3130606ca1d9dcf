"""Waiting for what should happen, with a deadline instead of fixed sleeps."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

from interval_scheduler import TaskRun, current_run


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = 10) -> None:
    """Wait until a condition, plain or asynchronous, holds; fail after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        if time.monotonic() > give_up_at:
            raise AssertionError(f"did not come true within {seconds} s")
        await asyncio.sleep(0.005)


class Recorder:
    """An executor that keeps what it was called with, and can be held up."""

    def __init__(self) -> None:
        self.data: list[Any] = []
        self.runs: list[TaskRun] = []
        self.active = 0
        self.most_active = 0
        self.cancelled: list[TaskRun] = []
        #: Runs wait here while it is clear.
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, data: Any) -> None:
        run = current_run()
        self.data.append(data)
        self.runs.append(run)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(run)
            raise
        finally:
            self.active -= 1

    async def ran(self, times: int, seconds: float = 10) -> None:
        """Wait until so many runs have started."""
        await until(lambda: len(self.runs) >= times, seconds)

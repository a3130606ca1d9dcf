"""Awaits what a run needs before it starts, for as long as it may start."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from ..support import clock
from .run import TaskRun


async def in_time(run: TaskRun, ready: Coroutine[None, None, bool]) -> bool:
    """Await what a run needs; return False if it must not start: not ready, too late, or cut short meanwhile."""
    try:
        async with asyncio.timeout(run.start_by - clock.monotonic()):
            return await ready
    except TimeoutError:
        return False
    except asyncio.CancelledError:
        if run.cut_short is None:
            raise  # everything ends
        return False

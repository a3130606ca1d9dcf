"""Awaits an executor for as long as its run, or its batch, may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import RunTimeout
from .executor import AnyCall
from .leaving import Carried


async def within(
    seconds: float | None, carried: Carried, executor: AnyCall, argument: object, cut: Callable[[], None]
) -> None:
    """Call the executor, and cut short what takes longer.

    Args:
        seconds: how long it may take; `None` for any time.
        carried: the run, or the batch.
        executor: the executor.
        argument: what it is called with.
        cut: cuts the run or the batch short.

    Raises:
        RunTimeout: it took longer.
        BaseException: whatever the executor raises.
    """
    if seconds is None:
        await executor(argument)
        return
    timer = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        await executor(argument)
    except asyncio.CancelledError:
        if carried.cut_short == "timed out":
            raise RunTimeout(seconds) from None
        raise
    finally:
        timer.cancel()

"""Signals that interrupt a command: the first cancels it, so that it says what it did; the second ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

from .exits import Ended

_Result = TypeVar("_Result")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def interruptible(call: Coroutine[Any, Any, _Result]) -> _Result:
    """Await the coroutine of a command; SIGINT and SIGTERM cancel it.

    Raises:
        Ended: it was cancelled by one of them; the exit code is 130 or 143.
    """
    import asyncio  # noqa: PLC0415 - the help of a command needs none of it

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if received:
            raise SystemExit(128 + number)
        received.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)  # it wakes the loop, which may sleep

    # Only the first thread of a process may handle signals; a program that calls a command from another one does it.
    is_first = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop) for number in _SIGNALS} if is_first else {}
    try:
        return await call
    except asyncio.CancelledError:
        if not received:
            raise
        raise Ended(128 + received[0], "interrupted") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

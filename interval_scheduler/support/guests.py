"""The one rule for all code of the application that is called: whatever it raises is told, and ends nothing of ours."""

from __future__ import annotations

import asyncio


def ends_process(error: BaseException) -> SystemExit | KeyboardInterrupt | None:
    """Find what ends the process in an error, or in a group of errors; `None` for nothing."""
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if (found := ends_process(inner)) is not None:
                return found
    return None


def is_called_by(task: asyncio.Task[None] | None) -> bool:
    """Tell if an asyncio task carries the caller out; the garbage collector, which closes a coroutine, is no task."""
    try:
        return asyncio.current_task() is task
    except RuntimeError:  # no event loop runs
        return False


def retrieve(task: asyncio.Task[None]) -> None:
    """Take note of the error of an asyncio task that ended the event loop, or asyncio complains that nobody did."""
    if not task.cancelled():
        task.exception()

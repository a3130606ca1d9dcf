"""The one rule for all code of the application that is called: whatever it raises is told, and ends nothing of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group, in order, or the error itself; groups may be nested deeper than any recursion."""
    left = [error]
    while left:
        error = left.pop()
        if isinstance(error, BaseExceptionGroup):
            left.extend(reversed(error.exceptions))
        else:
            yield error


def alone(error: BaseException) -> BaseException:
    """Return the one error that is in a group; an error that is no group, or a group of several, as it is."""
    first, *others = leaves(error)
    return error if others else first


def ends_process(error: BaseException) -> SystemExit | KeyboardInterrupt | None:
    """Find what ends the process in an error, or in a group of errors; `None` for nothing."""
    for leaf in leaves(error):
        if isinstance(leaf, SystemExit | KeyboardInterrupt):
            return leaf
    return None


def call_apart(
    loop: asyncio.AbstractEventLoop | None, function: Callable[..., object], *args: Any, **options: Any
) -> object:
    """Call a function of the application as if no asyncio task called it, so that it cannot cancel a task of ours.

    Args:
        loop: the running event loop, which the caller knows: to ask for it is a system call. `None`: none runs.
        function: the function.
        *args: its arguments.
        **options: those with names.
    """
    task = None if loop is None else asyncio.current_task(loop)
    if loop is None or task is None:
        return function(*args, **options)
    # There is no other way to take a cancel back that was asked for within the present step of a task.
    asyncio.tasks._leave_task(loop, task)  # noqa: SLF001
    try:
        return function(*args, **options)
    finally:
        asyncio.tasks._enter_task(loop, task)  # noqa: SLF001


def is_called_by(task: asyncio.Task[None] | None) -> bool:
    """Tell if an asyncio task carries the caller out; the garbage collector, which closes a coroutine, is no task."""
    try:
        return asyncio.current_task() is task
    except RuntimeError:  # no event loop runs
        return False


def retrieve(done: asyncio.Future[Any]) -> None:
    """Take note of the error of a future, or of an asyncio task, for which nobody may ask: else asyncio complains."""
    if not done.cancelled():
        done.exception()

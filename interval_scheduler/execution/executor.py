"""The executor, a coroutine function that runs a task; it is checked before anything is claimed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ..errors import InvalidType
from ..model.checks import Seconds, check_seconds
from ..support.arity import check_arity
from .run import TaskRun

#: Called with what `serialize()` returned: `str` or `bytes`. An executor may take only one of them, if the application
#: has no other payloads: a type checker cannot see what is in Redis.
Executor = Callable[[str], Awaitable[object]] | Callable[[bytes], Awaitable[object]]
#: Called with the runs of a batch; the payload of each is its `data`.
BatchExecutor = Callable[[list[TaskRun]], Awaitable[object]]
#: An executor as the code calls it, which does not know what it takes.
AnyCall = Callable[[Any], Awaitable[object]]
#: The argument of an executor, in words.
PAYLOAD: Final = ("the payload, or the runs of a batch",)


class Retry(Exception):
    """Raised by an executor: not now, try again later. No attempt is charged, and it is no error.

    The task is due again after the given time. A recurring one whose next occurrence comes sooner runs then instead.

    Args:
        after: how much later, in seconds or as a timedelta; at most ten years.

    Raises:
        InvalidValue, InvalidType: no positive time, or one over ten years.

    Example:
        ```python
        async def refresh(data):
            if await rate_limited():
                raise Retry(after=30)
        ```
    """

    def __init__(self, after: Seconds) -> None:
        #: The delay of the next attempt, in seconds.
        self.after = check_seconds("after", after)
        super().__init__(after)

    def __str__(self) -> str:
        return f"try again after {self.after:g} s"


def check_executor(executor: object) -> None:
    """Raise unless `executor` is a coroutine function that takes one argument, or is called like one.

    A partial of a coroutine function is, and an object with one as `__call__`.

    Raises:
        InvalidType: it is not.
    """
    if not callable(executor):
        raise InvalidType("executor", f"must be a coroutine function, not {type(executor).__name__}")
    if not is_coroutine_function(executor):
        raise InvalidType(
            "executor",
            "must be a coroutine function: write 'async def', and call blocking code with "
            "'await asyncio.to_thread(...)'",
        )
    check_arity("executor", executor, PAYLOAD)


def is_coroutine_function(function: Callable[..., object]) -> bool:
    """Tell if a function is a coroutine function, a partial of one, or an object with one as `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)

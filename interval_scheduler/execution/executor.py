"""What runs a task: a coroutine function, checked before anything is claimed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import InvalidType

#: Called with what `serialize()` returned.
Executor = Callable[[Any], Awaitable[object]]


def check_executor(executor: object) -> None:
    """Raise unless `executor` is a coroutine function, a partial of one, or an object with one as `__call__`.

    Raises:
        InvalidType: it is not.
    """
    function = executor
    while isinstance(function, functools.partial):
        function = function.func
    if not callable(function):
        raise InvalidType("executor", f"must be a coroutine function, not {type(executor).__name__}")
    if not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(type(function).__call__):
        raise InvalidType(
            "executor",
            "must be a coroutine function: write 'async def', and call blocking code with "
            "'await asyncio.to_thread(...)'",
        )

"""Functions of the application that a request asks: whatever they raise is told as one error, and ends nothing of ours.

::

    answer ──────────────────────────────────────────────────────▶ the answer
    HTTPException: the application answers the request itself ──▶ passes
    KeyboardInterrupt, and the cancellation of the request ─────▶ pass
    any other error, and no answer in time ─────────────────────▶ CannotTell

`SystemExit` is any other error here: anybody may send a request, and must not end the process of the application by it.
A `CancelledError` is the cancellation of the request if somebody has asked for that, which the asyncio task counts. If
nobody has, it is an error of the function: an asyncio task that it waited for was cancelled, for example.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException

_Answer = TypeVar("_Answer")

#: The longest time, in seconds, that the application may take to answer.
_LONGEST_ASKING_SECONDS: Final = 10.0


class CannotTell(Exception):
    """The application gave no answer; the cause is in `__cause__`."""


async def answer_of(question: Awaitable[_Answer], name: str) -> _Answer:
    """Wait for the answer of a function of the application, for ten seconds at the most.

    Args:
        question: asks the function, and checks its answer.
        name: the name of the function, for the error.

    Raises:
        CannotTell: it failed, or it did not answer in time.
        HTTPException: the application answers the request itself.
    """
    try:
        async with asyncio.timeout(_LONGEST_ASKING_SECONDS):
            return await question
    except HTTPException:
        raise
    except BaseException as error:
        if is_interrupt(error) or (isinstance(error, asyncio.CancelledError) and _is_cancelled()):
            raise
        raise CannotTell(f"the function `{name}` gave no answer") from error


async def awaited(answer: Any) -> Any:
    """Return what a function gave, or what that gives once it is awaited: coroutine functions may be asked too."""
    return await answer if inspect.isawaitable(answer) else answer


def _is_cancelled() -> bool:
    """Tell if somebody wants the request cancelled."""
    me = asyncio.current_task()
    return me is not None and me.cancelling() > 0


def is_interrupt(error: BaseException) -> bool:
    """Tell if an error is the Ctrl-C of a terminal, alone or in a group: it may come in the middle of any call."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)

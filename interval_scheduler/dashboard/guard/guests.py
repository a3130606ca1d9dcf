"""Functions of the application that a request asks: whatever they raise is told as one error, and ends nothing of ours.

::

    answer ──────────────────────────────────────────────────────▶ the answer
    HTTPException: the application answers the request itself ──▶ passes
    KeyboardInterrupt, and the cancellation of the request ─────▶ pass
    any other error, and no answer in time ─────────────────────▶ CannotTell

`SystemExit` is any other error here: anybody may send a request, and must not end the process of the application by it.
The function runs in an asyncio task of its own. So the request goes on in time also while the function holds up its own
cancellation; and a `CancelledError` that comes out of it is an error of the function: an asyncio task that it waited
for was cancelled, for example.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException

_Answer = TypeVar("_Answer")

#: The longest time, in seconds, that the application may take to answer.
_LONGEST_ASKING_SECONDS: Final = 10.0
#: The functions that are asked, and those that were cancelled and go on: the event loop alone keeps no asyncio task.
_ASKED: Final = set[asyncio.Task[Any]]()


class CannotTell(Exception):
    """The application gave no answer; the cause is in `__cause__`."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error of a function as a value: an asyncio task that raises `SystemExit` ends the event loop."""

    error: BaseException


async def answer_of(ask: Callable[[], Awaitable[_Answer]], name: str) -> _Answer:
    """Wait for the answer of a function of the application, for ten seconds at the most.

    Args:
        ask: asks the function, and checks its answer.
        name: the name of the function, for the error.

    Raises:
        CannotTell: it failed, or it did not answer in time. Then it is cancelled, and what it says later counts for
            nothing.
        HTTPException: the application answers the request itself.
    """
    asking = asyncio.create_task(_outcome_of(ask))
    _ASKED.add(asking)
    asking.add_done_callback(_ASKED.discard)
    try:
        await asyncio.wait({asking}, timeout=_LONGEST_ASKING_SECONDS)
    finally:
        asking.cancel()  # nothing happens to one that is done
    if not asking.done():
        raise _cannot_tell(name) from TimeoutError(f"{_LONGEST_ASKING_SECONDS:g} seconds went by")
    if asking.cancelled():  # by the function, which runs in this asyncio task
        raise _cannot_tell(name) from asyncio.CancelledError()
    outcome = asking.result()
    if not isinstance(outcome, _Failed):
        return outcome
    if isinstance(outcome.error, HTTPException) or is_interrupt(outcome.error):
        raise outcome.error
    raise _cannot_tell(name) from outcome.error


async def _outcome_of(ask: Callable[[], Awaitable[_Answer]]) -> _Answer | _Failed:
    try:
        return await ask()
    except BaseException as error:  # noqa: BLE001 - it is raised to who asks
        return _Failed(error)


def _cannot_tell(name: str) -> CannotTell:
    return CannotTell(f"the function `{name}` gave no answer")


async def awaited(answer: Any) -> Any:
    """Return what a function gave, or what that gives once it is awaited: coroutine functions may be asked too."""
    return await answer if inspect.isawaitable(answer) else answer


def is_interrupt(error: BaseException) -> bool:
    """Tell if an error is the Ctrl-C of a terminal, alone or in a group: it may come in the middle of any call."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)

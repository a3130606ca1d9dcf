"""The words for a reader of an error, with a status of HTTP. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import ClientDisconnect

from .. import (
    InvalidType,
    InvalidValue,
    LockError,
    LockTimeout,
    NotAcceptingTasks,
    NotConnected,
    NotReplicated,
    OutcomeUnknown,
    StorageError,
    StorageRefused,
)
from .forms import LONGEST, TooLarge
from .guard.turns import NoTurn
from .page import BadQuery, NotSaved, NotThere

#: The statuses of errors whose words are for the reader as they are.
_STATUSES: Final[Mapping[type[Exception], int]] = {NotThere: 404, BadQuery: 400, NoTurn: 429}
#: Answers of Redis that say that its user lacks a right.
_NO_RIGHT: Final = frozenset({"NOPERM", "NOAUTH", "WRONGPASS"})


@dataclass(frozen=True)
class Problem:
    """An answer instead of a page.

    Attributes:
        status: the status of HTTP.
        words: what is wrong and what to do, in sentences.
        is_unexpected: nobody foresaw it: its traceback is logged, and the reader is not told more. Default False.
    """

    status: int
    words: str
    is_unexpected: bool = False


_UNEXPECTED: Final = Problem(500, "Something went wrong here. The log of the server tells more.", is_unexpected=True)


def problem_of(error: Exception) -> Problem:
    """Return the answer when a page or an action raises an error."""
    match error:
        case NotThere() | BadQuery() | NoTurn():
            found = Problem(_STATUSES[type(error)], str(error))
        case InvalidValue() | InvalidType():
            found = Problem(400, _sentence(f"{error.field} {error.problem}"))
        case NotSaved():
            found = _of_not_saved(error)
        case TooLarge():
            found = Problem(413, f"The form is larger than {LONGEST:,} bytes.")
        case ClientDisconnect():
            found = Problem(400, "The request ended in the middle.")
        case StorageError():
            found = _of_storage(error)
        case NotConnected() | NotAcceptingTasks():
            found = Problem(503, "The dashboard is not connected to Redis at the moment. Try again soon.")
        case LockError() | TimeoutError():
            found = Problem(503, _of_time(error))
        case _:  # WrongEventLoop among them: it is a mistake of the application
            found = _UNEXPECTED
    return found


def _of_time(error: LockError | TimeoutError) -> str:
    match error:
        case LockTimeout():
            return "Others save their forms just now, so this one was not saved. Try again."
        case LockError():
            return "It is not known whether the form was saved: Redis was away for too long. Look at the task."
        case _:
            return "Redis did not answer in time. Try again."


def _of_not_saved(error: NotSaved) -> Problem:
    if isinstance(error.reason, OutcomeUnknown):  # of the lock, of which nobody wants to know
        words = f"partition {error.reason.partition!r}, where the lock of forms is, did not answer in time. Try again."
        return Problem(503, f"It was not saved: {words}")
    problem = problem_of(error.reason)
    return replace(problem, words=f"It was not saved: {problem.words}")


def _of_storage(error: StorageError) -> Problem:
    match error:
        case OutcomeUnknown() if not isinstance(error, NotReplicated):
            name = error.partition
            return Problem(
                503,
                f"It is not known whether it was done: partition {name!r} did not answer in time. Look at the state, "
                "then try again.",
            )
        case StorageRefused() if error.code in _NO_RIGHT:
            return Problem(
                403,
                f"Partition {error.partition!r} refused it ({error.code}): the user of Redis that the dashboard "
                "connects as may not do this.",
            )
        case _:
            return Problem(503, _sentence(str(error)))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"

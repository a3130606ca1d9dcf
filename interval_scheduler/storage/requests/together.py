"""Calls of one caller that are made together: one future has all their answers, instead of one for each.

::

    gathering ──each answer or error, in the order of the calls──▶ all are there: the future has them
        └──the caller gives up──▶ cancelled; its calls that are not sent yet are left out
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

Result = TypeVar("Result")


class Answers(NamedTuple, Generic[Result]):
    """The answers to some calls, in their order.

    Attributes:
        given: the answers; with an error, those to the calls before the first that failed.
        error: the error of that call; `None` if none failed.
    """

    given: list[Result]
    error: Exception | None = None

    def raise_error(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error


class Together(Generic[Result]):
    """The results of some calls, as each of them is told; it stands in for the future of each (see `Awaited`).

    Args:
        count: the number of calls, above 0. Their results are told in their order.
    """

    __slots__ = ("_error", "_given", "_left", "add_done_callback", "done", "future", "remove_done_callback")

    def __init__(self, count: int) -> None:
        self.future: Final[asyncio.Future[Answers[Result]]] = asyncio.get_running_loop().create_future()
        self._left = count
        self._given: list[Result] = []
        self._error: Exception | None = None
        # Those of the future: whoever asks this object asks it.
        self.done: Final = self.future.done
        self.add_done_callback: Final = self.future.add_done_callback
        self.remove_done_callback: Final = self.future.remove_done_callback

    def set_results(self, results: Sequence[Any], /) -> None:
        """Tell the answers to the next calls."""
        if self._error is None:
            self._given += results
        self._count_down(len(results))

    def set_result(self, result: Any, /) -> None:
        """Tell the answer to the next call."""
        self.set_results((result,))

    def set_exception(self, exception: Exception, /) -> None:
        """Tell the error of the next call."""
        if self._error is None:
            self._error = exception
        self._count_down(1)

    def _count_down(self, told: int) -> None:
        self._left -= told
        if self._left == 0:
            self.future.set_result(Answers(self._given, self._error))


def answers_of(call: asyncio.Future[Result]) -> asyncio.Future[Answers[Result]]:
    """Return the answer to a single call as those of calls that are made together; it is given up with that."""
    answers: asyncio.Future[Answers[Result]] = call.get_loop().create_future()

    def tell(_: object) -> None:
        error = None if call.cancelled() else call.exception()  # looked at in any case, or asyncio complains
        if answers.done():
            return
        if call.cancelled():
            answers.cancel()
        elif isinstance(error, Exception):
            answers.set_result(Answers([], error))
        elif error is not None:
            answers.set_exception(error)
        else:
            answers.set_result(Answers([call.result()]))

    def give_up(_: object) -> None:
        if answers.cancelled():
            call.cancel()

    call.add_done_callback(tell)
    answers.add_done_callback(give_up)
    return answers

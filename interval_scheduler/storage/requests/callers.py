"""The callers of one batch: any of them may give up before the result is there.

::

    sent ──reply──▶ done
      │
      └─ lost ──▶ in doubt ──▶ sent again for those who still wait ──▶ done
                     │
                     └─ nobody waits any more ──▶ given up

A repetition leaves out the items of those who gave up. That is safe, since it has the number of the first attempt: if
that one was carried out, its reply is remembered and nothing happens now; if not, no copy of it can do anything later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import anyio

from ..scripts.ports import Argument


class Awaited(Protocol):
    """The result of one item, as a future of asyncio has it; it is done early if its caller gave up."""

    def done(self) -> bool:
        """Tell if it is there, or its caller gave up."""

    def set_result(self, result: Any, /) -> None:
        """Set it; it must not be done."""

    def set_exception(self, exception: Exception, /) -> None:
        """Set an error instead; it must not be done."""

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Have a function called once it is done."""

    def remove_done_callback(self, callback: Callable[[Any], object], /) -> int:
        """Have a function not called."""


class Callers:
    """The callers of one batch, in the order of its items.

    Args:
        futures: the results that they wait for.
    """

    __slots__ = ("_futures",)

    def __init__(self, futures: Sequence[Awaited]) -> None:
        self._futures: Final = futures

    @property
    def count(self) -> int:
        """The number of callers, also of those who gave up."""
        return len(self._futures)

    def only(self, positions: Sequence[int]) -> Callers:
        """Return the callers of the items at some positions."""
        return Callers([self._futures[position] for position in positions])

    def waiting(self) -> list[int]:
        """Return the positions of the callers who still wait."""
        return [position for position, future in enumerate(self._futures) if not future.done()]

    @contextlib.contextmanager
    def end_without_any(self) -> Iterator[None]:
        """End the block early once no caller waits any more."""
        with anyio.CancelScope() as scope:

            def look(_: object) -> None:
                if not self.waiting():
                    scope.cancel()

            look(None)
            futures = set(self._futures)  # calls that are made together wait for one
            for future in futures:
                future.add_done_callback(look)
            try:
                yield
            finally:
                for future in futures:
                    future.remove_done_callback(look)


class Items:
    """The items of one request, of which a repetition leaves some out.

    Args:
        callers: their callers.
        width: the number of arguments of an item; they are the last ones of the request.
            0: a repetition has all arguments.
    """

    __slots__ = ("_callers", "_sent", "_width")

    def __init__(self, callers: Callers, width: int) -> None:
        self._callers: Final = callers
        self._width: Final = width
        #: The positions of the items of each shortened repetition, by their number. Each has fewer than the one before.
        self._sent: Final[dict[int, Sequence[int]]] = {}

    def end_without_any(self) -> contextlib.AbstractContextManager[None]:
        """End the block early once no caller waits any more."""
        return self._callers.end_without_any()

    def again(self, args: Sequence[Argument]) -> Sequence[Argument] | None:
        """Return the arguments of a repetition, from those of the first attempt; `None` if no caller waits any more."""
        waiting = self._callers.waiting()
        if not waiting:
            return None
        self._sent[len(waiting)] = waiting
        width = self._width
        first = len(args) - width * self._callers.count
        chosen = list(args[:first])
        for position in waiting:
            chosen += args[first + width * position : first + width * (position + 1)]
        return chosen

    def whole(self, reply: bytes) -> bytes:
        """Return a reply with a digit for each item, `0` for those that were left out.

        A reply ends with a digit for each item of the attempt that was carried out; or for the first ones of them, and
        then a slash and how many the attempt had. Then the result ends before the first item that has no digit.
        """
        if not (self._sent and self._width):  # nearly every request is answered at once
            return reply
        head, mark, results = reply.rpartition(b"?" if reply.startswith(b"?") else b" ")
        digits, _, asked = results.partition(b"/")
        sent = self._sent.get(int(asked or len(digits)))
        if sent is None:
            return reply
        filled = bytearray(b"0" * (sent[len(digits)] if len(digits) < len(sent) else self._callers.count))
        for position, digit in zip(sent, digits, strict=False):
            filled[position] = digit
        return head + mark + bytes(filled)

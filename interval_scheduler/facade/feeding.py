"""Items of the calling thread for a call in an event loop: the loop asks for some, and the thread goes and gets them.

So an iterable of the application (a generator, a query of an ORM) is read in the thread that called, as it expects,
and never blocks the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar

from .event_loop_thread import wait
from .loop_thread import LoopThread

Item = TypeVar("Item")
Result = TypeVar("Result")

#: The number of items that are handed over at once.
_CHUNK: Final = 500


def call_with(
    thread: LoopThread,
    items: Iterable[Item],
    call: Callable[[Iterable[Item] | AsyncIterator[Item]], Coroutine[Any, Any, Result]],
) -> Result:
    """Carry out a call that takes many items; a list or tuple is handed over whole.

    Raises:
        Exception: the error of the call, or of the iterable.
    """
    if isinstance(items, str | bytes | list | tuple) or not isinstance(items, Iterable):
        return thread.call(lambda: call(items))
    feed = _Feed(items)
    done: Future[Result] = Future()
    done.add_done_callback(lambda _: feed.end())
    try:
        if not thread.submit(lambda: call(feed.items()), done):
            return thread.call(lambda: call(items))
        feed.serve()
    except BaseException:
        done.cancel()
        raise
    return wait(done)


class _Feed(Generic[Item]):
    """The items of an iterable, on their way from its thread into an event loop."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._source = iter(items)
        self._wanted: SimpleQueue[Future[list[Item]] | None] = SimpleQueue()

    async def items(self) -> AsyncIterator[Item]:
        """Yield the items; runs in the event loop."""
        while chunk := await self._more():
            for item in chunk:
                yield item

    async def _more(self) -> list[Item]:
        answer: Future[list[Item]] = Future()
        self._wanted.put(answer)
        return await asyncio.wrap_future(answer)

    def serve(self) -> None:
        """Get items as long as some are wanted; runs in the thread of the iterable, and raises its errors."""
        while (answer := self._wanted.get()) is not None:
            chunk = list(islice(self._source, _CHUNK))
            if answer.set_running_or_notify_cancel():
                answer.set_result(chunk)

    def end(self) -> None:
        """Want no more."""
        self._wanted.put(None)

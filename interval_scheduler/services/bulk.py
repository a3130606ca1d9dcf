"""Many calls in bounded memory: a list is converted before the first call is sent; a window bounds the calls.

::

    items ──read──▶ a stretch ──submit──▶ under way, a window of them ──▶ results
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

from ..errors import InvalidType

Given = TypeVar("Given")
Ready = TypeVar("Ready")
Result = TypeVar("Result")

#: The most items under way: enough for full batches to every partition, little in memory.
_WINDOW: Final = 5_000
#: The most bytes of them, unless a stretch alone has more.
_WINDOW_BYTES: Final = 11 << 20
#: The most items that are read and submitted at once. Then batches get a turn, so that Redis works on one while the
#: next is gathered.
_STRETCH: Final = 100
#: A stretch ends with the item that brings it to this many bytes.
_STRETCH_BYTES: Final = 64 << 10


def check_iterable(field: str, items: object) -> None:
    """Check that a value can be iterated over; a str is refused, since it is one id and not many."""
    if isinstance(items, str | bytes) or not isinstance(items, Iterable | AsyncIterable):
        raise InvalidType(field, f"must be an iterable or an async iterable, not {type(items).__name__}")


def convert(
    items: Iterable[Given] | AsyncIterable[Given], function: Callable[[Given], Ready]
) -> AsyncIterable[Ready] | Iterable[Ready]:
    """Convert the items: all at once for a list or tuple, one by one for anything else."""
    if isinstance(items, AsyncIterable):
        return _convert_async(items, function)
    if isinstance(items, Sequence):
        return [function(item) for item in items]
    return map(function, items)


async def _convert_async(items: AsyncIterable[Given], function: Callable[[Given], Ready]) -> AsyncIterator[Ready]:
    async for item in items:
        yield function(item)


async def pipeline(
    items: Iterable[Ready] | AsyncIterable[Ready],
    submit: Callable[[list[Ready]], Iterable[asyncio.Future[Result]]],
    weigh: Callable[[Ready], int] | None = None,
) -> AsyncGenerator[Result, None]:
    """Submit the items, some at a time, and yield the results of the calls; at most a window of items is under way.

    Once an error is there, and all results before it, no further item is submitted, and the calls under way are
    awaited; so they are after an error of the caller about a result, if it closes the generator, as by
    `contextlib.aclosing`. A caller that is cancelled waits for no call: calls that are not sent yet are left out.

    Args:
        items: what is submitted. The items of an async iterable are submitted one by one, since whatever runs before
            the next one may make a call of its own, which must come behind.
        submit: makes the calls for some items, and gives each as it is made.
        weigh: returns the weight of an item in bytes, which bounds the window too. Default: items weigh nothing.
    """
    window: _Window[Result] = _Window()
    async with _to_their_ends(window):
        if isinstance(items, AsyncIterable):
            count = 0
            async for item in items:
                window.put(submit([item]), 1, 0 if weigh is None else weigh(item))
                while window.has_answer or not window.has_room(1):
                    yield await window.first()
                count += 1
                if count % _STRETCH == 0:  # a source that never waits stops nobody
                    await asyncio.sleep(0)
        else:
            for stretch, weight in _stretches(items, weigh):
                window.put(submit(stretch), len(stretch), weight)
                while window.has_answer or not window.has_room(_STRETCH):
                    yield await window.first()
                await asyncio.sleep(0)
        while window.calls:
            yield await window.first()


def _stretches(items: Iterable[Ready], weigh: Callable[[Ready], int] | None) -> Iterator[tuple[list[Ready], int]]:
    """Read items, some at a time; yield them with their weight. An error of the source comes behind what it gave."""
    source = iter(items)
    is_over, error = False, None
    while not is_over and error is None:
        stretch: list[Ready] = []
        weight = 0
        try:
            for item in source:
                stretch.append(item)
                weight += 0 if weigh is None else weigh(item)
                if len(stretch) == _STRETCH or weight >= _STRETCH_BYTES:
                    break
            else:
                is_over = True
        except Exception as failed:  # noqa: BLE001 - raised below
            error = failed
        if stretch:
            yield stretch, weight
    if error is not None:
        raise error


class _Window(Generic[Result]):
    """The calls that are submitted and not awaited yet, in their order."""

    def __init__(self) -> None:
        # With each call, how many items and bytes leave the window with it.
        self.calls: deque[tuple[asyncio.Future[Result], int, int]] = deque()
        self._items = self._bytes = 0

    @property
    def has_answer(self) -> bool:
        """Whether the oldest call is done."""
        return bool(self.calls) and self.calls[0][0].done()

    def has_room(self, items: int) -> bool:
        """Tell if so many more items may be submitted; there is room if nothing is under way."""
        return not self.calls or (self._items + items <= _WINDOW and self._bytes <= _WINDOW_BYTES)

    def put(self, calls: Iterable[asyncio.Future[Result]], items: int, weight: int) -> None:
        """Add the calls for some items, as they are made: those before one that cannot be made are under way."""
        self._items += items
        self._bytes += weight
        for call in calls:
            self.calls.append((call, 0, 0))
        last, _, _ = self.calls.pop()  # with which all of them leave
        self.calls.append((last, items, weight))

    async def first(self) -> Result:
        """Await the oldest call."""
        call, items, weight = self.calls.popleft()
        result = await call
        self._items -= items
        self._bytes -= weight
        return result


@asynccontextmanager
async def _to_their_ends(window: _Window[Any]) -> AsyncIterator[None]:
    """End the calls that are left in a window, as `pipeline` says."""
    try:
        yield
    except asyncio.CancelledError:
        while window.calls:
            window.calls.popleft()[0].cancel()
        raise
    finally:
        if window.calls:
            await asyncio.gather(*(call for call, _, _ in window.calls), return_exceptions=True)

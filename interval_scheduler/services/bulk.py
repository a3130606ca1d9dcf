"""Many calls in bounded memory: a list is converted before the first call is sent; a window bounds the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from ..errors import InvalidType

Given = TypeVar("Given")
Ready = TypeVar("Ready")
Result = TypeVar("Result")

#: The most calls under way: enough for full batches to every partition, little in memory.
_WINDOW: Final = 5_000
#: Lighter items are not counted, in bytes; 5,000 of them are less than 5 MiB.
_LIGHT: Final = 1024
#: The most bytes of the others, unless one alone has more: 16 MiB less the light ones.
_HEAVY_BYTES: Final = 11 << 20
#: The number of items after which batches get a turn, so that Redis works on one while the next is gathered.
_STRETCH: Final = 50


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


async def pipeline(  # noqa: C901 - the hot path of bulk calls, in one piece
    items: Iterable[Ready] | AsyncIterable[Ready],
    submit: Callable[[Ready], asyncio.Future[Result]],
    weigh: Callable[[Ready], int] | None = None,
) -> AsyncIterator[Result]:
    """Submit each item, and yield the results in order; at most a window of calls is under way.

    After an error no further item is submitted, and the calls under way are awaited. A caller that is cancelled waits
    for no call: calls that are not sent yet are left out.

    Args:
        items: what is submitted.
        submit: makes the call for an item.
        weigh: returns the weight of an item in bytes, which bounds the window too. Default: items weigh nothing.
    """
    heavy: deque[tuple[asyncio.Future[Result], int]] = deque()
    held = 0
    async with _under_way() as calls:
        if isinstance(items, AsyncIterable):
            async for item in items:
                calls.append(call := submit(item))
                if weigh is not None and (weight := weigh(item)) > _LIGHT:
                    heavy.append((call, weight))
                    held += weight
                while len(calls) >= _WINDOW or held > _HEAVY_BYTES:
                    yield await (first := calls.popleft())
                    if heavy and heavy[0][0] is first:
                        held -= heavy.popleft()[1]
        else:
            for count, item in enumerate(items, 1):
                calls.append(call := submit(item))
                if weigh is not None and (weight := weigh(item)) > _LIGHT:
                    heavy.append((call, weight))
                    held += weight
                while len(calls) >= _WINDOW or held > _HEAVY_BYTES:
                    yield await (first := calls.popleft())
                    if heavy and heavy[0][0] is first:
                        held -= heavy.popleft()[1]
                if count % _STRETCH == 0:
                    await asyncio.sleep(0)
        while calls:
            yield await calls.popleft()


@asynccontextmanager
async def _under_way() -> AsyncIterator[deque[asyncio.Future[Any]]]:
    """Hold the calls that are submitted and not answered yet; `pipeline` says how they end."""
    calls: deque[asyncio.Future[Any]] = deque()
    try:
        yield calls
    except (asyncio.CancelledError, GeneratorExit):
        while calls:
            calls.popleft().cancel()
        raise
    finally:
        if calls:
            await asyncio.gather(*calls, return_exceptions=True)

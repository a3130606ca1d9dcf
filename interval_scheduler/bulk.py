"""Many calls in bounded memory: conversion before the first is sent where possible, and a window of calls under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from .errors import InvalidType

Given = TypeVar("Given")
Ready = TypeVar("Ready")
Result = TypeVar("Result")

#: The most calls under way: enough for full batches to every partition, little in memory.
_WINDOW: Final = 5_000


class AssignCounts(NamedTuple):
    """What `assign_tasks` did."""

    assigned: int
    """How many tasks are newly assigned."""
    updated: int
    """How many were scheduled before and are updated."""


def check_iterable(field: str, items: object) -> None:
    """Raise unless there is something to iterate over; a str is one id, not many."""
    if isinstance(items, str | bytes) or not isinstance(items, Iterable | AsyncIterable):
        raise InvalidType(field, f"must be an iterable or an async iterable, not {type(items).__name__}")


def convert(
    items: Iterable[Given] | AsyncIterable[Given], function: Callable[[Given], Ready]
) -> AsyncIterable[Ready] | Iterable[Ready]:
    """Each item converted: all at once for a list or tuple, one by one for anything else."""
    if isinstance(items, AsyncIterable):
        return _convert_async(items, function)
    if isinstance(items, Sequence):
        return [function(item) for item in items]
    return map(function, items)


async def _convert_async(items: AsyncIterable[Given], function: Callable[[Given], Ready]) -> AsyncIterator[Ready]:
    async for item in items:
        yield function(item)


async def pipeline(
    items: Iterable[Ready] | AsyncIterable[Ready], submit: Callable[[Ready], asyncio.Future[Result]]
) -> AsyncIterator[Result]:
    """Submit each item, and give the results in order; at most a window of calls is under way.

    After an error no further item is submitted, and those under way are waited for. A caller that is cancelled waits
    for nothing: what is not sent yet is left out.
    """
    under_way: deque[asyncio.Future[Result]] = deque()
    try:
        if isinstance(items, AsyncIterable):
            async for item in items:
                under_way.append(submit(item))
                if len(under_way) >= _WINDOW:
                    yield await under_way.popleft()
        else:
            for item in items:
                under_way.append(submit(item))
                if len(under_way) >= _WINDOW:
                    yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    except (asyncio.CancelledError, GeneratorExit):
        while under_way:
            under_way.popleft().cancel()
        raise
    finally:
        if under_way:
            await asyncio.gather(*under_way, return_exceptions=True)

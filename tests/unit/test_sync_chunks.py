"""A sync takes the desired tasks in chunks, and forgets each record as soon as it was compared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from interval_scheduler.services.sync import _chunks
from interval_scheduler.storage.marks import MAX_BATCH, MAX_BATCH_BYTES

pytestmark = pytest.mark.asyncio


async def as_async(items: list[int]) -> AsyncIterator[int]:
    for item in items:
        yield item


async def test_chunks_are_bounded_in_bytes() -> None:
    third = MAX_BATCH_BYTES // 3
    weights = [third, third, third, third, 1, 2 * MAX_BATCH_BYTES, 1, MAX_BATCH_BYTES, 0]
    for items in (weights, as_async(weights)):
        chunks = [chunk async for chunk in _chunks(items, lambda item: item)]
        assert chunks == [[third] * 3, [third, 1], [2 * MAX_BATCH_BYTES], [1], [MAX_BATCH_BYTES, 0]]


async def test_chunks_are_bounded_in_number() -> None:
    chunks = [chunk async for chunk in _chunks(range(2 * MAX_BATCH + 7), lambda _: 1)]
    assert [len(chunk) for chunk in chunks] == [MAX_BATCH, MAX_BATCH, 7]

"""Many calls in bounded memory: when items are converted, how many are under way, what an error stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from interval_scheduler import InvalidType
from interval_scheduler.services import bulk
from tests.waiting import until

WINDOW = 8
#: As many items are submitted at once: the window is a multiple of it.
STRETCH = 2


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_WINDOW", WINDOW)
    monkeypatch.setattr(bulk, "_STRETCH", STRETCH)


async def as_async(items: Iterator[int]) -> AsyncIterator[int]:
    for item in items:
        await asyncio.sleep(0)  # an iterator that suspends
        yield item


async def as_async_at_once(items: Iterator[int]) -> AsyncIterator[int]:
    """One that never waits: only what reads it can leave others a turn."""
    for item in items:
        yield item


async def read_into(results: list[int], source: AsyncIterator[int]) -> None:
    async for result in source:
        results.append(result)  # noqa: PERF401 - those before an error are wanted


class BatchedCalls:
    """Takes items, answers a bounded number of them later, and counts those under way."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.submitted: list[int] = []
        self.answered: list[int] = []
        self.under_way = 0
        self.most_under_way = 0
        self._fails_at = fails_at

    def submit(self, items: list[int]) -> Iterator[asyncio.Future[int]]:
        return map(self._submit, items)

    def _submit(self, item: int) -> asyncio.Future[int]:
        self.submitted.append(item)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, self._answer, item, future)
        return future

    def _answer(self, item: int, future: asyncio.Future[int]) -> None:
        self.under_way -= 1
        self.answered.append(item)
        if item == self._fails_at:
            future.set_exception(RuntimeError(f"item {item}"))
        else:
            future.set_result(10 * item)


@pytest.mark.parametrize("items", [[], (), {1, 2}, {"a": 1}, iter("ab"), range(3), as_async(iter([1]))])
def test_what_can_be_iterated_over(items: object) -> None:
    bulk.check_iterable("tasks", items)


@pytest.mark.parametrize("items", ["user:1", b"user:1", None, 5, object()])
def test_what_cannot(items: object) -> None:
    # A str is one id: iterating over its characters is never what was meant.
    with pytest.raises(
        InvalidType, match=rf"^tasks must be an iterable or an async iterable, not {type(items).__name__}$"
    ):
        bulk.check_iterable("tasks", items)


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_is_converted_whole_and_at_once(kind: Callable[[Iterator[int]], Any]) -> None:
    seen: list[int] = []
    bulk.convert(kind(iter(range(5))), seen.append)
    assert seen == list(range(5))


def test_a_generator_is_converted_as_it_goes() -> None:
    seen: list[int] = []

    def convert(item: int) -> int:
        seen.append(item)
        return -item

    converted = bulk.convert((n for n in range(5)), convert)
    assert seen == []
    assert isinstance(converted, Iterable)
    one_by_one = iter(converted)
    assert (next(one_by_one), seen) == (0, [0])
    assert (next(one_by_one), seen) == (-1, [0, 1])


@pytest.mark.asyncio
async def test_an_async_generator_is_converted_as_it_goes() -> None:
    converted = bulk.convert(as_async(iter(range(4))), lambda item: -item)
    assert isinstance(converted, AsyncIterator)
    assert [item async for item in converted] == [0, -1, -2, -3]


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
@pytest.mark.parametrize("wrap", [list, iter, as_async])
async def test_results_come_in_order_with_a_window_of_calls_under_way(wrap: Callable[[Iterator[int]], Any]) -> None:
    calls = BatchedCalls()
    results = [result async for result in bulk.pipeline(wrap(iter(range(50))), calls.submit)]
    assert results == [10 * item for item in range(50)]
    assert calls.most_under_way == WINDOW


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
@pytest.mark.parametrize("wrap", [iter, as_async])
async def test_a_source_is_not_read_further_ahead_than_the_window(wrap: Callable[[Iterator[int]], Any]) -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for item in range(200):
            read.append(item)
            yield item

    calls = BatchedCalls()
    async for _ in bulk.pipeline(wrap(source()), calls.submit):
        assert len(read) <= len(calls.answered) + WINDOW
    assert len(read) == 200


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
@pytest.mark.parametrize("wrap", [list, iter, as_async])
async def test_after_an_error_nothing_more_is_sent_and_what_is_under_way_is_waited_for(
    wrap: Callable[[Iterator[int]], Any],
) -> None:
    calls = BatchedCalls(fails_at=20)
    results: list[int] = []
    with pytest.raises(RuntimeError, match=r"item 20"):
        await read_into(results, bulk.pipeline(wrap(iter(range(1_000))), calls.submit))
    assert results == [10 * item for item in range(20)]
    assert len(calls.submitted) <= 20 + WINDOW
    assert calls.answered == calls.submitted


@pytest.mark.asyncio
@pytest.mark.parametrize("wrap", [iter, as_async])
async def test_an_error_that_is_there_ends_all_before_the_window_is_full(
    wrap: Callable[[Iterator[int]], Any],
) -> None:
    submitted: list[int] = []

    def submit(items: list[int]) -> Iterator[asyncio.Future[int]]:
        for item in items:
            submitted.append(item)
            call: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            call.set_exception(LookupError("it cannot be done"))
            yield call

    with pytest.raises(LookupError):
        await read_into([], bulk.pipeline(wrap(iter(range(5_000))), submit))
    assert len(submitted) <= 100, "one stretch at the most"


@pytest.mark.asyncio
@pytest.mark.parametrize("wrap", [iter, as_async_at_once])
async def test_a_source_that_never_waits_leaves_others_their_turns(wrap: Callable[[Iterator[int]], Any]) -> None:
    turns = 0
    turns_at: list[int] = []

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)  # a turn of the loop
            turns += 1

    def submit(items: list[int]) -> Iterator[asyncio.Future[int]]:
        for _ in items:
            turns_at.append(turns)
            yield asyncio.get_running_loop().create_future()

    beside = asyncio.create_task(others())
    reading = asyncio.create_task(read_into([], bulk.pipeline(wrap(iter(range(2_000))), submit)))
    await until(lambda: len(turns_at) == 2_000)
    reading.cancel()
    beside.cancel()
    await asyncio.wait([reading, beside])
    assert turns_at[-1] - turns_at[0] >= 19, "one after each stretch"


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
async def test_an_error_of_the_caller_about_a_result_waits_for_what_is_under_way() -> None:
    calls = BatchedCalls()

    async def read() -> None:
        async with aclosing(bulk.pipeline(range(1_000), calls.submit)) as results:
            async for result in results:
                if result == 200:
                    raise LookupError

    with pytest.raises(LookupError):
        await read()
    assert 20 < len(calls.submitted) <= 20 + WINDOW
    assert calls.answered == calls.submitted


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
async def test_a_source_that_fails_does_not_leave_calls_behind() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise LookupError("no more")

    calls = BatchedCalls()
    with pytest.raises(LookupError):
        await read_into([], bulk.pipeline(source(), calls.submit))
    assert calls.submitted == list(range(5))
    assert calls.answered == calls.submitted


@pytest.mark.asyncio
@pytest.mark.usefixtures("small_window")
@pytest.mark.parametrize("wrap", [list, iter, as_async])
async def test_a_caller_that_is_cancelled_waits_for_nothing(wrap: Callable[[Iterator[int]], Any]) -> None:
    under_way: list[asyncio.Future[int]] = []

    def submit(items: list[int]) -> Iterator[asyncio.Future[int]]:
        for _ in items:
            under_way.append(asyncio.get_running_loop().create_future())
            yield under_way[-1]

    reading = asyncio.create_task(read_into([], bulk.pipeline(wrap(iter(range(100))), submit)))
    await until(lambda: len(under_way) == WINDOW)
    reading.cancel()
    await asyncio.wait([reading], timeout=60)
    assert reading.cancelled()
    assert all(call.cancelled() for call in under_way), "what is not sent yet is to be left out"


@pytest.mark.asyncio
async def test_the_calls_under_way_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_WINDOW_BYTES", 100)
    monkeypatch.setattr(bulk, "_STRETCH_BYTES", 30)
    for items in (range(50), as_async(iter(range(50)))):
        calls: list[asyncio.Future[int]] = []
        most = 0

        def submit(items: list[int], calls: list[asyncio.Future[int]] = calls) -> Iterator[asyncio.Future[int]]:
            nonlocal most
            for item in items:
                calls.append(asyncio.get_running_loop().create_future())
                asyncio.get_running_loop().call_later(0.001, calls[-1].set_result, item)
                most = max(most, sum(not call.done() for call in calls))
                yield calls[-1]

        answers = [answer async for answer in bulk.pipeline(items, submit, lambda item: 500 if item == 7 else 30)]
        assert answers == list(range(50))
        assert most <= 4

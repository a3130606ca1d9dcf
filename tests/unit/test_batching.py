"""Self-clocking batches: what gathers, what bounds them, and whom a failure or a cancellation concerns."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from interval_scheduler import NotConnected, OutcomeUnknown
from interval_scheduler.storage.requests.batching import MAX_BATCH, MAX_BATCH_BYTES, BatchedCalls, Batcher, Partly
from tests.waiting import until

pytestmark = pytest.mark.asyncio

_SOON = 60.0


class Wire:
    """What stands in for Redis: keeps each batch, and answers when it is let to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.most_at_once = 0
        self.fails: Callable[[Sequence[int]], bool] = lambda _: False
        self._at_once = 0

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.open.wait()
        finally:
            self._at_once -= 1
        if self.fails(items):
            raise RuntimeError(f"refused {len(items)}")
        return [10 * item for item in items]


@contextlib.asynccontextmanager
async def running(batcher: Batcher[int, int] | BatchedCalls[int, int]) -> AsyncIterator[asyncio.Task[None]]:
    """The loop of a batcher, ended with the block."""
    task = asyncio.create_task(batcher.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def block_the_wire(wire: Wire, calls: BatchedCalls[int, int]) -> asyncio.Future[int]:
    """A call that is in flight and stays there until the wire is opened."""
    wire.open.clear()
    before = len(wire.batches)
    first = calls.submit(0)
    await until(lambda: len(wire.batches) > before)
    return first


async def test_alone_an_item_goes_at_once() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        assert await asyncio.wait_for(calls.submit(1), _SOON) == 10
        assert await asyncio.wait_for(calls.submit(2), _SOON) == 20
    assert wire.batches == [[1], [2]]


async def test_while_one_batch_is_in_flight_the_others_gather_into_one() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = []
        for number in range(1, 51):
            gathered.append(calls.submit(number))
            await asyncio.sleep(0)  # they come one by one, each with time for the batcher to be hasty
        assert wire.batches == [[0]]
        wire.open.set()
        assert await asyncio.wait_for(asyncio.gather(first, *gathered), _SOON) == [10 * n for n in range(51)]
    assert wire.batches == [[0], list(range(1, 51))]
    assert wire.most_at_once == 1


async def test_a_batch_is_bounded_in_items() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = [calls.submit(number) for number in range(2 * MAX_BATCH + 7)]
        wire.open.set()
        await asyncio.wait_for(asyncio.gather(first, *gathered), _SOON)
    assert [len(batch) for batch in wire.batches] == [1, MAX_BATCH, MAX_BATCH, 7]
    assert [item for batch in wire.batches[1:] for item in batch] == list(range(2 * MAX_BATCH + 7))


async def test_a_batch_is_bounded_in_bytes() -> None:
    wire = Wire()
    third = MAX_BATCH_BYTES // 3
    batcher = Batcher[int, int]("p", wire.send, lambda *_: None, lambda item: item)
    async with running(batcher):
        wire.open.clear()
        batcher.put(1)
        await until(lambda: wire.batches == [[1]])
        for weight in (third, third, third, third, 1, 2 * MAX_BATCH_BYTES, 1, MAX_BATCH_BYTES, 0):
            batcher.put(weight)
        wire.open.set()
        await asyncio.wait_for(batcher.flushed(), _SOON)
    # An item heavier than a batch may be goes alone; it must not block the batcher for ever.
    assert wire.batches[1:] == [[third] * 3, [third, 1], [2 * MAX_BATCH_BYTES], [1], [MAX_BATCH_BYTES, 0]]


class Heavy(Wire):
    """Answers for some items at a time."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.is_partly = False

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        answers = (await super().send(items))[: self._most]
        if self.is_partly:
            raise Partly([KeyError(answer) if answer % 20 else answer for answer in answers])
        return answers


async def test_what_was_too_heavy_comes_first_in_the_next_batch() -> None:
    wire = Heavy(3)
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = [calls.submit(number) for number in range(8)]
        wire.open.set()
        assert await asyncio.wait_for(first, _SOON) == 0
        assert await asyncio.wait_for(asyncio.gather(*gathered), _SOON) == [10 * n for n in range(8)]
    assert wire.batches == [[0], list(range(8)), list(range(3, 8)), [6, 7]]


async def test_whoever_was_cancelled_meanwhile_is_left_out_of_the_next_batch() -> None:
    wire = Heavy(2)
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = {number: calls.submit(number) for number in range(1, 7)}
        for number in (1, 4):
            gathered[number].cancel()
        wire.fails = lambda items: 5 in items and not gathered[5].cancel()
        wire.open.set()
        await asyncio.wait_for(first, _SOON)
        for number in (2, 3, 6):
            assert await asyncio.wait_for(gathered[number], _SOON) == 10 * number
    assert wire.batches == [[0], [2, 3, 5, 6], [6]]


async def test_a_batch_may_fail_in_part_and_be_too_heavy() -> None:
    wire = Heavy(3)
    wire.is_partly = True
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = [calls.submit(number) for number in range(7)]
        wire.open.set()
        await asyncio.wait_for(first, _SOON)
        answers = await asyncio.wait_for(asyncio.gather(*gathered, return_exceptions=True), _SOON)
    assert [answer if isinstance(answer, int) else "error" for answer in answers] == [
        0, "error", 20, "error", 40, "error", 60
    ]  # fmt: skip
    assert [len(batch) for batch in wire.batches] == [1, 7, 4, 1]


async def test_a_caller_cancelled_before_the_flight_is_left_out() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        gathered = {number: calls.submit(number) for number in range(1, 6)}
        gathered[1].cancel()
        gathered[3].cancel()
        wire.open.set()
        assert await asyncio.wait_for(first, _SOON) == 0
        for number in (2, 4, 5):
            assert await asyncio.wait_for(gathered[number], _SOON) == 10 * number
    assert wire.batches == [[0], [2, 4, 5]]


async def test_a_batch_of_cancelled_callers_is_not_sent() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        for call in [calls.submit(number) for number in range(5)]:
            call.cancel()
        wire.open.set()
        await asyncio.wait_for(first, _SOON)
        assert await asyncio.wait_for(calls.submit(7), _SOON) == 70
    assert wire.batches == [[0], [7]]


async def test_a_caller_cancelled_during_the_flight_harms_nobody() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("p", wire.send)
    wire.open.clear()
    async with running(calls):
        batch = {number: calls.submit(number) for number in range(6)}
        await until(lambda: wire.batches)
        for number in (0, 2, 5):
            batch[number].cancel()
        wire.open.set()
        for number in (1, 3, 4):
            assert await asyncio.wait_for(batch[number], _SOON) == 10 * number
    assert wire.batches == [list(range(6))]


async def test_an_error_fails_its_batch_and_no_other() -> None:
    wire = Wire()
    wire.fails = lambda items: 1 in items
    calls = BatchedCalls[int, int]("p", wire.send)
    async with running(calls):
        first = await block_the_wire(wire, calls)
        failing = [calls.submit(number) for number in (1, 2)]
        wire.open.set()
        assert await asyncio.wait_for(first, _SOON) == 0
        for call in failing:
            with pytest.raises(RuntimeError, match=r"refused 2"):
                await asyncio.wait_for(call, _SOON)
        assert await asyncio.wait_for(calls.submit(3), _SOON) == 30


async def test_at_the_end_of_the_lane_nobody_hangs() -> None:
    wire = Wire()
    calls = BatchedCalls[int, int]("here:1/0", wire.send)
    async with running(calls) as loop:
        in_flight = await block_the_wire(wire, calls)
        waiting = [calls.submit(number) for number in range(3)]
        loop.cancel()
        # What is in flight may have happened, what never left has not.
        with pytest.raises(OutcomeUnknown, match=r"here:1/0"):
            await asyncio.wait_for(in_flight, _SOON)
        for call in waiting:
            with pytest.raises(NotConnected):
                await asyncio.wait_for(call, _SOON)
        with pytest.raises(NotConnected):
            await asyncio.wait_for(calls.submit(9), _SOON)
    assert wire.batches == [[0]]


async def test_flushed_waits_for_what_is_waiting_and_in_flight() -> None:
    wire = Wire()
    settled: list[int] = []

    def report(items: Sequence[int], results: Sequence[int] | Exception) -> None:
        assert not isinstance(results, Exception)
        settled.extend(results)

    batcher = Batcher[int, int]("p", wire.send, report)
    await asyncio.wait_for(batcher.flushed(), _SOON)
    async with running(batcher):
        wire.open.clear()
        batcher.put(1)
        await until(lambda: wire.batches)
        batcher.put(2)
        assert len(batcher) == 2
        flushed = asyncio.create_task(batcher.flushed())
        await asyncio.sleep(0)  # it begins to wait
        assert not flushed.done()
        wire.open.set()
        await asyncio.wait_for(flushed, _SOON)
        assert settled == [10, 20]
        assert len(batcher) == 0


async def test_flushed_returns_when_the_lane_ends() -> None:
    wire = Wire()
    wire.open.clear()
    outcomes: list[object] = []
    batcher = Batcher[int, int]("p", wire.send, lambda items, results: outcomes.append(results))
    async with running(batcher) as loop:
        batcher.put(1)
        await until(lambda: wire.batches)
        batcher.put(2)
        flushed = asyncio.create_task(batcher.flushed())
        loop.cancel()
        await asyncio.wait_for(flushed, _SOON)
        batcher.put(3)
        await asyncio.wait_for(batcher.flushed(), _SOON)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, NotConnected, NotConnected]
    assert len(batcher) == 0


@pytest.mark.parametrize("seed", range(5))
async def test_in_a_storm_of_cancellations_each_caller_gets_its_own_answer(seed: int) -> None:
    dice = random.Random(seed)
    wire = Wire()
    wire.fails = lambda items: len(items) % 7 == 0
    calls = BatchedCalls[int, int]("p", wire.send)

    async def caller(number: int) -> int:
        try:
            return await calls.submit(number)
        except RuntimeError:  # the batch failed, which is told as -1
            return -1

    async def traffic() -> None:
        while True:
            wire.open.clear()
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)  # the wire is shut for a number of turns that is drawn
            wire.open.set()
            await asyncio.sleep(0)  # and open for one

    async with running(calls):
        lights = asyncio.create_task(traffic())
        callers = []
        for number in range(2_000):
            callers.append(asyncio.create_task(caller(number)))
            if dice.random() < 0.3:
                dice.choice(callers[-50:]).cancel()
            if dice.random() < 0.2:
                await asyncio.sleep(0)  # the moments of calls are drawn
        answers = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), _SOON)
        lights.cancel()
        await asyncio.wait([lights])
        wire.open.set()
    right = sum(answer == 10 * number for number, answer in enumerate(answers))
    failed = sum(answer == -1 for answer in answers)
    cancelled = sum(isinstance(answer, asyncio.CancelledError) for answer in answers)
    assert right + failed + cancelled == len(callers)
    assert right > 500
    assert failed > 0
    assert cancelled > 200
    assert wire.most_at_once == 1
    sent = [item for batch in wire.batches for item in batch]
    assert len(sent) == len(set(sent)), "no item goes out twice"

"""Changes that take turns: one batch at a time, and an error is that of its own batch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from interval_scheduler import NotConnected, OutcomeUnknown
from interval_scheduler.storage.requests.batching import Partly
from interval_scheduler.storage.requests.callers import Callers, Items
from interval_scheduler.storage.requests.turns import Turn, Turns
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class Wire:
    """Two kinds of calls in turns, and what was sent of them."""

    def __init__(self) -> None:
        self.turns = Turns("p")
        self.sent: list[tuple[str, list[bytes]]] = []
        self.open = asyncio.Event()
        self.callers: Callers | None = None
        #: How many items of a batch have a result.
        self.most = 500
        self.at_once = self.most_at_once = 0
        self.problem: Exception | None = None
        self.one: Turn[bytes, str] = self.turns.add(self._send_one, bytes)
        self.other: Turn[bytes, str] = self.turns.add(self._send_other, bytes)

    async def _send_one(self, items: Sequence[bytes], callers: Callers) -> Sequence[str]:
        return await self._send("one", items, callers)

    async def _send_other(self, items: Sequence[bytes], callers: Callers) -> Sequence[str]:
        return await self._send("other", items, callers)

    async def _send(self, kind: str, items: Sequence[bytes], callers: Callers) -> Sequence[str]:
        self.sent.append((kind, list(items)))
        self.callers = callers
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        if self.problem is not None:
            problem, self.problem = self.problem, None
            raise problem
        return [f"{kind} {item.decode()}" for item in items[: self.most]]


@contextlib.asynccontextmanager
async def running(*, is_open: bool = True) -> AsyncIterator[Wire]:
    wire = Wire()
    if is_open:
        wire.open.set()
    loop = asyncio.create_task(wire.turns.run())
    try:
        yield wire
    finally:
        loop.cancel()
        await asyncio.wait([loop])


async def test_one_batch_of_either_kind_at_a_time() -> None:
    async with running(is_open=False) as wire:
        calls = [turn.submit(b"%d" % n) for n in range(3) for turn in (wire.one, wire.other)]
        await until(lambda: wire.sent)
        wire.open.set()
        assert await asyncio.gather(*calls) == ["one 0", "other 0", "one 1", "other 1", "one 2", "other 2"]
        assert wire.most_at_once == 1


async def test_an_error_is_that_of_its_batch() -> None:
    async with running() as wire:
        wire.problem = RuntimeError("refused")
        results = await asyncio.gather(wire.one.submit(b"a"), wire.other.submit(b"b"), return_exceptions=True)
        assert isinstance(results[0], RuntimeError)
        assert results[1] == "other b"
        wire.problem = Partly(["well", ValueError("not this one")])
        results = await asyncio.gather(wire.one.submit(b"a"), wire.one.submit(b"b"), return_exceptions=True)
        assert results[0] == "well"
        assert isinstance(results[1], ValueError)


async def test_what_was_too_heavy_goes_before_later_calls_on_its_id() -> None:
    async with running(is_open=False) as wire:
        wire.most = 1
        calls = [wire.one.submit(b"a"), wire.one.submit(b"b")]
        await until(lambda: wire.sent)
        calls.append(wire.other.submit(b"b"))  # comes while the first batch is under way
        wire.open.set()
        assert await asyncio.gather(*calls) == ["one a", "one b", "other b"]
        assert wire.sent == [("one", [b"a", b"b"]), ("one", [b"b"]), ("other", [b"b"])]


async def test_at_the_end_each_call_has_an_error() -> None:
    async with running(is_open=False) as wire:
        sent = wire.one.submit(b"a")
        await until(lambda: wire.sent)
        waits = wire.other.submit(b"a")
    with pytest.raises(OutcomeUnknown):
        await sent
    for call in (waits, wire.one.submit(b"late")):
        with pytest.raises(NotConnected):
            await call


async def test_a_repetition_leaves_out_whoever_gave_up() -> None:
    futures = [asyncio.get_running_loop().create_future() for _ in range(4)]
    callers = Callers(futures)
    items = Items(callers, 2)
    args = [b"number", b"head", *[b"%d%d" % (n, part) for n in range(4) for part in range(2)]]
    assert items.whole(b"7 1101") == b"7 1101"
    futures[1].cancel()
    assert items.again(args) == [b"number", b"head", b"00", b"01", b"20", b"21", b"30", b"31"]
    futures[0].cancel()
    futures[3].cancel()
    assert items.again(args) == [b"number", b"head", b"20", b"21"]
    # Any of the three attempts may be the one that was carried out.
    assert items.whole(b"7 1111") == b"7 1111"
    assert items.whole(b"7 111") == b"7 1011"
    assert items.whole(b"7 1") == b"7 0010"
    assert items.whole(b"?1") == b"?0010"
    assert items.whole(b"11") == b"11", "no attempt had two items"
    # An attempt came to its first items only.
    assert items.whole(b"7 11/4") == b"7 11/4"
    assert items.whole(b"7 11/3") == b"7 101", "the fourth item is still to be sent"
    assert items.whole(b"7 1/3") == b"7 10"
    futures[2].cancel()
    assert items.again(args) is None


async def test_a_request_without_items_is_repeated_as_a_whole() -> None:
    future = asyncio.get_running_loop().create_future()
    items = Items(Callers([future]), 0)
    assert items.again([b"number", b"5"]) == [b"number", b"5"]
    assert items.whole(b"1 12") == b"1 12"
    future.cancel()
    assert items.again([b"number", b"5"]) is None


async def test_nobody_waits_longer_than_the_callers() -> None:
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    callers = Callers(futures)

    async def wait() -> str:
        with callers.end_without_any():
            await asyncio.Event().wait()
        return "ended"

    waits = asyncio.create_task(wait())
    futures[0].cancel()
    await asyncio.sleep(0)  # the callback of the future runs in this turn
    assert not waits.done()
    futures[1].cancel()
    assert await asyncio.wait_for(waits, 60) == "ended"
    with callers.end_without_any():
        await asyncio.sleep(0)  # nobody is left: the block ends at its first await
        raise AssertionError("it went on")

"""Calls that are made together: their answers in order, the first error, and a caller that gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from interval_scheduler import NotConnected
from interval_scheduler.storage.requests.batching import Partly
from interval_scheduler.storage.requests.callers import Callers
from interval_scheduler.storage.requests.together import Answers, Together, answers_of
from interval_scheduler.storage.requests.turns import Turns
from tests.waiting import until

pytestmark = pytest.mark.asyncio


async def test_the_answers_come_when_all_are_there() -> None:
    together: Together[int] = Together(3)
    for some in ([1], [2]):
        together.set_results(some)
        assert not together.done()
    together.set_result(3)
    assert await together.future == Answers([1, 2, 3])


async def test_answers_after_an_error_are_not_told() -> None:
    """Who makes calls one after the other would not have made them."""
    together: Together[int] = Together(4)
    first = LookupError("the second")
    together.set_result(1)
    together.set_exception(first)
    together.set_results([3])
    together.set_exception(LookupError("the fourth"))
    answers = await together.future
    assert answers == Answers([1], first)
    with pytest.raises(LookupError, match="the second"):
        answers.raise_error()


async def test_a_single_call_answers_alike() -> None:
    loop = asyncio.get_running_loop()
    call, failed = loop.create_future(), loop.create_future()
    call.set_result("x")
    failed.set_exception(error := LookupError())
    assert [await answers_of(call), await answers_of(failed)] == [Answers(["x"]), Answers([], error)]


async def test_a_single_call_is_given_up_alike() -> None:
    """At once too, before anything else of the loop runs: it may be left out then."""
    call: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answers_of(call).cancel()
    await until(call.cancelled)
    other: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answers = answers_of(other)
    other.cancel()
    await until(answers.cancelled)


async def test_they_go_out_in_batches_with_others_and_in_pieces() -> None:
    """A batch that answers a part of its items only is completed by the next ones."""
    sent: list[list[bytes]] = []

    async def send(items: Sequence[bytes], _: Callers) -> Sequence[str]:
        sent.append(list(items))
        if b"bad" in items:
            raise Partly([LookupError() if item == b"bad" else item.decode() for item in items])
        return [item.decode() for item in items[:2]]

    turns = Turns("p")
    turn = turns.add(send, bytes)
    running = asyncio.create_task(turns.run())
    several, alone, one = turn.submit_all([b"a", b"b", b"c"]), turn.submit(b"d"), turn.submit_all([b"e"])
    assert [await several, await one] == [Answers(["a", "b", "c"]), Answers(["e"])]
    assert await alone == "d"
    assert sent == [[b"a", b"b", b"c", b"d", b"e"], [b"c", b"d", b"e"], [b"e"]]
    answers = await turn.submit_all([b"f", b"bad", b"g"])
    assert (answers.given, type(answers.error)) == (["f"], LookupError)
    running.cancel()
    await asyncio.wait([running])
    late = await turn.submit_all([b"h"])
    assert (late.given, type(late.error)) == ([], NotConnected)


async def test_a_caller_that_gives_up_is_left_out() -> None:
    sent: list[list[bytes]] = []
    opened = asyncio.Event()

    async def send(items: Sequence[bytes], _: Callers) -> Sequence[str]:
        sent.append(list(items))
        await opened.wait()
        return [item.decode() for item in items]

    turns = Turns("p")
    turn = turns.add(send, bytes)
    running = asyncio.create_task(turns.run())
    under_way = turn.submit_all([b"a", b"b"])
    await until(lambda: sent)
    waiting, other = turn.submit_all([b"c", b"d"]), turn.submit(b"e")
    under_way.cancel()
    waiting.cancel()
    opened.set()
    assert await other == "e"
    assert sent == [[b"a", b"b"], [b"e"]]
    running.cancel()
    await asyncio.wait([running])

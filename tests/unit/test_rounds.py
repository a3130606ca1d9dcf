"""The order of calls of several kinds: those on one id keep it, and batches stay large."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.storage.requests.batching import MAX_BATCH, MAX_BATCH_BYTES
from interval_scheduler.storage.requests.callers import Awaited
from interval_scheduler.storage.requests.rounds import Kind, Portion, Rounds

Item = tuple[int, bytes]


def kinds(*, weigh: int = 0) -> list[Kind[Item]]:
    """Two kinds of calls on single tasks, and one that concerns all."""
    single = [Kind[Item](lambda item: item[1], lambda _: weigh) for _ in range(2)]
    return [*single, Kind[Item](None)]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


#: An item, and what its caller waits for.
Call = tuple[Item, Awaited]


def put(rounds: Rounds, kind: Kind[Item], item: Item, awaited: Awaited) -> None:
    rounds.put(kind, ((item,), awaited))


def one_by_one(portions: list[Portion]) -> list[Call]:
    return [(item, awaited) for items, awaited in portions for item in items]


def everything(rounds: Rounds) -> list[tuple[Kind[Any], list[Call]]]:
    taken = []
    while (batch := rounds.take()) is not None:
        taken.append((batch[0], one_by_one(batch[1])))
    return taken


#: Puts of a kind and an id, and takes.
steps = st.lists(
    st.one_of(st.tuples(st.integers(0, 2), st.sampled_from([b"a", b"b", b"c"])), st.just(None)), max_size=60
)


#: As `steps`, with several ids at once.
steps_together = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 1), st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4)), st.none()
    ),
    max_size=30,
)


@given(steps=steps_together)
def test_calls_together_keep_their_place(
    loop: asyncio.AbstractEventLoop, steps: list[tuple[int, list[bytes]] | None]
) -> None:
    """They are taken as they would be if they had been put one by one."""
    together, alone, its_kinds = Rounds(), Rounds(), kinds(weigh=MAX_BATCH_BYTES // 3)
    taken: list[list[tuple[Kind[Any], list[Call]]]] = [[], []]
    for number, step in enumerate(steps):
        if step is None:
            for rounds, batches in zip((together, alone), taken, strict=True):
                if (batch := rounds.take()) is not None:
                    batches.append((batch[0], one_by_one(batch[1])))
            continue
        kind, items, awaited = its_kinds[step[0]], [(number, raw_id) for raw_id in step[1]], loop.create_future()
        together.put(kind, (items, awaited))
        for item in items:
            put(alone, kind, item, awaited)
    assert taken[0] + everything(together) == taken[1] + everything(alone)


@given(steps=steps)
def test_calls_on_one_id_keep_their_order(
    loop: asyncio.AbstractEventLoop, steps: list[tuple[int, bytes] | None]
) -> None:
    rounds, its_kinds = Rounds(), kinds()
    made: list[tuple[Kind[Item], Item]] = []
    taken: list[tuple[Kind[Any], list[Call]]] = []
    for number, step in enumerate(steps):
        if step is None:
            if (next_batch := rounds.take()) is not None:
                taken.append((next_batch[0], one_by_one(next_batch[1])))
            continue
        kind, item = its_kinds[step[0]], (number, step[1])
        made.append((kind, item))
        put(rounds, kind, item, loop.create_future())
    taken += everything(rounds)
    sent = [(kind, call[0]) for kind, batch in taken for call in batch]
    assert sorted(item for _, item in sent) == [item for _, item in made], "each is sent once"
    place = {item: n for n, (_, item) in enumerate(sent)}
    for n, (kind, item) in enumerate(made):
        for other_kind, other in made[:n]:
            if item[1] == other[1] or kind.id_of is None or other_kind.id_of is None:
                assert place[other] < place[item], (other, item)
    for kind, batch in taken:
        assert len(batch) == 1 or kind.id_of is not None, "what concerns all tasks goes alone"


def test_kinds_that_do_not_meet_go_in_two_batches(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(100):
        put(rounds, one if n % 2 else other, (n, b"%d" % n), loop.create_future())
    assert [(kind, len(batch)) for kind, batch in everything(rounds)] == [(other, 50), (one, 50)]


def test_a_kind_with_many_calls_lets_the_others_have_their_turn(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(3 * MAX_BATCH):
        put(rounds, one, (n, b"%d" % n), loop.create_future())
    put(rounds, other, (0, b"other"), loop.create_future())
    assert [kind for kind, _ in everything(rounds)] == [one, other, one, one]


def test_a_batch_is_bounded_in_bytes(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, *_) = Rounds(), kinds(weigh=MAX_BATCH_BYTES // 2)
    for n in range(5):
        put(rounds, one, (n, b"a"), loop.create_future())
    assert [len(batch) for _, batch in everything(rounds)] == [2, 2, 1]


def test_calls_together_are_divided_among_batches(loop: asyncio.AbstractEventLoop) -> None:
    """As many as there is room for, in items or in bytes; and a batch has one at least."""
    rounds, (one, *_) = Rounds(), kinds()
    for number in range(3):
        rounds.put(one, ([(number, b"a")] * 400, loop.create_future()))
    assert [len(batch) for _, batch in everything(rounds)] == [MAX_BATCH, MAX_BATCH, 1_200 - 2 * MAX_BATCH]
    heavy, (one, *_) = Rounds(), kinds(weigh=MAX_BATCH_BYTES // 2)
    heavy.put(one, ([(0, b"a")], loop.create_future()))
    heavy.put(one, ([(n, b"a") for n in range(1, 4)], loop.create_future()))
    assert [[item[0] for item, _ in batch] for _, batch in everything(heavy)] == [[0, 1], [2, 3]]
    too_heavy, (one, *_) = Rounds(), kinds(weigh=2 * MAX_BATCH_BYTES)
    too_heavy.put(one, ([(n, b"a") for n in range(2)], loop.create_future()))
    assert [len(batch) for _, batch in everything(too_heavy)] == [1, 1]


def test_whoever_gave_up_is_left_out(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, *_) = Rounds(), kinds()
    futures = [loop.create_future() for _ in range(3)]
    for n, future in enumerate(futures):
        put(rounds, one, (n, b"%d" % n), future)
    futures[1].cancel()
    ((_, batch),) = everything(rounds)
    assert [item for item, _ in batch] == [(0, b"0"), (2, b"2")]


def test_what_was_sent_holds_up_nobody(loop: asyncio.AbstractEventLoop) -> None:
    """A later call of another kind on the same id needs no round of its own."""
    rounds, (one, other, _) = Rounds(), kinds(weigh=MAX_BATCH_BYTES // 2)
    for n in range(3):
        put(rounds, one, (n, b"%d" % n), loop.create_future())
    put(rounds, other, (3, b"3"), loop.create_future())
    assert rounds.take() is not None, "two of them"
    put(rounds, other, (4, b"0"), loop.create_future())
    assert len(rounds._rounds) == 1
    put(rounds, other, (5, b"2"), loop.create_future())
    assert len(rounds._rounds) == 2, "the third one still waits"


def test_nothing_of_a_call_is_kept(loop: asyncio.AbstractEventLoop) -> None:
    """A lane that never becomes empty remembers no id that was sent."""
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(50):
        for kind in (one, other):
            put(rounds, kind, (n, b"%d %d" % (n, kind is one)), loop.create_future())
        for kind in (one, other):
            put(rounds, kind, (n, b"more %d %d" % (n, kind is one)), loop.create_future())
        rounds.take()
    everything(rounds)
    assert len(rounds._rounds) == 1
    assert not rounds._rounds[0]

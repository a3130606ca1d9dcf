"""The order of calls of several kinds: those on one id keep it, and batches stay large."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.storage.requests.batching import MAX_BATCH, MAX_BATCH_BYTES
from interval_scheduler.storage.requests.rounds import Call, Kind, Rounds

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


def everything(rounds: Rounds) -> list[tuple[Kind[Any], list[Call]]]:
    taken = []
    while (batch := rounds.take()) is not None:
        taken.append(batch)
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
    together, one_by_one, its_kinds = Rounds(), Rounds(), kinds()
    taken: list[list[tuple[Kind[Any], list[Call]]]] = [[], []]
    for number, step in enumerate(steps):
        if step is None:
            for rounds, batches in zip((together, one_by_one), taken, strict=True):
                if (batch := rounds.take()) is not None:
                    batches.append(batch)
            continue
        kind, ids = its_kinds[step[0]], step[1]
        calls: list[Call] = [((number, raw_id), loop.create_future()) for raw_id in ids]
        together.put_all(kind, calls)
        for call in calls:
            one_by_one.put(kind, call)
    assert taken[0] + everything(together) == taken[1] + everything(one_by_one)


@given(steps=steps)
def test_calls_on_one_id_keep_their_order(
    loop: asyncio.AbstractEventLoop, steps: list[tuple[int, bytes] | None]
) -> None:
    rounds, its_kinds = Rounds(), kinds()
    put: list[tuple[Kind[Item], Item]] = []
    taken: list[tuple[Kind[Any], list[Call]]] = []
    for number, step in enumerate(steps):
        if step is None:
            if (next_batch := rounds.take()) is not None:
                taken.append(next_batch)
            continue
        kind, item = its_kinds[step[0]], (number, step[1])
        put.append((kind, item))
        rounds.put(kind, (item, loop.create_future()))
    taken += everything(rounds)
    sent = [(kind, call[0]) for kind, batch in taken for call in batch]
    assert sorted(item for _, item in sent) == [item for _, item in put], "each is sent once"
    place = {item: n for n, (_, item) in enumerate(sent)}
    for n, (kind, item) in enumerate(put):
        for other_kind, other in put[:n]:
            if item[1] == other[1] or kind.id_of is None or other_kind.id_of is None:
                assert place[other] < place[item], (other, item)
    for kind, batch in taken:
        assert len(batch) == 1 or kind.id_of is not None, "what concerns all tasks goes alone"


def test_kinds_that_do_not_meet_go_in_two_batches(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(100):
        rounds.put(one if n % 2 else other, ((n, b"%d" % n), loop.create_future()))
    assert [(kind, len(batch)) for kind, batch in everything(rounds)] == [(other, 50), (one, 50)]


def test_a_kind_with_many_calls_lets_the_others_have_their_turn(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(3 * MAX_BATCH):
        rounds.put(one, ((n, b"%d" % n), loop.create_future()))
    rounds.put(other, ((0, b"other"), loop.create_future()))
    assert [kind for kind, _ in everything(rounds)] == [one, other, one, one]


def test_a_batch_is_bounded_in_bytes(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, *_) = Rounds(), kinds(weigh=MAX_BATCH_BYTES // 2)
    for n in range(5):
        rounds.put(one, ((n, b"a"), loop.create_future()))
    assert [len(batch) for _, batch in everything(rounds)] == [2, 2, 1]


def test_whoever_gave_up_is_left_out(loop: asyncio.AbstractEventLoop) -> None:
    rounds, (one, *_) = Rounds(), kinds()
    futures = [loop.create_future() for _ in range(3)]
    for n, future in enumerate(futures):
        rounds.put(one, ((n, b"%d" % n), future))
    futures[1].cancel()
    ((_, batch),) = everything(rounds)
    assert [item for item, _ in batch] == [(0, b"0"), (2, b"2")]


def test_nothing_of_a_call_is_kept(loop: asyncio.AbstractEventLoop) -> None:
    """A lane that never becomes empty remembers no id that was sent."""
    rounds, (one, other, _) = Rounds(), kinds()
    for n in range(50):
        for kind in (one, other):
            rounds.put(kind, ((n, b"%d %d" % (n, kind is one)), loop.create_future()))
        for kind in (one, other):
            rounds.put(kind, ((n, b"more %d %d" % (n, kind is one)), loop.create_future()))
        rounds.take()
    everything(rounds)
    assert len(rounds._rounds) == 1
    assert not rounds._rounds[0]

"""What the scripts publish: a due time, exactly when the first waiting task comes nearer."""

from __future__ import annotations

import pytest

from interval_scheduler.model.assignment import Assignment
from interval_scheduler.storage.commands import assigning, running

from .store import HOUR, Space, Store, change, held, leased_space, recurring

pytestmark = pytest.mark.asyncio

DUE = 4_000_000_000_000


async def test_assign_announces_only_what_comes_before_the_first(store: Store) -> None:
    session = store.session()

    async def assign(*changes: Assignment) -> None:
        await assigning.assign(session.it, store.keys, 0, changes)

    async with store.announcements() as heard:
        await assign(change(b"a", start=DUE))
        assert await heard() == [DUE]  # there was nothing
        await assign(change(b"b", start=DUE), change(b"c", start=DUE + 1))
        assert await heard() == []  # no nearer
        await assign(change(b"d", start=DUE + 5), change(b"e", start=DUE - 2), change(b"f", start=DUE - 1))
        assert await heard() == [DUE - 2]  # one message a batch
        await assign(change(b"e", start=DUE - 9))
        assert await heard() == []  # stays where it is
        await assign(change(b"e", start=DUE + 9, rule="start"))
        assert await heard() == []  # farther away
        await assign(change(b"d", start=DUE - 9, rule="start"))
        assert await heard() == [DUE - 9]


async def test_assign_announces_nothing_for_a_leased_task(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=7, due=5, deadline=DUE))
    async with store.announcements() as heard:
        await assigning.assign(session.it, store.keys, 0, [change(b"a", start=1)])
        assert await heard() == []


async def test_a_retry_announces_nothing(store: Store) -> None:
    session = store.session()
    async with store.announcements() as heard:
        await assigning.assign(session.it, store.keys, 0, [change(b"a", start=DUE)])
        await store.client.zadd(store.keys.due, {b"a": DUE + 1})
        await assigning.assign(session.back(), store.keys, 0, [change(b"a", start=DUE)])
        assert await heard() == [DUE]


async def test_complete_announces_only_what_comes_before_the_first(store: Store) -> None:
    session = store.session()
    past = await store.now_ms() - HOUR // 2
    record = recurring(HOUR, past)
    space = leased_space(dict.fromkeys((b"a", b"b", b"once"), record), token=7, due=past, deadline=DUE)
    space.due = {b"z": past + HOUR + 1}
    await store.seed(space)
    async with store.announcements() as heard:
        assert await running.complete(session.it, store.keys, [held(b"once", 7, past)]) == ([True], -1)
        assert await heard() == []
        assert await running.complete(session.it, store.keys, [held(b"a", 8, past, record)]) == ([False], -1)
        assert await heard() == []
        assert await running.complete(session.it, store.keys, [held(b"a", 7, past, record)]) == ([True], past + HOUR)
        assert await heard() == [past + HOUR]
        assert await running.complete(session.it, store.keys, [held(b"b", 7, past, record)]) == ([True], past + HOUR)
        assert await heard() == []


async def test_release_announces_only_what_comes_before_the_first(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space(dict.fromkeys((b"a", b"b"), b"s\nx"), token=7, due=5, deadline=DUE))
    async with store.announcements() as heard:
        assert await running.release(session.it, store.keys, [held(b"a", 8, 5)]) == ([False], -1)
        assert await heard() == []
        assert await running.release(session.it, store.keys, [held(b"a", 7, 5)]) == ([True], 5)
        assert await heard() == [5]
        assert await running.release(session.it, store.keys, [held(b"b", 7, 5)]) == ([True], 5)
        assert await heard() == []


async def test_claims_and_removals_announce_nothing(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5), b"b": b"s\nx"}, due={b"a": 5, b"b": DUE}))
    async with store.announcements() as heard:
        await running.claim_once(session.it, store.keys, 1, HOUR)
        await assigning.remove(session.it, store.keys, [b"b"])
        await assigning.clear(session.it, store.keys)
        assert await heard() == []

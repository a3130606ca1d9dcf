"""Leases whose run is not known to have begun: what their end means; claims, renewals and hand-backs with a delay."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import running

from .store import HOUR, SECOND, ClaimedTask, Space, Store, held, held_of, lease, leased_space, now_of, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
TASKS = {b"a": b"s\na", b"b": b"s\nb", b"c": b"s\nc"}
DUES = {b"a": 10, b"b": 20, b"c": 30}


@pytest.mark.parametrize("places", [0, 1, 3, 9])
async def test_a_claim_marks_what_finds_no_place(store: Store, places: int) -> None:
    session = store.session()
    await store.seed(Space(tasks=TASKS, due=DUES))
    claimed = await running.claim(session.it, store.keys, 3, HOUR, places=places)
    deadline = now_of(claimed) + HOUR
    space = await store.space()
    assert space.leased == {raw_id: deadline + 0.5 * (n >= places) for n, raw_id in enumerate(TASKS)}
    assert space.leases == {raw_id: lease(int(claimed.token), due) for raw_id, due in DUES.items()}
    again = await running.claim(session.back(), store.keys, 3, HOUR, places=places)
    assert sorted(again.ids) == [b"a", b"b", b"c"]
    assert (again.token, await store.space()) == (claimed.token, space)
    await running.complete(store.session().it, store.keys, held_of(claimed))
    assert await store.space() == Space(fence=claimed.token)


@pytest.mark.parametrize("places", [0, 1, 3])
async def test_so_does_a_claim_at_most_once_of_what_is_leased(store: Store, places: int) -> None:
    session = store.session()
    tasks = {b"a": b"s;r1\n", b"b": recurring(HOUR, 5), b"c": b"s;ggroup\n"}
    await store.seed(Space(tasks=tasks, due=DUES))
    claimed = await running.claim_once(session.it, store.keys, 3, HOUR, places=places)
    deadline = now_of(claimed) + HOUR
    assert (await store.space()).leased == {b"a": deadline + 0.5 * (places < 1), b"c": deadline + 0.5 * (places < 3)}


async def test_only_what_had_begun_is_charged_when_its_lease_ends(store: Store) -> None:
    session = store.session()
    tasks = dict.fromkeys((b"began", b"waited", b"waited again", b"put off"), b"s\nx")
    seeded = leased_space(tasks, token=TOKEN, due=40, deadline=50, attempts={b"waited again": b"2"})
    seeded.leased |= {b"waited": 50.5, b"waited again": 50.5, b"put off": 50.25}
    await store.seed(seeded)
    claimed = await running.claim(session.it, store.keys, 9, HOUR)
    failed = dict(zip(claimed.ids, claimed.failed, strict=True))
    assert failed == {b"began": b"1", b"waited": b"0", b"waited again": b"2", b"put off": None}
    assert set(claimed.dues) == {b"40"}
    assert (await store.space()).attempts == {b"began": b"1", b"waited": b"0", b"waited again": b"2"}


async def test_a_renewal_tells_that_a_run_has_begun(store: Store) -> None:
    await store.seed(Space(tasks=TASKS, due=DUES))
    claimed = await running.claim(store.session().it, store.keys, 3, HOUR, places=0)
    assert await running.renew(store.session().it, store.keys, HOUR, held_of(claimed)[:2]) == [True, True]
    fractions = {raw_id: deadline % 1 for raw_id, deadline in (await store.space()).leased.items()}
    assert fractions == {b"a": 0, b"b": 0, b"c": 0.5}


async def test_what_is_handed_back_with_a_delay_rests_until_then(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": b"s\nx", b"b": b"s\nx"}, token=TOKEN, due=40, deadline=FAR)
    await store.seed(seeded)
    before = await store.now_ms()
    both = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40), held(b"gone", TOKEN, 40)]
    reply = await running.release(session.it, store.keys, both, [0, 2 * SECOND, SECOND])
    assert reply == ([True, True, False], 40)
    space = await store.space()
    assert (space.due, space.attempts) == ({b"a": 40}, {})
    assert space.leases == {b"b": lease(TOKEN, 40)}
    assert before + 2 * SECOND <= space.leased[b"b"] - 0.25 <= await store.now_ms() + 2 * SECOND
    assert (await running.claim(store.session().it, store.keys, 9, HOUR)).ids == [b"a"]
    # Its time is over: it is due as it was, and nobody was charged.
    await store.client.zadd(store.keys.leased, {b"b": 50.25})
    claimed = await running.claim(store.session().it, store.keys, 9, HOUR)
    assert (claimed.ids, claimed.dues, list(claimed.failed)) == ([b"b"], [b"40"], [])


async def test_it_leaves_its_group_to_the_others(store: Store) -> None:
    session = store.session()
    record = b"s;ggroup\nx"
    await store.seed(Space(tasks={b"a": record, b"b": record}, due={b"a": 10, b"b": 20}))
    await store.client.set(store.keys.groups + b"in-use", b"1")
    claimed = await running.claim(session.it, store.keys, 9, HOUR, 1)
    assert claimed.ids == [b"a"]
    reply = await running.release(store.session().it, store.keys, held_of(claimed), [HOUR])
    assert reply.held == [True]
    assert reply.earliest_ms >= now_of(claimed)
    assert (await running.claim(session.it, store.keys, 9, HOUR, 1)).ids == [b"b"]


async def test_a_task_that_rests_can_be_removed_and_assigned(store: Store) -> None:
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR))
    run: list[ClaimedTask] = [held(b"a", TOKEN, 40)]
    assert (await running.release(store.session().it, store.keys, run, [HOUR])).held == [True]
    assert (await running.release(store.session().it, store.keys, run)).held == [True]
    assert (await store.space()).due == {b"a": 40}

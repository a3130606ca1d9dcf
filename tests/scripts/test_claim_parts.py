"""Claims that are repeated and brought too much by now: at most once they come in parts, each task once."""

from __future__ import annotations

import pytest

from interval_scheduler.model.quotas import Quotas, Rate
from interval_scheduler.storage.commands import quotas, running
from interval_scheduler.storage.commands.quotas import QuotaChange
from interval_scheduler.storage.commands.running import Claimed

from .store import HOUR, Numbered, Space, Store, lease, recurring

pytestmark = pytest.mark.asyncio

IDS = [b"t%02d" % n for n in range(10)]
RECORDS = {raw_id: recurring(HOUR, 17, data=raw_id * 1000) for raw_id in IDS}
ONE = len(RECORDS[IDS[0]])
LONG_AGO = 40


async def _seed(store: Store, attempts: dict[bytes, bytes] | None = None) -> None:
    dues = {raw_id: LONG_AGO + n for n, raw_id in enumerate(IDS)}
    await store.seed(Space(tasks=dict(RECORDS), due=dues, attempts=attempts or {}))


async def _take(store: Store, session: Numbered, weight: int, had: int = -1) -> Claimed:
    return await running.claim_once(session.it, store.keys, 100, HOUR, 0, weight, None, had=had)


def _check(part: Claimed, token: bytes, ids: list[bytes]) -> None:
    assert (part.token, list(part.ids)) == (token, ids)
    assert list(part.dues) == [b"%d" % (LONG_AGO + IDS.index(raw_id)) for raw_id in ids]
    assert list(part.records) == [RECORDS[raw_id] for raw_id in ids]


@pytest.mark.parametrize("attempts", [{}, {b"t01": b"2", b"t05": b"0"}], ids=["first deliveries", "further ones"])
async def test_each_task_comes_once_in_parts(store: Store, attempts: dict[bytes, bytes]) -> None:
    await _seed(store, attempts)
    session = store.session()
    first = await _take(store, session, 1 << 20)
    assert list(first.ids) == IDS
    session.back()
    part = await _take(store, session, 3 * ONE)
    _check(part, first.token, IDS[:3])
    assert part.next_claim_ms == 0, "there is more"
    parts, failed = list(part.ids), list(part.failed)
    while part.next_claim_ms == 0:
        part = await _take(store, session, 4 * ONE, len(part.ids))
        _check(part, first.token, list(part.ids))
        assert 0 < len(part.ids) <= 4
        parts, failed = parts + list(part.ids), failed + list(part.failed)
    assert parts == IDS
    assert failed == ([attempts.get(raw_id) for raw_id in IDS] if attempts else [])
    await store.client.delete(store.keys.due)
    after = await _take(store, session, 1 << 20, len(part.ids))
    assert list(after.ids) == []
    assert not await store.client.exists(store.keys.taken(session.name))


@pytest.mark.parametrize("hold", ["pause", "rate", "rate kept elsewhere"])
async def test_neither_a_pause_nor_a_rate_holds_up_what_was_taken(store: Store, hold: str) -> None:
    await _seed(store)
    tokens = b"10" if hold == "rate kept elsewhere" else b""
    if hold != "pause":
        await quotas.put(
            store.session().it, store.partition, QuotaChange(Quotas(1, Rate(10, per=3600, burst=10)), None)
        )

    async def take(weight: int, had: int = -1) -> Claimed:
        return await running.claim_once(session.it, store.keys, 100, HOUR, 0, weight, None, tokens, had)

    session = store.session()
    assert list((await take(1 << 20)).ids) == IDS
    await store.client.zadd(store.keys.due, {b"more": 1})
    if hold == "pause":
        await store.client.set(store.keys.halt, 1)
    session.back()
    part = await take(3 * ONE)
    found = list(part.ids)
    while part.next_claim_ms == 0:
        assert part.waits_ms == (None if hold == "pause" else 0)
        part = await take(4 * ONE, len(part.ids))
        found += part.ids
    assert found == IDS


async def test_each_part_may_be_repeated_too(store: Store) -> None:
    await _seed(store)
    session = store.session()
    token = (await _take(store, session, 1 << 20)).token
    for weight, count in ((5, 5), (2, 2), (1, 1)):  # each repetition is asked to be lighter, as the link proves slow
        session.back()
        part = await _take(store, session, weight * ONE)
        _check(part, token, IDS[:count])
    part = await _take(store, session, 5 * ONE, 1)
    _check(part, token, IDS[1:6])
    session.back()
    part = await _take(store, session, 2 * ONE, 1)
    _check(part, token, IDS[1:3])
    part = await _take(store, session, 1 << 20, 2)
    _check(part, token, IDS[3:])
    assert part.next_claim_ms != 0


async def test_what_comes_due_meanwhile_comes_behind(store: Store) -> None:
    await _seed(store)
    session = store.session()
    token = (await _take(store, session, 1 << 20)).token
    session.back()
    await _take(store, session, 5 * ONE)
    await store.seed(Space(tasks={b"new": b"s\nx"}, due={b"new": 1}))
    rest = await _take(store, session, 1 << 20, 5)
    _check(rest, token, IDS[5:])
    assert rest.next_claim_ms == 1, "the head of the schedule"
    new = await _take(store, session, 1 << 20, 5)
    assert list(new.ids) == [b"new"]
    assert int(new.token) > int(token)


async def test_a_reply_that_was_whole_is_followed_by_a_new_claim(store: Store) -> None:
    await _seed(store)
    session = store.session()
    await _take(store, session, 1 << 20)
    session.back()
    again = await _take(store, session, 1 << 20)
    assert list(again.ids) == IDS
    await store.seed(Space(tasks={b"new": b"s\nx"}, due={b"new": 1}))
    assert list((await _take(store, session, 1 << 20, len(IDS))).ids) == [b"new"]


async def test_a_copy_that_has_expired_ends_the_claim(store: Store) -> None:
    await _seed(store)
    session = store.session()
    await _take(store, session, 1 << 20)
    session.back()
    await _take(store, session, 5 * ONE)
    await store.client.delete(store.keys.taken(session.name), store.keys.due)
    session.back()
    part = await _take(store, session, 5 * ONE)
    assert (list(part.ids), part.next_claim_ms) == ([], -1)
    await store.seed(Space(tasks={b"new": b"s\nx"}, due={b"new": 1}))
    assert list((await _take(store, session, 1 << 20, 5)).ids) == [b"new"]


async def test_what_a_repeated_claim_hands_back_wakes_others(store: Store) -> None:
    await _seed(store)
    session = store.session()
    await running.claim(session.it, store.keys, 100, HOUR)
    async with store.announcements() as heard:
        again = await running.claim(session.back(), store.keys, 100, HOUR, 0, 3 * ONE)
        assert list(again.ids) == IDS[:3]
        assert await heard() == [LONG_AGO + 3]


@pytest.mark.parametrize("claim", [running.claim, running.claim_once])
async def test_with_groups_a_further_page_keeps_to_the_weight(store: Store, claim: object) -> None:
    """Parked tasks let the claim look further, where the first record that it reads may be too heavy."""
    tasks = {b"a%d" % n: b"s;gone\n" + b"x" * 100 for n in range(6)} | {b"heavy": b"s\n" + b"x" * 5000}
    await store.seed(Space(tasks=tasks, due={raw_id: n for n, raw_id in enumerate(tasks)}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    claimed = await claim(store.session().it, store.keys, 2, HOUR, 1, 2000)  # type: ignore[operator]
    assert list(claimed.ids) == [b"a0"]
    assert (await store.space()).due == {b"heavy": 6}
    assert list((await claim(store.session().it, store.keys, 2, HOUR, 1, 2000)).ids) == [b"heavy"]  # type: ignore[operator]


async def test_what_is_set_aside_takes_no_room_in_its_group(store: Store) -> None:
    tasks = {b"well": b"s;ggroup\nx", b"\xff": b"s;ggroup\nx"}
    await store.seed(Space(tasks=tasks, due={b"\xff": 1, b"well": 2}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    claimed = await running.claim_once(store.session().it, store.keys, 2, HOUR, 5)
    assert list(claimed.ids) == [b"well"]
    space = await store.space()
    assert list(space.dead) == [b"\xff"]
    assert (space.groups["of"], space.groups["runs"]) == ({b"well": b"group"}, {b"group": b"1"})
    assert space.leases == {b"well": lease(int(claimed.token), 2)}


async def test_one_due_before_1970_is_parked_as_others_are(store: Store) -> None:
    tasks = {b"early": b"s;ggroup\nx", b"late": b"s;ggroup\nx"}
    await store.seed(Space(tasks=tasks, due={b"early": -5, b"late": -3}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    first = await running.claim(store.session().it, store.keys, 9, HOUR, 1)
    assert list(first.ids) == [b"early"]
    assert (await store.space()).groups["parked-of"] == {b"late": b"group\0%016d\0late" % 0}
    await store.client.zadd(store.keys.leased, {b"early": 50.25})
    both = [*(await running.claim(store.session().it, store.keys, 9, HOUR, 9)).ids]
    both += (await running.claim(store.session().it, store.keys, 9, HOUR, 9)).ids
    assert sorted(both) == [b"early", b"late"]

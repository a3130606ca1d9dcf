"""A Redis at its `maxmemory` takes no new tasks, but every claimed one can end."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.errors import StorageFull
from interval_scheduler.storage.commands import assigning, locks, lookup, running
from interval_scheduler.storage.commands.assigning import Removed
from interval_scheduler.storage.commands.locks import LockStep
from interval_scheduler.storage.connection.failures import translate

from .arithmetic import next_run
from .store import HOUR, MINUTE, ClaimedTask, Space, Store, change, held, lease, leased_space, now_of, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
EVERY = recurring(HOUR, 5)


async def fill_up(store: Store) -> None:
    await store.client.config_set("maxmemory", "1")
    with pytest.raises(ResponseError, match="maxmemory"):
        await store.client.set("probe", "1")


def held_space() -> Space:
    tasks = {b"a": EVERY, b"b": b"s\nx", b"c": EVERY}
    return leased_space(tasks, token=TOKEN, due=40, deadline=FAR, attempts={b"a": b"1"}, fence=b"7")


async def test_assign_is_refused_as_a_whole(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    seeded = held_space()
    seeded.tasks[b"waiting"] = EVERY
    seeded.due[b"waiting"] = FAR
    await store.seed(seeded)
    await fill_up(store)
    for changes in (
        [change(b"new")],
        [change(b"waiting", every=HOUR, rule="start")],
        [change(b"a", every=HOUR)],
        [change(b"new"), change(b"waiting"), change(b"a")],
    ):
        async with store.announcements() as heard:
            with pytest.raises(ResponseError) as caught:
                await assigning.assign(session.it, store.keys, 0, changes)
            assert await heard() == []
        assert isinstance(translate("here", caught.value), StorageFull)
        assert await store.space() == seeded
    await store.client.config_set("maxmemory", "0")
    created, _ = await assigning.assign(session.back(), store.keys, 0, [change(b"new", start=FAR)])
    assert created == [True]


async def test_claim_and_complete(small_store: Store) -> None:
    store = small_store
    past = await store.now_ms() - MINUTE
    every = recurring(HOUR, past)
    seeded = leased_space({b"ended": every}, token=TOKEN, due=past, deadline=50)
    seeded.tasks |= {b"a": every, b"b": b"s\nx", b"later": b"s\nx"}
    seeded.due = {b"ghost": past - 9, b"a": past - 2, b"b": past - 1, b"later": FAR}
    await store.seed(seeded)
    await fill_up(store)
    claimer, completer = store.session(), store.session()
    claimed = await running.claim(claimer.it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"a", b"b", b"ended"]
    again = await running.claim(claimer.back(), store.keys, 10, HOUR)
    assert (again.token, sorted(again.ids)) == (claimed.token, [b"a", b"b", b"ended"])
    found = await store.space()
    assert found.leased == dict.fromkeys(claimed.ids, now_of(claimed) + HOUR)
    runs = [
        ClaimedTask(task_id, claimed.token + b" " + due, record.partition(b"\n")[0])
        for task_id, due, record in zip(claimed.ids, claimed.dues, claimed.records, strict=True)
    ]
    for _ in range(2):
        ended = await running.complete(completer.it, store.keys, runs)
        assert ended == ([True] * 3, past + HOUR)
        completer.back()
    assert await store.space() == Space(
        tasks={b"a": every, b"ended": every, b"later": b"s\nx"},
        due={b"a": past + HOUR, b"ended": past + HOUR, b"later": FAR},
        fence=claimed.token,
    )


async def test_claim_once(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    tasks = {b"a": EVERY, b"b": b"s\nx", b"bad": b"garbage"}
    await store.seed(Space(tasks=tasks, due={b"a": 1, b"b": 2, b"bad": 3}))
    await fill_up(store)
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"a", b"b"]
    again = await running.claim_once(session.back(), store.keys, 10, HOUR)
    assert again[2:] == claimed[2:]
    now = now_of(claimed)
    assert await store.space() == Space(
        tasks={b"a": EVERY, b"bad": b"garbage"},
        due={b"a": next_run(now, 1, HOUR, 5)},
        dead={b"bad": now},
        errors={b"bad": b"1 the record is corrupt"},
        fence=claimed.token,
    )


async def test_release(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    await store.seed(held_space())
    await fill_up(store)
    runs = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]
    for _ in range(2):
        assert await running.release(session.it, store.keys, runs) == ([True, True], 40)
        session.back()
    expected = held_space()
    expected.due = {b"a": 40, b"b": 40}
    expected.leased, expected.leases = {b"c": FAR}, {b"c": lease(TOKEN, 40)}
    assert await store.space() == expected


async def test_renew(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    await store.seed(held_space())
    await fill_up(store)
    for _ in range(2):
        assert await running.renew(session.it, store.keys, HOUR, [held(b"a", TOKEN, 40)]) == [True]
        session.back()
    expected, found = held_space(), await store.space()
    assert found.leased[b"a"] < FAR
    expected.leased[b"a"] = found.leased[b"a"]
    assert found == expected


async def test_remove_and_clear(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    seeded = held_space()
    seeded.tasks |= {b"waiting": EVERY, b"dead": b""}
    seeded.due[b"waiting"], seeded.dead[b"dead"] = FAR, 5
    await store.seed(seeded)
    await fill_up(store)
    for _ in range(2):
        removed = await assigning.remove(session.it, store.keys, [b"a", b"waiting", b"dead", b"no"])
        assert removed == [Removed(flag, 0) for flag in (True, True, False, False)]
        session.back()
    assert await store.space() == leased_space(
        {b"b": b"s\nx", b"c": EVERY}, token=TOKEN, due=40, deadline=FAR, fence=b"7"
    )
    session.sequence = 1
    for _ in range(2):
        assert await assigning.clear(session.it, store.keys) == (2, True, False)
        session.back()
    assert await store.space() == Space(fence=b"7")


async def test_quarantine(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    await store.seed(held_space())
    await fill_up(store)
    for _ in range(2):
        assert await running.quarantine(session.it, store.keys, [held(b"a", TOKEN, 40)]) == [True]
        session.back()
    found = await store.space()
    expected = held_space()
    del expected.leased[b"a"], expected.leases[b"a"], expected.attempts[b"a"]
    expected.dead, expected.errors = found.dead, {b"a": b"1 the record is corrupt"}
    assert (found, list(found.dead)) == (expected, [b"a"])


async def test_stale_ends_of_runs_stay_stale(small_store: Store) -> None:
    """They write nothing, so that not even the reply can be kept."""
    store = small_store
    await store.seed(held_space())
    await fill_up(store)
    stale = [held(b"a", TOKEN + 1, 40), held(b"no", TOKEN, 40)]
    for _ in range(2):
        assert await running.complete(store.session().it, store.keys, stale) == ([False, False], -1)
        assert await running.release(store.session().it, store.keys, stale) == ([False, False], -1)
        assert await running.renew(store.session().it, store.keys, HOUR, stale) == [False, False]
        assert await running.quarantine(store.session().it, store.keys, stale) == [False, False]
        store.replies.clear()
    assert await store.space() == held_space()


async def test_locks(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    await store.seed(Space(locks={b"a": b"7", b"b": b"8"}, fence=b"8"))
    await fill_up(store)
    steps = [
        LockStep(b"c", b"a", b"", HOUR),
        LockStep(b"a", b"e", b"7", HOUR),
        LockStep(b"b", b"r", b"8", 0),
        LockStep(b"a", b"r", b"8", 0),
    ]
    for _ in range(2):
        token, *rest = await locks.lock(session.it, store.keys, steps)
        assert rest == [1, 1, 0]
        session.back()
    assert await store.space() == Space(locks={b"a": b"7", b"c": b"%d" % token}, fence=b"%d" % token)


async def test_what_reads_only(small_store: Store) -> None:
    store = small_store
    await store.seed(held_space())
    await fill_up(store)
    assert (await running.claim(store.session().it, store.keys, 10, HOUR)).next_claim_ms == FAR
    assert (await running.claim_once(store.session().it, store.keys, 10, HOUR)).next_claim_ms == FAR
    assert await lookup.sizes(store.partition) == (3, 0, -1)
    assert [row and row.failed for row in await lookup.look(store.partition, [b"a", b"no"])] == [1, None]
    found = await lookup.page(store.partition, "leased", limit=10, after=None)
    assert [row.id for row in found.rows] == [b"a", b"b", b"c"]
    assert await store.space() == held_space()

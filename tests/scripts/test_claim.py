"""claim.lua: what is leased to whom, and what is told of it."""

from __future__ import annotations

import math

import pytest

from interval_scheduler.storage.commands import running

from .store import HOUR, SECOND, Space, Store, lease, leased_space, now_of, only, recurring, without

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000


async def test_the_earliest_due_come_first_up_to_the_limit(store: Store) -> None:
    session = store.session()
    dues = {b"a": 50, b"b": 20, b"c": 40, b"d": 10, b"e": 30}
    records = {task_id: recurring(HOUR, 7, data=task_id) for task_id in dues}
    await store.seed(Space(tasks=records, due=dues))
    claimed = await running.claim(session.it, store.keys, 3, HOUR)
    assert claimed[1:] == (
        40, claimed.token, [b"d", b"b", b"e"], [b"10", b"20", b"30"],
        [records[task_id] for task_id in (b"d", b"b", b"e")], [], None,
    )  # fmt: skip
    taken = only(dues, claimed.ids)
    assert await store.space() == Space(
        tasks=records,
        due=without(dues, *taken),
        leased=dict.fromkeys(taken, now_of(claimed) + HOUR),
        leases={task_id: claimed.token + b" %d" % due for task_id, due in taken.items()},
        fence=claimed.token,
    )


async def test_equal_due_times_are_all_claimed_in_the_end(store: Store) -> None:
    session = store.session()
    records = {b"%d" % n: b"s\n%d" % n for n in range(25)}
    await store.seed(Space(tasks=records, due=dict.fromkeys(records, 5)))
    got: list[bytes] = []
    for size in (10, 10, 5, 0):
        claimed = await running.claim(session.it, store.keys, 10, HOUR)
        assert len(claimed.ids) == size
        assert list(claimed.records) == [records[task_id] for task_id in claimed.ids]
        got += claimed.ids
    assert sorted(got) == sorted(records)


async def test_never_early_and_none_left_out(store: Store) -> None:
    """Tasks due at each millisecond around now: those up to the moment of the claim come, and no others."""
    session = store.session()
    now = await store.now_ms()
    dues = {b"%d" % due: due for due in range(now - 50, now + 2000)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    claimed = await running.claim(session.it, store.keys, 3000, HOUR)
    # A machine that stands still for two seconds in between is no fault.
    end = min(now_of(claimed) + 1, now + 2000)
    assert [int(due) for due in claimed.dues] == list(range(now - 50, end))
    assert claimed.next_claim_ms in (end, now_of(claimed) + HOUR)


async def test_binary_records_and_strange_ids_come_as_they_are(store: Store) -> None:
    session = store.session()
    records = {rb"*?[x]\ ": b"b\n" + bytes(range(256)), b"a{b}c": b"s\n", "é:\U0001f600".encode(): b"b 1 0\n\n\0"}
    await store.seed(Space(tasks=records, due=dict.fromkeys(records, 5)))
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert dict(zip(claimed.ids, claimed.records, strict=True)) == records


async def test_what_has_no_record_is_dropped(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"b": b"s\nx"}, due={b"ghost1": 1, b"b": 2, b"ghost2": 3, b"ghost3": FAR}))
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues, claimed.records) == ([b"b"], [b"2"], [b"s\nx"])
    assert await store.space() == Space(
        tasks={b"b": b"s\nx"},
        due={b"ghost3": FAR},
        leased={b"b": now_of(claimed) + HOUR},
        leases={b"b": claimed.token + b" 2"},
        fence=claimed.token,
    )


async def test_nothing_but_ghosts(store: Store) -> None:
    session = store.session()
    await store.seed(Space(due={b"1": 1, b"2": 2, b"3": 3}))
    claimed = await running.claim(session.it, store.keys, 2, HOUR)
    assert (list(claimed.ids), claimed.next_claim_ms) == ([], 3)  # look again at once
    assert await store.space() == Space(due={b"3": 3}, fence=claimed.token)


async def test_a_claim_of_nothing_writes_nothing_but_its_reply(store: Store) -> None:
    session = store.session()
    seeded = Space(tasks={b"a": b"s\nx"}, due={b"a": FAR}, fence=b"5", attempts={b"a": b"1"})
    await store.seed(seeded)
    before = await store.now_ms()
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert before <= now_of(claimed) <= await store.now_ms()
    assert claimed[1:] == (FAR, b"5", [], [], [], [], None)
    assert await store.space() == seeded


async def test_the_next_look(store: Store) -> None:
    session = store.session()

    async def next_claim() -> int:
        return (await running.claim(session.it, store.keys, 1, HOUR)).next_claim_ms

    assert await next_claim() == -1
    await store.seed(Space(tasks={b"a": b"s\nx"}, due={b"a": FAR}))
    assert await next_claim() == FAR
    await store.seed(Space(tasks={b"b": b"s\nx"}, leased={b"b": FAR - 5}, leases={b"b": lease(7, 5)}))
    assert await next_claim() == FAR - 5  # a lease that ends before the next due time
    await store.seed(Space(tasks={b"c": b"s\nx"}, due={b"c": FAR - 9}))
    assert await next_claim() == FAR - 9


async def test_the_next_look_after_a_claim(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks=dict.fromkeys((b"a", b"b"), b"s\nx"), due={b"a": 1, b"b": 2}))
    assert (await running.claim(session.it, store.keys, 1, HOUR)).next_claim_ms == 2
    claimed = await running.claim(session.it, store.keys, 1, SECOND)
    assert claimed.next_claim_ms == now_of(claimed) + SECOND  # its own lease


@pytest.mark.parametrize("due", [0, 1, 2])
@pytest.mark.parametrize("limit", [1, 10])
@pytest.mark.parametrize("others", ["none", "waiting", "leased"])
@pytest.mark.parametrize("places", [0, 10])
async def test_the_next_look_is_at_what_is_left(store: Store, due: int, limit: int, others: str, places: int) -> None:
    """A claim that takes one task, or none, does not look it up: it knows the other tasks and leases already."""
    session = store.session()
    ids = [b"%d" % n for n in range(due)]
    near = await store.now_ms() + HOUR // 2
    await store.seed(
        Space(
            tasks=dict.fromkeys((*ids, b"other"), b"s\nx"),
            due=dict.fromkeys(ids, 5) | ({b"other": near} if others == "waiting" else {}),
            leased={b"other": near + 0.5} if others == "leased" else {},
            leases={b"other": lease(7, 5)} if others == "leased" else {},
        )
    )
    claimed = await running.claim(session.it, store.keys, limit, HOUR, places=places)
    assert list(claimed.ids) == ids[:limit]
    space = await store.space()
    moments = [math.ceil(moment) for moment in (*space.due.values(), *space.leased.values())]
    assert claimed.next_claim_ms == min(moments, default=-1)


async def test_tokens_are_the_servers_time_in_microseconds(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks=dict.fromkeys((b"a", b"b"), b"s\nx"), due={b"a": 1, b"b": 2}))
    first = await running.claim(session.it, store.keys, 1, HOUR)
    assert now_of(first) <= int(first.token) // 1000 <= await store.now_ms()
    second = await running.claim(session.it, store.keys, 1, HOUR)
    assert int(second.token) > int(first.token)
    assert (await store.space()).fence == second.token


async def test_tokens_increase_where_the_clock_went_back(store: Store) -> None:
    session = store.session()
    fence = 8_000_000_000_000_000
    ids = [b"%d" % n for n in range(5)]
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, 1), fence=b"%d" % fence))
    for n in range(1, 6):
        assert (await running.claim(session.it, store.keys, 1, HOUR)).token == b"%d" % (fence + n)
    assert (await store.space()).fence == b"%d" % (fence + 5)


async def test_failed_deliveries_are_told(store: Store) -> None:
    session = store.session()
    dues = {b"a": 1, b"b": 2, b"c": 3}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues, attempts={b"b": b"2"}))
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert claimed.failed == [None, b"2", None]
    assert (await store.space()).attempts == {b"b": b"2"}


async def test_a_delivery_that_fails_at_the_claim_is_told(store: Store) -> None:
    """The lease of a task ended: the claim that finds this out takes the task, and tells of it."""
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=7, due=40, deadline=50))
    assert (await running.claim(session.it, store.keys, 10, HOUR)).failed == [b"1"]


async def test_a_full_claim(store: Store) -> None:
    session = store.session()
    records = {b"%03d" % n: b"s\n%d" % n for n in range(600)}
    await store.seed(Space(tasks=records, due={task_id: int(task_id) for task_id in records}))
    claimed = await running.claim(session.it, store.keys, 500, HOUR)
    assert list(claimed.ids) == [b"%03d" % n for n in range(500)]
    found = await store.space()
    assert (len(found.due), len(found.leased), len(found.leases)) == (100, 500, 500)


@pytest.mark.parametrize(("count", "is_table"), [(1, False), (8, False), (9, True), (500, True)])
async def test_a_batch_that_is_claimed_at_once_is_no_list(
    small_store: Store,
    count: int,
    is_table: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Redis keeps few short members as a list, and searching that for each of a batch costs more than all the rest."""
    store, session = small_store, small_store.session()
    ids = [b"%03d" % n for n in range(count)]
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, 5)))
    await running.claim(session.it, store.keys, count, HOUR)
    assert (await store.client.object("ENCODING", store.keys.leases) == b"hashtable") is is_table
    assert (await store.client.object("ENCODING", store.keys.leased) == b"skiplist") is is_table
    assert (await store.space()).leases.keys() == set(ids)

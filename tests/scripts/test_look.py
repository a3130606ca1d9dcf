"""look.lua, size.lua and enroll.lua."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import lookup, topology
from interval_scheduler.storage.commands.lookup import Row, Sizes
from interval_scheduler.storage.scripts.membership import SCHEMA_VERSION, Membership

from .store import HOUR, MINUTE, Space, Store, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000


async def test_look_at_tasks_of_every_state(store: Store) -> None:
    every = recurring(HOUR, 5, data=b"\0\n\xff")
    seeded = leased_space({b"leased": every, b"marked": every}, token=7, due=40, deadline=FAR)
    seeded.leases[b"marked"] = lease(7, 40, b"s99")
    seeded.tasks |= {b"waiting": b"s\nx", b"failed": b"s\nx", b"dead": b"garbage", b"nowhere": b"s\nx"}
    seeded.due = {b"waiting": FAR, b"failed": 0, b"ghost": 5}
    seeded.attempts = {b"failed": b"2", b"leased": b"1"}
    seeded.dead = {b"dead": 5}
    await store.seed(seeded)
    ids = [b"waiting", b"unknown", b"failed", b"leased", b"marked", b"dead", b"ghost", b"nowhere", b"waiting"]
    waiting = Row(b"waiting", b"s\nx", FAR, "waiting", failed=0)
    assert await lookup.look(store.partition, ids) == [
        waiting,
        None,
        Row(b"failed", b"s\nx", 0, "waiting", failed=2),
        Row(b"leased", every, 40, "leased", failed=1, claimed_us=7),
        Row(b"marked", every, 40, "leased", failed=0, claimed_us=7),
        None,
        None,
        None,
        waiting,
    ]
    assert await store.space() == seeded


async def test_look_where_no_delivery_ever_failed(store: Store) -> None:
    ids = [b"%d" % n for n in range(500)]
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\nx"), due={task_id: int(task_id) for task_id in ids}))
    assert await lookup.look(store.partition, ids) == [
        Row(task_id, b"s\nx", int(task_id), "waiting", failed=0) for task_id in ids
    ]


async def test_look_at_nothing(store: Store) -> None:
    assert await lookup.look(store.partition, [b"a", b"b"]) == [None, None]
    assert await store.space() == Space()


async def test_sizes(store: Store) -> None:
    assert await lookup.sizes(store.partition) == Sizes(0, 0, -1)
    now = await store.now_ms()
    seeded = Space(due={b"a": 0, b"b": now, b"c": now + HOUR}, leased={b"d": now + HOUR, b"e": now - 1}, dead={b"f": 1})
    await store.seed(seeded)
    assert await lookup.sizes(store.partition) == Sizes(5, 3, now + HOUR)
    assert await store.space() == seeded


async def test_sizes_count_what_is_due_up_to_now(store: Store) -> None:
    start = await store.now_ms()
    ladder = range(start - MINUTE, start + MINUTE, 10)
    await store.seed(Space(due={b"%d" % due: due for due in ladder}, leased={b"l%d" % due: due for due in ladder}))
    before = await store.now_ms()
    tasks, due, last = await lookup.sizes(store.partition)
    after = await store.now_ms()
    assert (tasks, last) == (2 * len(ladder), ladder[-1])
    assert 2 * sum(moment <= before for moment in ladder) <= due <= 2 * sum(moment <= after for moment in ladder)


async def test_enroll_once(store: Store) -> None:
    mine = Membership(SCHEMA_VERSION, b"here", b"here,there", b"here")
    born = b"%d" % store.born  # the key of the epoch tells it
    assert await topology.enroll(store.partition, mine) == mine._replace(born=born)
    stored = {name.encode(): value for name, value in mine._replace(born=born)._asdict().items() if value}
    assert await store.space() == Space(membership=stored)
    for other in (mine, Membership(b"2", b"there", b"there", b"there")):
        assert await topology.enroll(store.partition, other) == mine._replace(born=born)
        assert await store.space() == Space(membership=stored)


async def test_enroll_tells_what_stands_there(store: Store) -> None:
    stored = {b"schema": b"9", b"partition": b"p", b"list": b"p,q", b"master": b"q"}
    await store.seed(Space(membership=stored))
    found = await topology.enroll(store.partition, Membership(SCHEMA_VERSION, b"here", b"here", b"here"))
    assert found == Membership(b"9", b"p", b"p,q", b"q", born=b"%d" % store.born)
    assert await store.space() == Space(membership={**stored, b"born": found.born})

"""Moving tasks from one partition to another: out, in and done, each of them late, repeated and interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from interval_scheduler.storage.commands import assigning, running, topology
from interval_scheduler.storage.commands.topology import Outbox

from .store import HOUR, Space, Store, change, leased_space, recurring, stamp, without

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
EVERY = recurring(HOUR, 5)
BINARY = b"b\n\0\xff\n;g"


@pytest_asyncio.fixture
async def there(url: str, namespace: str) -> AsyncIterator[Store]:
    """Another partition."""
    made = Store(url, f"there-{namespace}")
    await made.enroll()
    yield made
    await made.delete()


def rich() -> Space:
    """A task in each state."""
    return Space(
        tasks={
            b"waiting": EVERY,
            b"due": BINARY,
            b"paused": b"s 60 1;n5\nx",
            b"dead": b"s\n" + b"d" * 300,
            b"leased": EVERY,
            b"stays": EVERY,
        },
        due={b"waiting": FAR, b"due": 5, b"stays": FAR + 1},
        paused={b"paused": 7},
        dead={b"dead": 9},
        leased={b"leased": FAR},
        leases={b"leased": b"7 5"},
        attempts={b"due": b"2", b"leased": b"1"},
        runs={b"paused": b"3", b"leased": b"1"},
        failures={b"paused": b"1", b"waiting": b"4"},
        history={b"paused": b"\x01\0binary\n 5 5\n\0", b"dead": b"\xff\n"},
        failing={b"waiting": 12, b"paused": 13},
        causes={b"waiting": b"12 it\nfailed 3", b"paused": b"13 "},
        errors={b"dead": b"3 it\nfailed \xc3\xa9 1 2"},
        fence=b"99",
    )


ALL = list(rich().tasks)[:-1]
MOVING = [b"waiting", b"due", b"paused", b"dead"]


def part(space: Space, ids: list[bytes]) -> Space:
    """What there is of some tasks."""
    names = (
        "tasks",
        "due",
        "paused",
        "dead",
        "leased",
        "leases",
        "attempts",
        "runs",
        "failures",
        "errors",
        "history",
        "failing",
        "causes",
    )
    some = Space()
    for name in names:
        setattr(some, name, {raw_id: value for raw_id, value in getattr(space, name).items() if raw_id in ids})
    return some


async def out(store: Store, *ids: bytes) -> Outbox:
    return await topology.move_out(store.partition, "there", ids)


async def into(there: Store, outbox: Outbox) -> int:
    return await topology.move_in(there.partition, "here", outbox)


async def test_all_there_is_of_a_task_moves(store: Store, there: Store) -> None:
    await store.seed(rich())
    outbox = await out(store, *ALL, b"no")
    assert (outbox.destination, outbox.token, list(outbox.left)) == ("there", b"99", [b"leased"])
    assert set(outbox.batch[::2]) == set(MOVING)
    space = await store.space()
    assert set(space.outbox) == set(MOVING)
    assert space.moves == {b"number": b"%d" % outbox.number, b"to": b"there", b"moved": b"4"}
    assert replace(space, outbox={}, moves={}, fence=None) == part(rich(), [b"leased", b"stays"])
    assert await there.space() == Space(), "it is nowhere until it has arrived"

    assert await into(there, outbox) == 5
    moved = await there.space()
    assert replace(moved, moves={}, fence=None) == part(rich(), MOVING)
    assert moved.moves == {b"from here": b"%d" % outbox.number}
    assert moved.fence == b"99", "the tokens of a task increase"

    await topology.move_done(store.partition, outbox.number)
    assert (await store.space()).outbox == {}


async def test_a_batch_arrives_once(store: Store, there: Store) -> None:
    await store.seed(rich())
    first = await out(store, b"due")
    await into(there, first)
    await assigning.remove(there.session().it, there.keys, [b"due"])
    before = await there.space()
    assert await into(there, first) == -1
    assert await there.space() == before, "a late copy does not bring back what was removed meanwhile"
    await topology.move_done(store.partition, first.number)
    second = await out(store, b"waiting")
    assert second.number > first.number
    await into(there, second)
    assert await into(there, first) == await into(there, second) == -1
    assert set((await there.space()).tasks) == {b"waiting"}


async def test_nothing_is_taken_while_a_batch_is_on_its_way(store: Store) -> None:
    """Who interrupted a move does not matter: the next one finds its batch."""
    await store.seed(rich())
    first = await out(store, b"due", b"paused")
    before = await store.raw()
    again = await topology.move_out(store.partition, "elsewhere", [b"waiting"])
    assert (again.number, again.destination, list(again.left)) == (first.number, "there", [b"waiting"])
    assert sorted(again.batch) == sorted(first.batch)
    assert await store.raw() == before
    moving = await topology.migration_status(store.partition, [b"due", b"waiting"])
    assert (moving.has_outbox, list(moving.in_transit)) == (True, [True, False])


async def test_a_late_end_leaves_the_next_batch(store: Store) -> None:
    await store.seed(rich())
    first = await out(store, b"due")
    await topology.move_done(store.partition, first.number)
    second = await out(store, b"waiting")
    for number in (first.number, 0, second.number + 1):
        await topology.move_done(store.partition, number)
    assert set((await store.space()).outbox) == {b"waiting"}
    await topology.move_done(store.partition, second.number)
    await topology.move_done(store.partition, second.number)
    assert await out(store) == Outbox(0, "there", b"99", [], [])


async def test_numbers_increase_even_if_all_was_lost(store: Store) -> None:
    await store.seed(rich())
    first = await out(store, b"due")
    await store.clear()
    await store.seed(rich())
    assert (await out(store, b"due")).number > first.number


async def test_what_is_at_its_home_already_stays(store: Store, there: Store) -> None:
    await store.seed(rich())
    await assigning.assign(there.session().it, there.keys, 0, [change(b"due", b"newer", start=FAR)])
    await into(there, await out(store, b"due", b"waiting"))
    space = await there.space()
    assert (space.tasks[b"due"], space.due[b"due"], space.attempts) == (b"s\nnewer", FAR, {})
    assert space.due[b"waiting"] == FAR


async def test_groups(store: Store, there: Store) -> None:
    """What is parked, or was, waits at its new home since its own due time; the next of its group has the turn."""
    session = store.session()
    tasks = {b"g%d" % n: b"s;ggroup\nx" for n in range(4)}
    await store.seed(Space(tasks=tasks, due={raw_id: n + 1 for n, raw_id in enumerate(tasks)}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    claimed = await running.claim(session.it, store.keys, 10, HOUR, 1)
    assert list(claimed.ids) == [b"g0"]
    await running.release(session.it, store.keys, [_held(claimed.token)])  # g1 has the turn
    assert set((await store.space()).groups["overdue"]) == {b"g1"}
    outbox = await out(store, b"g1", b"g3")
    space = await store.space()
    assert set(space.groups["overdue"]) == {b"g2"}
    assert "parked-of" not in space.groups
    await into(there, outbox)
    arrived = await there.space()
    assert arrived.due == {b"g1": 2, b"g3": 4}
    assert arrived.groups == {"in-use": b"1"}


def _held(token: bytes) -> running.ClaimedTask:
    from .store import ClaimedTask

    return ClaimedTask(b"g0", token + b" 1", b"s;ggroup")


async def test_a_leased_task_moves_after_its_run(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY}, token=7, due=5, deadline=1))
    assert (await out(store, b"a")).left == [b"a"]
    assert (await store.space()).outbox == {}, "not even if its lease has ended: that is for a claim to find"


async def test_a_batch_is_bounded(store: Store) -> None:
    big = b"b\n" + b"x" * 700_000
    await store.seed(Space(tasks={b"a": big, b"b": big, b"c": big}, due={b"a": 1, b"b": 1, b"c": 1}))
    outbox = await out(store, b"a", b"b", b"c")
    assert (list(outbox.batch[::2]), list(outbox.left)) in (([b"a", b"b"], [b"c"]), ([b"b", b"a"], [b"c"]))


async def test_an_orphan_is_due_at_its_new_home(store: Store, there: Store) -> None:
    await store.seed(Space(tasks={b"a": EVERY}))
    before = await store.now_ms()
    assert await into(there, await out(store, b"a")) >= before


async def test_another_list_of_partitions_is_refused(store: Store, there: Store) -> None:
    await store.seed(rich())
    outbox = await out(store, b"due")
    for each in (store, there):
        await each.client.set(each.keys.epoch, stamp(2))
    before = await store.raw(), await there.raw()
    for late in (
        out(store, b"waiting"),
        into(there, outbox),
        topology.move_done(store.partition, outbox.number),
        topology.scan_ids(store.partition, b"0", 10, 0),
    ):
        with pytest.raises(ResponseError, match="LISTCHANGED"):
            await late
    assert (await store.raw(), await there.raw()) == before


async def test_a_walk_meets_every_task(store: Store) -> None:
    ids = {b"t%d" % n for n in range(1000)}
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, FAR)))
    found: list[bytes] = []
    cursor = b"0"
    while True:
        before = len(found)
        cursor, some = await topology.scan_ids(store.partition, cursor, 50, before)
        found += some
        if cursor == b"0":
            break
    assert set(found) == ids
    assert (await topology.migration_status(store.partition)).looked == before
    assert without((await store.space()).due, *ids) == {}


async def test_who_sleeps_at_the_new_home_is_woken(store: Store, there: Store) -> None:
    await store.seed(rich())
    async with there.announcements() as heard:
        await into(there, await out(store, b"due", b"waiting"))
        assert await heard() == [5]

"""The membership that a sender knows: requests with another one are refused, and what is written of it."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.model.updating import to_update
from interval_scheduler.storage.commands import assigning, control, handoff, running, sync, topology, updating
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.requests.session import NotAllExist
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.membership import SCHEMA_VERSION, Membership

from .store import BORN, HOUR, Space, Store, change, held_of, recurring, stamp
from .test_idempotence import ALL, Request, comparable, rich

pytestmark = pytest.mark.asyncio

PAUSED = b"1700000000000 alice\nmaintenance"
FAR = 4_000_000_000_000
#: A hint: the session and the number of its writer, and a removal.
REMOVAL = b"0" * 16 + b" 1", [b"a", b"", b"", b"", b""]

#: What ends leases goes by their tokens, and locks do not move.
FREE = {"complete", "fail", "lock", "quarantine", "release", "renew"}
LOCK = ALL["lock"]
FENCED = {name: request for name, request in ALL.items() if name not in FREE} | {
    "mark": lambda store, session: sync.mark(session.it, store.keys, b"sync", HOUR, [b"a"]),
    "hint": lambda store, session: handoff.hint(
        session.it,
        store.partition,
        store.keys.hints_for("there"),
        "there",
        10,
        b"0" * 16 + b" 1",
        [b"a", b"", b"", b"", b""],
    ),
}
every_fenced = pytest.mark.parametrize("request_of", FENCED.values(), ids=FENCED)


async def test_which_scripts_ask() -> None:
    stamped = {script.name for script in scripts.ALL if script.is_stamped}
    assert stamped == {*FENCED, "lock", "report"}


@every_fenced
async def test_another_list_is_refused_and_nothing_changed(store: Store, request_of: Request) -> None:
    session = store.session()
    await store.seed(rich())
    for theirs, mine in ((2, 1), (2, 3), (12, 1), (1, 2)):
        await store.client.set(store.keys.epoch, stamp(theirs))
        before = await store.raw()
        session.epoch = mine
        with pytest.raises(ResponseError, match=rf"LISTCHANGED .* epoch {theirs} "):
            await request_of(store, session)
        assert await store.raw() == before


LOST = [
    None,
    b"",
    b"1",
    b"1:",
    b":1",
    b"x",
    stamp(1, BORN + 1),
    stamp(2, BORN - 1),
    b"1:" + b"9" * 400,
    b"9" * 400 + b":%d" % BORN,
    stamp(1) + b" ",
]


@pytest.mark.parametrize("request_of", [*FENCED.values(), LOCK], ids=[*FENCED, "lock"])
async def test_lost_data_are_noticed_and_nothing_changed(store: Store, request_of: Request) -> None:
    """Another birth, as after a FLUSHALL and another enrolment; or the key was deleted or garbled."""
    session = store.session()
    session.epoch = 1
    await store.seed(rich())
    for theirs in LOST:
        await store.client.delete(store.keys.epoch)
        if theirs is not None:
            await store.client.set(store.keys.epoch, theirs)
        before = await store.raw()
        with pytest.raises(ResponseError, match="UNENROLLED"):
            await request_of(store, session)
        assert await store.raw() == before


async def test_locks_go_on_under_another_list(store: Store) -> None:
    await store.seed(rich())
    await store.client.set(store.keys.epoch, stamp(2))
    session = store.session()
    session.epoch = 1
    before = await store.raw()
    await LOCK(store, session)
    assert await store.raw() != before


@pytest.mark.parametrize("theirs", [None, stamp(1, BORN + 1)])
async def test_moves_and_hints_are_refused_after_a_loss(store: Store, theirs: bytes | None) -> None:
    await store.client.delete(store.keys.epoch)
    if theirs is not None:
        await store.client.set(store.keys.epoch, theirs)
    before = await store.raw()
    assert scripts.ASSIGN.in_order is not None
    for script, keys, args in (
        (scripts.SCAN_IDS, (), (b"0", 10, 0)),
        (scripts.MOVE_OUT, (), (store.keys.wake, b"there", 10, b"a")),
        (scripts.MOVE_IN, (), (store.keys.wake, b"there", 1, 1)),
        (scripts.MOVE_DONE, (), (1,)),
        (scripts.FINISH_MIGRATION, (), ()),
        (scripts.ASSIGN.in_order, (store.keys.hinted,), (store.keys.wake, 0, b"a", b"ks", b"", b"", b"x")),
    ):
        known: bytes = store.stamp if script is not scripts.ASSIGN.in_order else store.stamp + b":0 5"
        with pytest.raises(ResponseError, match="UNENROLLED"):
            await store.evaluate(script, (*keys, *store.keys.of[script]), (known, *args))
    assert await store.raw() == before


@every_fenced
async def test_the_same_list_passes(store: Store, request_of: Request) -> None:
    await store.seed(rich())
    first = store.session()
    first.epoch = 1
    await request_of(store, first)
    await store.client.set(store.keys.epoch, stamp(2))
    second = store.session()
    second.epoch = 2
    before = await store.raw()
    await request_of(store, second)
    assert await store.raw() != before


@every_fenced
async def test_what_was_carried_out_before_gets_its_reply(store: Store, request_of: Request) -> None:
    """Its sender must learn of it: it was done, although the list was changed in between."""
    await store.seed(rich())
    session = store.session()
    session.epoch = 1
    reply = await request_of(store, session)
    await store.client.set(store.keys.epoch, stamp(2))
    before = await store.raw()
    session.back()
    assert comparable(await request_of(store, session)) == comparable(reply)
    assert await store.raw() == before


async def test_a_run_ends_in_order_after_a_change(store: Store) -> None:
    session = store.session()
    session.epoch = 1
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HOUR), change(b"b")])
    claimed = await running.claim(session.it, store.keys, 2, HOUR)
    await store.client.set(store.keys.epoch, stamp(2))
    one, other = held_of(claimed)
    assert await running.renew(session.it, store.keys, HOUR, [one, other]) == [True, True]
    assert (await running.complete(session.it, store.keys, [one])).held == [True]
    assert (await running.release(session.it, store.keys, [other])).held == [True]


IF_EXISTS = {
    "assign": lambda store, session, ids: assigning.assign(
        session, store.keys, 0, [change(raw_id, b"new")._replace(reschedule="start") for raw_id in ids]
    ),
    "remove": lambda store, session, ids: assigning.remove(session, store.keys, ids),
    "control": lambda store, session, ids: control.control(
        session, store.keys, [ControlStep(raw_id, b"n") for raw_id in ids]
    ),
    "update": lambda store, session, ids: updating.update(
        session, store.keys, 0, [to_update(raw_id, {"data": "new"}, "keep") for raw_id in ids], [b""] * len(ids)
    ),
}


@pytest.mark.parametrize("request_of", IF_EXISTS.values(), ids=IF_EXISTS)
async def test_if_exists_changes_nothing_unless_all_exist(store: Store, request_of: object) -> None:
    session = store.session()
    session.epoch, session.if_exists = 1, True
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5), b"b": b"s\nx"}, due={b"a": FAR}, dead={b"b": 5}))
    before = await store.space()
    with pytest.raises(NotAllExist) as caught:
        await request_of(store, session.it, [b"a", b"no", b"b"])  # type: ignore[operator]
    assert list(caught.value.flags) == [True, False, True]
    assert store.replies[session.name] == b"1 ?101"
    assert await store.space() == before
    await request_of(store, session.it, [b"a", b"b"])  # type: ignore[operator]
    assert await store.space() != before


def wanted(epoch: int, names: bytes, from_list: bytes = b"") -> Membership:
    return Membership(SCHEMA_VERSION, b"here", names, b"here", b"%d" % epoch, from_list)


async def enrolled(store: Store, membership: Membership) -> Membership:
    """Enroll, and learn the birth as a handshake does; without it, what is stored."""
    stored = await topology.enroll(store.partition, membership)
    store.born = int(stored.born)
    return stored._replace(born=membership.born, lost=b"")


async def test_a_list_takes_the_place_of_one_with_a_smaller_epoch(store: Store) -> None:
    first = Membership(SCHEMA_VERSION, b"here", b"here", b"here")
    assert await enrolled(store, first) == first
    assert (await store.space()).epoch is None, "that of the beginning"
    await store.client.hset(store.keys.moves, mapping={"moved": 7, "looked": 9, "number": 5, "from there": 4})
    second, third = wanted(2, b"here,there", b"here"), wanted(3, b"here", b"here,there")
    assert await topology.adopt_list(store.partition, second, 2) == (first, b""), "not what was expected"
    assert await topology.adopt_list(store.partition, second, 1) == (second, b"")
    space = await store.space()
    assert (space.epoch, space.halt) == (stamp(2, store.born), None)
    assert space.moves == {b"number": b"5", b"from there": b"4"}, "numbers are kept for good"
    for late in (second._replace(list=b"other"), first):
        assert await topology.adopt_list(store.partition, late, None, halt=PAUSED) == (second, b"")
    assert await store.space() == space
    assert await enrolled(store, first) == second
    assert await topology.adopt_list(store.partition, third, None, halt=PAUSED) == (third, PAUSED)
    assert (await store.space()).halt == PAUSED.split()[0]


async def test_a_change_does_not_begin_while_hints_wait(store: Store) -> None:
    first, second = Membership(SCHEMA_VERSION, b"here", b"here,there", b"here"), wanted(2, b"here", b"here,there")
    await topology.enroll(store.partition, first)
    keys = store.keys.hints_for("there")
    await handoff.hint(store.session().it, store.partition, keys, "there", 10, *REMOVAL)
    before = await store.raw()
    with pytest.raises(ResponseError, match="HINTSWAIT"):
        await topology.adopt_list(store.partition, second, 1, without_hints_for=("elsewhere", "there"))
    assert await store.raw() == before
    page = await handoff.hint_page(store.partition, keys)
    assert page is not None
    await handoff.trim_hints(store.partition, keys, page.last)
    changed = await topology.adopt_list(store.partition, second, 1, without_hints_for=("elsewhere", "there"))
    assert changed.membership == second


async def test_a_new_partition_has_the_list_from_the_beginning(store: Store) -> None:
    assert await enrolled(store, wanted(4, b"here,there")) == wanted(4, b"here,there")
    assert (await store.space()).epoch == stamp(4, store.born)
    await store.client.delete(store.keys.membership, store.keys.epoch)
    assert (await topology.adopt_list(store.partition, wanted(5, b"here", b"there"), None))[0].number == 5


async def test_the_end_of_a_move(store: Store) -> None:
    await topology.adopt_list(store.partition, wanted(2, b"here", b"there"), None)
    store.born = int((await store.space()).membership[b"born"])
    with pytest.raises(ResponseError, match="LISTCHANGED"):
        await topology.finish_migration(store.partition)
    assert (await topology.migration_status(store.partition)).is_migrating
    store.epoch = 2
    for _ in range(2):
        await topology.finish_migration(store.partition)
        assert not (await topology.migration_status(store.partition)).is_migrating

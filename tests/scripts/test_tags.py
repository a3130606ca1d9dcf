"""The index of hash tags: whatever a script does, it has each task of the hash of tasks, and nothing else."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from interval_scheduler.model.ending import Failure
from interval_scheduler.model.placement import tag_of
from interval_scheduler.storage.commands import assigning, auditing, control, running, sync, topology
from interval_scheduler.storage.commands.auditing import AUDITED_KEYS
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.key_types import wrong_types
from interval_scheduler.storage.commands.sync import Marked
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.loader import Script, names_of

from .store import HOUR, Space, Store, change, held, held_of, leased_space, recurring, tags_of

asynchronous = pytest.mark.asyncio

FAR = 4_000_000_000_000
ONCE = b"s\nx"
EVERY = recurring(HOUR, 5)
#: Two tags, one of which is no text; an id with two pairs of braces; ids without a tag.
IDS = [b"{t}1", b"{t}2", b"x{t}", b"{\xff\xfe}:\xfd", b"{t}{u}", b"{u}", b"{}{u}", b"{u", b"u}", b"}{", b"plain"]
#: Those that an application can have given.
GIVEN = [raw_id for raw_id in IDS if b"\xff" not in raw_id]
TAGGED = [raw_id for raw_id in IDS if tag_of(raw_id) is not None]


def seeded(*, record: bytes = ONCE, ids: list[bytes] = IDS, **more: Any) -> Space:
    return Space(tasks=dict.fromkeys(ids, record), tags=tags_of(ids), **more)


async def swept(store: Store, prefix: bytes, count: int = 500, **more: Any) -> list[bytes]:
    """All ids with a prefix, and the steps by which they are found."""
    found: list[bytes] = []
    cursor = b"0"
    while True:
        cursor, ids, _ = await sync.sweep(store.partition, cursor, count, prefix, **more)
        found += ids
        if cursor == b"0":
            return found


@asynchronous
async def test_new_tasks_are_added(store: Store) -> None:
    await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, start=FAR) for raw_id in IDS])
    space = await store.space()
    assert space.tags == {
        b"t": {b"{t}1", b"{t}2", b"x{t}", b"{t}{u}"},
        b"\xff\xfe": {b"{\xff\xfe}:\xfd"},
        b"u": {b"{u}"},
    }
    assert space.tags == tags_of(space.tasks)


@asynchronous
async def test_without_a_tag_there_is_no_index(store: Store) -> None:
    ids = [raw_id for raw_id in IDS if tag_of(raw_id) is None]
    await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, start=FAR) for raw_id in ids])
    assert await store.client.keys(store.keys.tags + b"*") == []


@asynchronous
async def test_an_update_does_not_look_at_the_index(store: Store) -> None:
    """It is there already, and a batch that only updates costs as much as without tags."""
    await store.seed(seeded(due=dict.fromkeys(IDS, FAR)))
    await store.client.delete(store.keys.tags + b"now")
    await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, b"new", start=FAR) for raw_id in IDS])
    assert not await store.client.exists(store.keys.tags + b"now")


Ends = Callable[[Store], Awaitable[Any]]


async def _remove(store: Store) -> None:
    await store.seed(seeded(due=dict.fromkeys(IDS, FAR)))
    await assigning.remove(store.session().it, store.keys, IDS)


async def _complete(store: Store) -> None:
    await store.seed(leased_space(seeded().tasks, token=7, due=40, deadline=FAR, tags=tags_of(IDS), fence=b"7"))
    await running.complete(store.session().it, store.keys, [held(raw_id, 7, 40) for raw_id in IDS])


async def _claim_once(store: Store) -> None:
    await store.seed(seeded(due=dict.fromkeys(IDS, 1)))
    await running.claim_once(store.session().it, store.keys, 500, HOUR)
    await _purge_dead_ones(store)  # the ids that are no UTF-8


async def _purge(store: Store) -> None:
    await store.seed(seeded(dead=dict.fromkeys(IDS, 5)))
    await _purge_dead_ones(store)


async def _purge_dead_ones(store: Store) -> None:
    await control.purge_dead(store.session().it, store.keys, 500)


async def _resume_too_late(store: Store) -> None:
    await store.seed(seeded(record=b"s 1000 0;u9\nx", paused=dict.fromkeys(IDS, 5)))
    await control.control(store.session().it, store.keys, [ControlStep(raw_id, b"r") for raw_id in IDS])


async def _move_out(store: Store) -> None:
    await store.seed(seeded(due=dict.fromkeys(IDS, FAR)))
    outbox = await topology.move_out(store.partition, "there", IDS)
    await topology.move_done(store.partition, outbox.number)


async def _clear(store: Store) -> None:
    await store.seed(seeded(due=dict.fromkeys(IDS, FAR)))
    await assigning.clear(store.session().it, store.keys)


@pytest.mark.parametrize(
    "end",
    [_remove, _complete, _claim_once, _purge, _resume_too_late, _move_out, _clear],
    ids=lambda end: end.__name__[1:],
)
@asynchronous
async def test_tasks_that_are_over_leave_no_index(store: Store, end: Ends) -> None:
    await end(store)
    space = await store.space()
    assert (space.tasks, space.tags) == ({}, {})
    assert await store.client.keys(store.keys.tags + b"*") == []


@asynchronous
async def test_dead_tasks_stay_in_the_index(store: Store) -> None:
    ids = TAGGED[:3]
    await store.seed(leased_space(dict.fromkeys(ids, ONCE), token=7, due=40, deadline=FAR, tags=tags_of(ids)))
    await running.fail(
        store.session().it,
        store.keys,
        [Failure(raw_id, b"7 40", b"s", None, charge=True, error="bad") for raw_id in ids],
    )
    space = await store.space()
    assert space.dead.keys() == set(ids)
    assert space.tags == tags_of(ids)
    await assigning.assign(store.session().it, store.keys, 0, [change(ids[0], start=FAR)])
    await control.control(store.session().it, store.keys, [ControlStep(ids[1], b"v")])
    space = await store.space()
    assert space.due.keys() == set(ids[:2])
    assert space.tags == tags_of(ids)


@asynchronous
async def test_dead_tasks_beyond_the_limit_leave_the_index(store: Store) -> None:
    ids = [b"{t}%d" % n for n in range(running.DEAD_LIMIT + 2)]
    await store.seed(seeded(ids=ids, dead={raw_id: n for n, raw_id in enumerate(ids[:-1])}))
    await store.seed(leased_space({ids[-1]: ONCE}, token=7, due=40, deadline=FAR))
    await running.fail(
        store.session().it, store.keys, [Failure(ids[-1], b"7 40", b"s", None, charge=True, error="bad")]
    )
    space = await store.space()
    assert space.tasks.keys() == set(ids[1:])
    assert space.tags == tags_of(space.tasks)


@pytest_asyncio.fixture
async def there(url: str, namespace: str) -> AsyncIterator[Store]:
    made = Store(url, f"there-{namespace}")
    await made.enroll()
    yield made
    await made.delete()


@asynchronous
async def test_tasks_that_move_are_in_the_index_of_their_partition(store: Store, there: Store) -> None:
    await store.seed(seeded(due=dict.fromkeys(IDS[1:], FAR), dead={IDS[0]: 5}))
    outbox = await topology.move_out(store.partition, "there", IDS)
    assert (await store.space()).tags == {}
    for _ in range(2):  # a copy comes later
        await topology.move_in(there.partition, "here", outbox)
        space = await there.space()
        assert space.tasks.keys() == set(IDS)
        assert space.tags == tags_of(IDS)


# Clears


def many(count: int, prefix: bytes = b"t") -> list[bytes]:
    """Ids, each of a tag of its own."""
    return [b"{%s%d}x" % (prefix, n) for n in range(count)]


@asynchronous
async def test_a_clear_hides_the_index_at_once_and_unlinks_it_in_steps(store: Store) -> None:
    ids = many(1_400)
    await store.seed(seeded(ids=ids, due=dict.fromkeys(ids, FAR)))
    assert await assigning.clear(store.session().it, store.keys) == (1_400, False, True)
    space = await store.space()
    assert (space.tags, len(store.former_tags)) == ({}, 901)
    assert await swept(store, b"{t1399}") == []
    assert await sync.drop_tags(store.partition)
    await store.space()
    assert len(store.former_tags) == 401
    assert not await sync.drop_tags(store.partition)
    assert not await sync.drop_tags(store.partition), "a repetition is no harm"
    assert await store.client.keys(store.keys.tags + b"*") == []


@asynchronous
async def test_what_a_clear_left_does_not_come_back_and_goes_by_the_way(store: Store) -> None:
    """Whoever cleared has died. New tasks have the same tags, and with each batch of them a little is unlinked."""
    ids = many(530)
    await store.seed(seeded(ids=ids, due=dict.fromkeys(ids, FAR)))
    await assigning.clear(store.session().it, store.keys)
    new = [b"{t%d}y" % n for n in range(529, 500, -1)]
    left = []
    for raw_id in new:
        await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, start=FAR)])
        space = await store.space()
        assert space.tags == tags_of(space.tasks)
        left.append(len(store.former_tags))
    assert left[:3] == [11, 0, 0]


@asynchronous
async def test_clears_follow_each_other(store: Store) -> None:
    for round_number in range(3):
        ids = many(600, b"r%d-" % round_number)
        await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, start=FAR) for raw_id in ids[:300]])
        await assigning.assign(store.session().it, store.keys, 0, [change(raw_id, start=FAR) for raw_id in ids[300:]])
        assert (await store.space()).tags == tags_of(ids)
        await assigning.clear(store.session().it, store.keys)
        assert (await store.space()).tags == {}
    while await sync.drop_tags(store.partition):
        pass
    assert await store.client.keys(store.keys.tags + b"*") == []


# Looking for a prefix


@asynchronous
async def test_a_prefix_with_a_tag_finds_the_ids_of_the_tag(store: Store) -> None:
    ids = [b"{t}", b"{t}:a", b"{t}:a:1", b"{t}:b", b"x{t}:a", b"xy{t}", b"{t}\xc3\xa9", b"{u}:a", b"{t", b"t"]
    await store.seed(seeded(ids=ids, due=dict.fromkeys(ids, FAR)))
    for prefix, expected in {
        b"{t}": [b"{t}", b"{t}:a", b"{t}:a:1", b"{t}:b", b"{t}\xc3\xa9"],
        b"{t}:": [b"{t}:a", b"{t}:a:1", b"{t}:b"],
        b"{t}:a": [b"{t}:a", b"{t}:a:1"],
        b"{t}\xc3\xa9": [b"{t}\xc3\xa9"],
        b"x{t}": [b"x{t}:a"],
        b"{none}": [],
        b"y{t}": [],
    }.items():
        for count in (1, 2, 500):
            assert await swept(store, prefix, count) == expected, prefix


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.text(alphabet="{}ab\x00é", min_size=1, max_size=7).map(str.encode), max_size=12, unique=True),
    prefix=st.text(alphabet="{}abé", min_size=1, max_size=4).map(str.encode),
    tag=st.sampled_from([b"", b"{a}", b"{ab}", b"a{b}"]),
    count=st.sampled_from([1, 3, 500]),
)
def test_any_prefix_finds_what_begins_with_it(
    ids: list[bytes], prefix: bytes, tag: bytes, count: int, url: str, namespace: str
) -> None:
    """With the index, or without it: the same ids as by a look at each."""
    ids = list(dict.fromkeys([*ids, *(tag + raw_id for raw_id in ids)]))
    prefix = tag + prefix

    async def look() -> list[bytes]:
        store = Store(url, namespace)
        if ids:
            await store.seed(seeded(ids=ids, due=dict.fromkeys(ids, FAR)))
        found = await swept(store, prefix, count)
        await store.delete()
        return found

    assert sorted(asyncio.run(look())) == sorted(raw_id for raw_id in ids if raw_id.startswith(prefix))


@asynchronous
async def test_a_large_tag_is_found_in_steps(store: Store) -> None:
    ids = [b"{t}%04d" % n for n in range(1_200)]
    others = [b"{u}%04d" % n for n in range(1_200)]
    for of_one in (ids, others):
        for start in range(0, 1_200, 400):
            changes = [change(raw_id, start=FAR) for raw_id in of_one[start : start + 400]]
            await assigning.assign(store.session().it, store.keys, 0, changes)
    cursor, found, looked = await sync.sweep(store.partition, b"0", 500, b"{t}")
    assert (found, looked) == (ids[:500], 500)
    cursor, found, looked = await sync.sweep(store.partition, cursor, 500, b"{t}")
    assert (found, looked) == (ids[500:1000], 500)
    cursor, found, looked = await sync.sweep(store.partition, cursor, 500, b"{t}")
    assert (cursor, found, looked) == (b"0", ids[1000:], 200)
    await assigning.remove(store.session().it, store.keys, ids[:400])
    assert await swept(store, b"{t}") == ids[400:]
    assert (await store.space()).tags == tags_of([*ids[400:], *others])


@asynchronous
async def test_marked_and_dead_ids_are_left_out(store: Store) -> None:
    await store.seed(seeded(due={b"{t}1": FAR, b"{t}2": FAR}, dead={b"{t}{u}": 5}))
    session = store.session()
    await sync.mark(session.it, store.keys, b"s", HOUR, [b"{t}2"])
    assert await swept(store, b"{t}", marked=Marked(b"s", 1)) == [b"{t}1"]
    assert await swept(store, b"{t}") == [b"{t}1", b"{t}2"]
    assert await swept(store, b"{t}", with_dead=True) == [b"{t}1", b"{t}2", b"{t}{u}"]
    lost = await sync.sweep(store.partition, b"0", 500, b"{t}", marked=Marked(b"s", 2))
    assert lost == (b"", [], 0)


# Audits


async def mended(store: Store) -> list[tuple[bytes, bytes]]:
    """The problems that an audit finds, each with its kind; they are repaired."""
    found = []
    for key in AUDITED_KEYS:
        cursor = b"0"
        while True:
            step = await auditing.audit(store.partition, key, cursor, mend=False)
            found += [(problem.raw_id, problem.kind) for problem in step.problems]
            if step.problems:
                again = await auditing.audit(store.partition, key, cursor, mend=True)
                assert again.problems == []
            cursor = step.cursor
            if cursor == b"0":
                break
    return found


@asynchronous
async def test_an_audit_adds_what_is_missing(store: Store) -> None:
    """The database may be one of an older release, in which there is no index."""
    await store.seed(Space(tasks=dict.fromkeys(GIVEN, ONCE), due=dict.fromkeys(GIVEN, FAR)))
    found = await mended(store)
    assert sorted(found) == sorted((raw_id, b"not-indexed") for raw_id in TAGGED if raw_id in GIVEN)
    assert (await store.space()).tags == tags_of(GIVEN)
    assert await mended(store) == []


@asynchronous
async def test_an_audit_deletes_what_belongs_to_no_task(store: Store) -> None:
    ids = [b"{t}%03d" % n for n in range(300)]
    await store.seed(seeded(ids=ids, due=dict.fromkeys(ids, FAR)))
    await store.client.hdel(store.keys.tasks, *ids[::2])
    await store.client.zrem(store.keys.due, *ids[::2])
    assert sorted(await mended(store)) == [(raw_id, b"leftover") for raw_id in ids[::2]]
    assert (await store.space()).tags == tags_of(ids[1::2])


@asynchronous
async def test_an_audit_finds_garbage_in_the_index(store: Store) -> None:
    await store.seed(seeded(ids=GIVEN, due=dict.fromkeys(GIVEN, FAR)))
    await store.client.zadd(store.keys.tags + b"1", {b"nobody": 0})
    await store.client.zadd(store.keys.tags + b"1:t", {b"no brace": 0})
    await store.client.zrem(store.keys.tags + b"1", b"u")
    assert sorted(await mended(store)) == [
        (b"no brace", b"leftover"),
        (b"{nobody}", b"leftover"),
        (b"{u}", b"not-indexed"),
    ]
    assert (await store.space()).tags == tags_of(GIVEN)


@pytest.mark.parametrize(
    "value", [b"", b"x", b"9" * 400, b"-5", b"1", b"1:", b"1:x", b"\0", b"\xff"], ids=lambda value: repr(value)[:9]
)
@asynchronous
async def test_a_generation_that_cannot_be_read_stops_nothing(store: Store, value: bytes) -> None:
    await store.seed(seeded(ids=GIVEN, due=dict.fromkeys(GIVEN, 1)))
    await store.client.set(store.keys.tags + b"now", value)
    await assigning.assign(store.session().it, store.keys, 0, [change(b"{t}new", start=FAR)])
    claimed = await running.claim(store.session().it, store.keys, 500, HOUR)
    assert all((await running.complete(store.session().it, store.keys, held_of(claimed))).held)
    await mended(store)
    space = await store.space()
    assert space.tags == tags_of(space.tasks)


@asynchronous
async def test_a_tag_of_another_type_keeps_no_run_from_its_end(store: Store) -> None:
    ids = [b"{t}1", b"{u}1"]
    await store.seed(
        leased_space(dict.fromkeys(ids, ONCE), token=7, due=40, deadline=FAR, tags=tags_of(ids), fence=b"7")
    )
    await store.client.set(store.keys.tags + b"1:t", b"x")
    done = await running.complete(store.session().it, store.keys, [held(raw_id, 7, 40) for raw_id in ids])
    assert done.held == [True, True]
    assert await store.client.hlen(store.keys.tasks) == 0


@asynchronous
async def test_a_generation_of_another_type_is_named(store: Store) -> None:
    """Runs end, and tasks without a tag are assigned; one with a tag would not be found."""
    await store.seed(leased_space({b"{t}1": ONCE}, token=7, due=40, deadline=FAR, fence=b"7"))
    key = store.keys.tags + b"now"
    await store.client.sadd(key, b"x")
    await assigning.assign(store.session().it, store.keys, 0, [change(b"plain", start=FAR)])
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await assigning.assign(store.session().it, store.keys, 0, [change(b"{t}2", start=FAR)])
    assert await wrong_types(store.partition) == {key: "string"}
    assert (await running.complete(store.session().it, store.keys, [held(b"{t}1", 7, 40)])).held == [True]
    assert await store.client.hkeys(store.keys.tasks) == [b"plain"]
    assert await swept(store, b"{t}") == []


# What it costs


DELETES = [scripts.REMOVE, scripts.COMPLETE, scripts.FAIL, scripts.QUARANTINE, scripts.CLAIM_ONCE, scripts.PURGE_DEAD,
           scripts.CONTROL, scripts.MOVE_OUT, scripts.ASSIGN]  # fmt: skip


_SHARED = ("call('HSET', tasks_key, unpack(pairs_of))", "call('HDEL', tasks_key, unpack(ids))")


@pytest.mark.parametrize("script", scripts.ALL, ids=lambda script: script.name)
def test_only_the_shared_functions_write_and_delete_records(script: Script) -> None:
    """So no script forgets the index, nor does one that is still to come."""
    for command in ("'HDEL', tasks_key", "'HSET', tasks_key", "'HSETNX', tasks_key"):
        for shared in _SHARED:
            assert script.text.count(shared) <= 1
        assert command not in functools.reduce(lambda text, shared: text.replace(shared, ""), _SHARED, script.text)
    own = script.text.rpartition(names_of(script.header))[2]
    assert "{ tasks_key" not in own
    assert ", tasks_key }" not in own
    if script in DELETES:
        assert "delete_records(tasks_key" in own or "history_key }, tasks_key)" in own or "forget_oldest(" in own

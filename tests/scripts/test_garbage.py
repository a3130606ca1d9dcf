"""Garbage in the key space: a script goes on with the other tasks, and sets aside what it cannot read."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.model.records import CorruptRecord, parse
from interval_scheduler.storage.commands import assigning, control, lookup, running, topology
from interval_scheduler.storage.commands.key_types import wrong_types
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.membership import SCHEMA_VERSION, Membership

from .store import HOUR, Space, Store, change, held, held_of, lease, leased_space, recurring, stamp

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
GROUPED = b"s 1000 0;gg\nx"
every_value = pytest.mark.parametrize(
    "value", [b"", b"x", b"9" * 400, b"-5", b"1.5", b"nan", b"1e999", b"\0", b"\xff"], ids=repr
)


@every_value
async def test_the_last_token(store: Store, value: bytes) -> None:
    """The clock goes on with tokens that increase."""
    await store.seed(Space(tasks={b"a": b"s\nx"}, due={b"a": 1}, fence=value))
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"a"]
    assert 0 <= int(claimed.token) - claimed.now_us < 10**6
    done = await running.complete(store.session().it, store.keys, held_of(claimed))
    assert done.held == [True]


@every_value
async def test_a_count_of_failed_deliveries(store: Store, value: bytes) -> None:
    """The task is set aside when its run would begin, and the others are claimed."""
    tasks = {b"a": b"s\nx", b"b": b"s\nx"}
    await store.seed(leased_space(tasks, token=7, due=40, deadline=50, attempts={b"a": value}))
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR)
    assert sorted(claimed.ids) == [b"a", b"b"]
    records = dict(zip(claimed.ids, claimed.records, strict=True))
    assert records[b"b"] == b"s\nx"
    if value != b"-5":  # with one more, it is a number that no script wrote either
        assert (await store.space()).attempts[b"a"] == value
    with pytest.raises(CorruptRecord, match="attempts"):
        parse(records[b"a"])


@every_value
async def test_a_count_of_failed_deliveries_at_most_once(store: Store, value: bytes) -> None:
    await store.seed(Space(tasks={b"a": b"s\nx", b"b": b"s\nx"}, due={b"a": 1, b"b": 2}, attempts={b"a": value}))
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"b"]
    found = await store.space()
    assert list(found.dead) == [b"a"]
    assert b":attempts cannot be read" in found.errors[b"a"]


@every_value
async def test_a_count_of_runs(store: Store, value: bytes) -> None:
    """It begins anew, and the task goes on."""
    task = {b"a": b"s 1000 0;n3\nx"}
    await store.seed(leased_space(task, token=7, due=40, deadline=FAR, runs={b"a": value}))
    run = held(b"a", 7, 40, b"s 1000 0;n3\nx")
    assert (await running.complete(store.session().it, store.keys, [run])).held == [True]
    found = await store.space()
    assert (list(found.due), found.runs) == ([b"a"], {b"a": b"1"})


@every_value
async def test_a_count_of_a_group(store: Store, value: bytes) -> None:
    await store.client.hset(store.keys.groups + b"runs", b"g", value)
    await store.client.set(store.keys.groups + b"in-use", 1)
    await store.seed(Space(tasks={b"a": GROUPED}, due={b"a": 1}))
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR, 2)
    assert list(claimed.ids) == [b"a"]
    assert (await store.space()).groups["runs"] == {b"g": b"1"}
    assert (await running.release(store.session().it, store.keys, held_of(claimed))).held == [True]
    assert "runs" not in (await store.space()).groups


@every_value
async def test_parked_tasks(store: Store, value: bytes) -> None:
    """A member that cannot be read belongs to no task; the look-ups and a claim pass over it."""
    keys, client = store.keys, store.client
    await client.set(keys.groups + b"in-use", 1)
    await client.hset(keys.groups + b"overdue", b"a", value)
    await client.hset(keys.groups + b"parked-of", b"b", value)
    await client.zadd(keys.parked, {b"g\0" + value: 0, b"g\0" + value + b"\0b": 0})
    await store.seed(Space(tasks={b"a": GROUPED, b"b": GROUPED}, due={b"a": 1}))
    assert (await lookup.page(store.partition, "parked", 10, None)).rows == []
    assert await lookup.look(store.partition, [b"b"]) == [None]
    claimed = await running.claim(store.session().it, keys, 10, HOUR, 2)
    assert list(claimed.ids) == [b"a"]
    await running.complete(store.session().it, keys, held_of(claimed))
    assert (await assigning.remove(store.session().it, keys, [b"b"]))[0].was_scheduled is False


@every_value
@pytest.mark.parametrize("form", [b"%s", b"7 %s", b"7 40 s%s"])
async def test_a_lease(store: Store, value: bytes, form: bytes) -> None:
    """Each call on the task works, and it is due again after the deadline."""
    text = form % value
    space = Space(tasks={b"a": b"s 1000 0\nx"}, leased={b"a": 50}, leases={b"a": text})
    await store.seed(space)
    [row] = await lookup.look(store.partition, [b"a"])
    assert row is None or row.state == "leased"
    steps = [control.ControlStep(b"a", action) for action in (b"p", b"r", b"n")]
    await control.control(store.session().it, store.keys, steps)
    await store.client.hset(store.keys.leases, b"a", text)
    assert await assigning.assign(store.session().it, store.keys, 0, [change(b"a", every=1000)]) == ([False], -1)
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"a"]
    await store.client.hset(store.keys.leases, b"a", text)
    [removed] = await assigning.remove(store.session().it, store.keys, [b"a"])
    assert removed.was_scheduled
    assert 0 <= removed.wait_ms <= 1000


@pytest.mark.parametrize("score", ["-inf", "-5", "1.5", "-1e300"])
async def test_a_due_time_that_is_no_moment(store: Store, score: str) -> None:
    await store.client.zadd(store.keys.due, {b"a": float(score)})
    await store.seed(Space(tasks={b"a": recurring(HOUR, 0)}))
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR)
    run = held_of(claimed)
    assert await running.renew(store.session().it, store.keys, HOUR, run) == [True]
    assert (await running.complete(store.session().it, store.keys, run)).held == [True]
    assert (await store.space()).due.keys() == {b"a"}


@pytest.mark.parametrize("numbers", [b"%s 0", b"1000 %s", b"1000 0 %s"])
@pytest.mark.parametrize("digits", [16, 400, 5000])
async def test_numbers_of_a_header(store: Store, numbers: bytes, digits: int) -> None:
    """They would make a due time in the distant past, at which the task ran again and again."""
    record = b"s " + numbers % (b"9" * digits) + b"\nx"
    await store.seed(Space(tasks={b"a": record}, due={b"a": 1}))
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert list(claimed.ids) == []
    assert (await store.space()).dead.keys() == {b"a"}
    with pytest.raises(CorruptRecord):
        parse(record)


@pytest.mark.parametrize(
    "raw_id", [b"", b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"i" * 9999]
)
async def test_ids(store: Store, raw_id: bytes) -> None:
    """An id that no application can have given is set aside; the others, of any language, are claimed."""
    good = {text.encode() for text in ("a", "é", "€", "\ud7ff", "\ue000", "\U0001f600", "\U0010ffff")}
    tasks = dict.fromkeys((*good, raw_id), b"s\nx")
    await store.seed(Space(tasks=tasks, due=dict.fromkeys(tasks, 1)))
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR)
    records = dict(zip(claimed.ids, claimed.records, strict=True))
    with pytest.raises(CorruptRecord, match="the id"):
        parse(records[raw_id])
    assert {task_id for task_id, record in records.items() if record == b"s\nx"} == good
    await running.release(store.session().it, store.keys, held_of(claimed))
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert set(claimed.ids) == good
    found = await store.space()
    assert list(found.dead) == [raw_id]
    assert b":tasks is no UTF-8" in found.errors[raw_id]


@pytest.mark.parametrize("policy", [b";@1", b";m", b";mx", b";u1.5", b";t" + b"9" * 400, b";z\xff"])
async def test_rules_that_the_scheduler_refuses(store: Store, policy: bytes) -> None:
    """At most once, the task is leased, so that it can be set aside."""
    await store.seed(Space(tasks={b"a": b"s 1000 0" + policy + b"\nx"}, due={b"a": 1}))
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert await running.quarantine(store.session().it, store.keys, held_of(claimed)) == [True]
    assert (await store.space()).dead.keys() == {b"a"}


@pytest.mark.parametrize("value", [b"", b"x", b"9" * 400 + b" 0", b"\xff 1"])
async def test_a_reply(store: Store, value: bytes) -> None:
    """The request that meets it fails and names the key; the next one passes."""
    session = store.session()
    await store.seed(Space(tasks={b"a": b"s\nx"}, due={b"a": 1}))
    key = store.keys.reply(session.name)
    await store.client.set(key, value)
    with pytest.raises(ResponseError, match=r"CORRUPT the key .*reply:session"):
        await running.claim(session.it, store.keys, 10, HOUR)
    assert list((await running.claim(session.it, store.keys, 10, HOUR)).ids) == [b"a"]


@pytest.mark.parametrize("epoch", [None, 1])
async def test_a_reply_of_another_type(store: Store, epoch: int | None) -> None:
    session = store.session()
    session.epoch = epoch
    await store.client.rpush(store.keys.reply(session.name), b"x")
    with pytest.raises(ResponseError, match=r"CORRUPT the key .*reply:session"):
        await assigning.clear(session.it, store.keys)
    assert await assigning.clear(session.it, store.keys) == (0, False, False)


@every_value
async def test_the_epoch(store: Store, value: bytes) -> None:
    """Nothing can be claimed until a scheduler has enrolled anew, which sets it right; it is no loss of data."""
    session = store.session()
    session.epoch = 1
    member = Membership(SCHEMA_VERSION, b"here", b"here", b"here")
    before = await topology.enroll(store.partition, member)
    await store.client.set(store.keys.epoch, value)
    with pytest.raises(ResponseError, match="UNENROLLED"):
        await running.claim(session.it, store.keys, 10, HOUR)
    assert await topology.enroll(store.partition, before) == before
    assert (await store.raw())[store.keys.epoch][1] == stamp(1, int(before.born))


@every_value
async def test_the_birth(store: Store, value: bytes) -> None:
    """The key of the epoch tells it too; without that, the first sender who knows it."""
    before = await topology.enroll(store.partition, Membership(SCHEMA_VERSION, b"here", b"here", b"here"))
    await store.client.hset(store.keys.membership, b"born", value)
    assert await topology.enroll(store.partition, before._replace(born=b"")) == before
    await store.client.hset(store.keys.membership, b"born", value)
    await store.client.set(store.keys.epoch, value)
    assert await topology.enroll(store.partition, before) == before


async def test_an_epoch_of_another_type(store: Store) -> None:
    """It stays: people have to look at it."""
    member = Membership(SCHEMA_VERSION, b"here", b"here", b"here")
    await store.client.delete(store.keys.epoch)
    await store.client.rpush(store.keys.epoch, b"x")
    before = await topology.enroll(store.partition, member)
    assert await topology.enroll(store.partition, before) == before
    assert await wrong_types(store.partition) == {store.keys.epoch: "string"}


async def test_types(store: Store) -> None:
    """The script that names keys of another type knows all of them."""
    assert await wrong_types(store.partition) == {}
    await store.client.set(store.keys.due, b"x")
    await store.client.set(store.keys.groups + b"parked-of", b"x")
    await store.client.rpush(store.keys.fence, b"x")
    taken = [store.keys.reply(b"s"), *store.keys.of[scripts.MARK], store.keys.wanted(b"w")]
    await store.client.set(store.keys.wanted(b"w"), b"x")
    assert await wrong_types(store.partition, scripts.MARK, taken) == {
        store.keys.due: "sorted set",
        store.keys.groups + b"parked-of": "hash",
        store.keys.fence: "string",
        store.keys.wanted(b"w"): "set",
    }


async def test_a_lease_without_garbage_stays_as_it_is(store: Store) -> None:
    await store.seed(leased_space({b"a": b"s\nx"}, token=7, due=40, deadline=FAR))
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", every=1000)])
    assert (await store.space()).leases == {b"a": lease(7, 40, b"k")}

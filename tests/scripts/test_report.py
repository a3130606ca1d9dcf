"""report.lua, statistics.lua, schedulers.lua and tail.lua: what they write, once, and what they read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.model.series import KINDS, Span
from interval_scheduler.model.tally import WIRE_NAMES
from interval_scheduler.storage.commands import key_types, reporting
from interval_scheduler.storage.commands.reporting import Report
from interval_scheduler.storage.scripts import loader as scripts

from .store import DAY, HOUR, MINUTE, SECOND, Numbered, Store

pytestmark = pytest.mark.asyncio


def grown(**counts: int) -> list[int]:
    by_name = {name.removeprefix("lag").encode(): count for name, count in counts.items()}
    assert by_name.keys() <= set(WIRE_NAMES)
    return [by_name.get(name, 0) for name in WIRE_NAMES]


async def report(store: Store, session: Numbered, told: Report) -> int:
    return await reporting.report(session.it, store.keys, told)


async def records(store: Store, letter: bytes) -> list[dict[bytes, bytes]]:
    found = await store.client.keys(store.keys.counts.replace(b"{", b"[{]") + letter + b":*")
    return [await store.client.hgetall(key) for key in sorted(found)]


async def summed(store: Store, letter: bytes) -> dict[bytes, int]:
    """The records of a kind as one: a minute may end during a test."""
    found: dict[bytes, int] = {}
    for record in await records(store, letter):
        for name, count in record.items():
            found[name] = found.get(name, 0) + int(count)
    return found


async def test_counts_are_added_to_both_records(store: Store) -> None:
    one, other = store.session(), store.session()
    await report(store, one, Report(grown(r=5, f=1, lag0=4)))
    await report(store, other, Report(grown(r=2)))
    await report(store, one, Report(grown(r=1, lag10=1)))
    for letter in (b"m", b"t"):
        assert await summed(store, letter) == {b"r": 8, b"f": 1, b"0": 4, b"10": 1}


async def test_a_repetition_adds_nothing(store: Store) -> None:
    session = store.session()
    told = Report(grown(r=5), b"me", b"card")
    await report(store, session, told)
    before = await store.raw()
    session.sequence -= 1
    await report(store, session, told)
    after = await store.raw()
    assert after == before
    assert await summed(store, b"m") == {b"r": 5}


async def test_a_report_is_known_for_as_long_as_a_record(store: Store) -> None:
    """A process that could not learn the result for an hour repeats it all the same."""
    session = store.session()
    await report(store, session, Report(grown(r=5)))
    assert 3 * HOUR < await store.client.pttl(store.keys.reply(session.name)) <= 3 * HOUR + 2 * MINUTE
    keys = await store.client.keys(store.keys.counts.replace(b"{", b"[{]") + b"*")
    kept = sorted([await store.client.pttl(key) for key in keys])
    assert 3 * HOUR < kept[0] <= 3 * HOUR + 2 * MINUTE
    assert 8 * DAY < kept[-1] <= 8 * DAY + 20 * MINUTE


async def test_a_record_of_all_counts_stays_packed(store: Store) -> None:
    await report(store, store.session(), Report([10**12] * len(WIRE_NAMES)))
    for key in await store.client.keys(store.keys.counts.replace(b"{", b"[{]") + b"*"):
        try:
            encoding = await store.client.object("ENCODING", key)
        except ResponseError:
            pytest.skip("the embedded engine packs nothing")
        if isinstance(encoding, bytes):
            assert encoding in (b"listpack", b"ziplist")
        assert await store.client.memory_usage(key) < 700


async def test_without_counts_there_are_no_records(store: Store) -> None:
    await report(store, store.session(), Report(grown(), b"me", b"card"))
    assert await records(store, b"m") == []
    assert await store.client.hgetall(store.keys.cards) == {b"me": b"card"}


async def test_cards_are_renewed_and_taken_off(store: Store) -> None:
    session, other = store.session(), store.session()
    await report(store, session, Report(grown(), b"me", b"one"))
    await report(store, other, Report(grown(), b"you", b"two"))
    await report(store, session, Report(grown(), b"me", b"three"))
    found = await reporting.cards(store.partition)
    assert {(row.scheduler, row.raw) for row in found} == {(b"me", b"three"), (b"you", b"two")}
    now = await store.now_ms()
    assert all(now - MINUTE < row.seen_ms <= now for row in found)
    await report(store, session, Report(grown(), b"me"))
    assert [row.scheduler for row in await reporting.cards(store.partition)] == [b"you"]
    assert await store.client.hkeys(store.keys.cards) == [b"you"]


async def test_only_who_reported_just_now_is_shown(store: Store) -> None:
    now = await store.now_ms()
    seen = {b"fresh": now - 5 * SECOND, b"gone": now - 15 * SECOND - 1, b"ahead": now + MINUTE, b"bare": now}
    await store.client.zadd(store.keys.seen, seen)
    await store.client.hset(store.keys.cards, mapping=dict.fromkeys((b"fresh", b"gone", b"ahead"), b"x"))
    assert [row.scheduler for row in await reporting.cards(store.partition)] == [b"fresh"]


async def test_old_cards_go(store: Store) -> None:
    now = await store.now_ms()
    old = {b"old%d" % n: now - MINUTE - n - 1 for n in range(70)}
    await store.client.zadd(store.keys.seen, {**old, b"recent": now - 30 * SECOND})
    await store.client.hset(store.keys.cards, mapping=dict.fromkeys((*old, b"recent"), b"x"))
    session = store.session()
    for left in (20, 0):
        await report(store, session, Report(grown(), b"me", b"card"))
        assert await store.client.hlen(store.keys.cards) == left + 2
    assert set(await store.client.zrange(store.keys.seen, 0, -1)) == {b"recent", b"me"}


async def test_one_that_was_away_for_long_is_back_at_once(store: Store) -> None:
    now = await store.now_ms()
    await store.client.zadd(store.keys.seen, {b"me": now - 2 * MINUTE, b"old": now - 2 * MINUTE})
    await store.client.hset(store.keys.cards, mapping={b"me": b"x", b"old": b"x"})
    await report(store, store.session(), Report(grown(), b"me", b"card"))
    assert [row.scheduler for row in await reporting.cards(store.partition)] == [b"me"]
    assert await store.client.hgetall(store.keys.cards) == {b"me": b"card"}


async def test_of_too_many_cards_the_oldest_go(store: Store) -> None:
    now = await store.now_ms()
    await store.client.zadd(store.keys.seen, {b"s%04d" % n: now - 2000 + n for n in range(1040)})
    await store.client.hset(store.keys.cards, mapping={b"s%04d" % n: b"x" for n in range(1040)})
    assert len(await reporting.cards(store.partition)) == 1000
    await report(store, store.session(), Report(grown(), b"s0039", b"card"))
    assert await store.client.zcard(store.keys.seen) <= 1001
    assert await store.client.hexists(store.keys.cards, b"s1039")


async def test_heavy_cards_are_read_in_steps(store: Store) -> None:
    now = await store.now_ms()
    heavy = b"x" * 300_000
    await store.client.zadd(store.keys.seen, {b"s%d" % n: now - 9 + n for n in range(9)})
    await store.client.hset(store.keys.cards, mapping={b"s%d" % n: heavy for n in range(9)})
    found = await reporting.cards(store.partition)
    assert [row.scheduler for row in found] == [b"s%d" % n for n in range(9)]
    assert {row.raw for row in found} == {heavy}


async def test_how_many_watch_runs(store: Store, url: str) -> None:
    session = store.session()
    assert await report(store, session, Report(grown(r=1))) == 0
    assert await reporting.tell_runs(store.partition, b"message") == 0
    pubsub = store.client.pubsub()
    await pubsub.subscribe(store.keys.tail)
    try:
        assert (await pubsub.get_message(timeout=60))["type"] == "subscribe"
        assert await report(store, session, Report(grown(r=1))) == 1
        assert (await pubsub.get_message(timeout=60))["data"] == b""
        assert await reporting.tell_runs(store.partition, b"message") == 1
        assert (await pubsub.get_message(timeout=60))["data"] == b"message"
    finally:
        await pubsub.aclose()


async def test_a_count_that_cannot_be_read_begins_anew(store: Store) -> None:
    session = store.session()
    await report(store, session, Report(grown(r=1, f=1)))
    for key in await store.client.keys(store.keys.counts.replace(b"{", b"[{]") + b"*"):
        await store.client.hset(key, b"r", b"many")
    await report(store, session, Report(grown(r=3, f=1)))
    assert (await summed(store, b"t"))[b"r"] in (3, 4)  # 4 if a ten minutes ended in between


@pytest.mark.parametrize("name", ["seen", "cards", "m:", "t:"])
async def test_a_key_of_another_type_is_met_before_anything_is_written(store: Store, name: str) -> None:
    now = await store.now_ms()
    wrong = (
        [getattr(store.keys, name)]
        if name in ("seen", "cards")
        else [
            store.keys.counts + name.encode() + b"%d" % (now // (MINUTE if name == "m:" else 10 * MINUTE) + n)
            for n in (0, 1)
        ]
    )
    for key in wrong:
        await store.client.set(key, b"mine")
    before = await store.raw()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await report(store, store.session(), Report(grown(r=1), b"me", b"card"))
    store.replies.clear()
    assert await store.raw() == before
    assert set(await key_types.wrong_types(store.partition)) == (set(wrong) if name in ("seen", "cards") else set())


async def test_counts_pass_when_redis_is_full(small_store: Store) -> None:
    store, session = small_store, small_store.session()
    await store.client.config_set("maxmemory", "1")
    with pytest.raises(ResponseError, match="maxmemory"):
        await store.client.set("probe", "1")
    await report(store, session, Report(grown(r=5), b"me", b"card"))
    assert await summed(store, b"m") == {b"r": 5}
    assert len(await reporting.cards(store.partition)) == 1


async def test_lost_data_refuse_a_report(store: Store) -> None:
    session = store.session()
    session.epoch = 1
    await report(store, session, Report(grown(r=5)))
    await store.client.delete(store.keys.epoch)
    with pytest.raises(ResponseError, match="UNENROLLED"):
        await report(store, session, Report(grown(r=5)))


async def test_records_are_read_in_steps_and_bounded(store: Store) -> None:
    kind = KINDS["1m"]
    numbers = [100, 299, 300, 450]
    for number in numbers:
        await store.client.hset(store.keys.counts + b"m:%d" % number, mapping={b"r": number, b"10": 1})
    await store.client.set(store.keys.counts + b"m:200", b"another type")
    found = await reporting.records(store.partition, Span(kind, 100, 401))
    assert [number for number, _ in found] == numbers
    assert found[0][1] == b"100" + b"," * (len(WIRE_NAMES) - 1) + b"1"
    assert [number for number, _ in await reporting.records(store.partition, Span(kind, 101, 199))] == [299]
    reply: list[Any] = await store.evaluate(
        scripts.STATISTICS, store.keys.of[scripts.STATISTICS], (b"m", 100, 100_000, *WIRE_NAMES)
    )
    assert reply[::2] == [b"100"], "at most 100 at once"


async def test_reading_changes_nothing(store: Store) -> None:
    await report(store, store.session(), Report(grown(r=1), b"me", b"card"))
    before = await store.raw()
    await reporting.cards(store.partition)
    now = await store.now_ms()
    await reporting.records(store.partition, Span(KINDS["1m"], now // MINUTE - 5, 6))
    await asyncio.sleep(0)  # what a look might have begun would go on
    assert await store.raw() == before

"""overview.lua, dead.lua and search.lua: what they tell; they change nothing."""

from __future__ import annotations

import pytest

from interval_scheduler.model.quotas import Rate
from interval_scheduler.model.steering import PausedState
from interval_scheduler.model.wire import LATEST_MS
from interval_scheduler.storage.commands import looking, lookup
from interval_scheduler.storage.commands.looking import Numbers, PlacedDead
from interval_scheduler.storage.commands.lookup import DeadRow, PageMark

from .store import Space, Store, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
KIB = 1024


async def test_the_numbers_of_nothing(store: Store) -> None:
    before = await store.now_ms()
    found = await looking.overview(store.partition)
    assert before <= found.server_ms <= await store.now_ms()
    assert found == Numbers(found.server_ms, 0, 0, 0, 0, 0, 0, 0, -1, -1, None, None, [], 0, 0, None)


async def test_all_numbers(store: Store) -> None:
    seeded = leased_space({b"l1": b"s\nx", b"l2": b"s\nx"}, token=7, due=40, deadline=FAR)
    seeded.leased[b"l2"] = 50  # it ended
    ids = [b"w1", b"w2", b"w3", b"p1", b"p2", b"d1", b"f1"]
    seeded.tasks |= dict.fromkeys(ids, b"s\nx")
    seeded.due = {b"w1": 30, b"w2": 20, b"w3": FAR, b"f1": FAR + 1}
    seeded.paused = {b"p1": 1, b"p2": FAR}
    seeded.dead, seeded.errors = {b"d1": 5}, {b"d1": b"1 Oh"}
    seeded.failing, seeded.causes = {b"f1": 5}, {b"f1": b"5 Oh"}
    seeded.halt = None
    seeded.groups = {"quota": {b"rate": b"7 60000 1"}}
    seeded.moves = {b"moved": b"12", b"looked": b"34"}
    seeded.membership = {b"from": b"here,there"}
    await store.seed(seeded)
    await store.client.set(store.keys.halt, b"1700000000123 somebody\nwhy")
    await store.client.zadd(store.keys.parked, {b"g\x0025\0parked": 0})
    found = await looking.overview(store.partition)
    assert found[1:] == (
        5,
        2,
        2,
        1,
        1,
        4,
        1,
        20,
        FAR,
        1_700_000_000_123,
        PausedState(1_700_000_000.123, "somebody", "why"),
        ["here", "there"],
        12,
        34,
        Rate(7, 60, burst=1),
    )


async def test_what_stands_there_may_be_anything(store: Store) -> None:
    await store.client.zadd(store.keys.due, {b"a": float("-inf"), b"b": float("inf")})
    await store.client.set(store.keys.halt, b"")
    await store.client.hset(store.keys.moves, mapping={b"moved": b"x", b"looked": b"-5"})
    await store.client.hset(store.keys.groups + b"quota", b"rate", b"nonsense")
    found = await looking.overview(store.partition)
    assert (found.waiting, found.due, found.oldest_due_ms, found.next_due_ms) == (2, 1, 0, LATEST_MS)
    assert (found.paused_ms, found.moved, found.looked, found.rate) == (0, 0, 0, None)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 7, 25, 100])
async def test_dead_tasks_page_by_page(store: Store, limit: int, *, newest_first: bool) -> None:
    dead = {b"d%02d" % n: n // 3 for n in range(25)}
    seeded = Space(tasks=dict.fromkeys(dead, b"s\nx"), dead=dead, errors=dict.fromkeys(dead, b"2 Oh: no"))
    await store.seed(seeded)
    wanted = sorted(((when, raw_id) for raw_id, when in dead.items()), reverse=newest_first)
    seen: list[PlacedDead] = []
    while len(seen) <= len(wanted):
        after = seen[-1].mark if seen else None
        page, may_follow = await looking.dead_page(store.partition, limit, after, newest_first=newest_first)
        assert len(page) == min(limit, len(wanted) - len(seen))
        if len(seen) == 2 * limit:
            await store.client.zrem(store.keys.dead, seen[-1].mark.id)  # the place is found all the same
        seen += page
        if not may_follow:
            break
    assert [(placed.row.died_ms, placed.row.id) for placed in seen] == wanted
    assert {placed.row[1:2] + placed.row[3:] for placed in seen} == {(b"s\nx", 2, "Oh: no")}


async def test_a_page_of_dead_tasks_is_bounded_in_bytes(store: Store) -> None:
    dead = {b"d%02d" % n: n for n in range(12)}
    await store.seed(Space(tasks=dict.fromkeys(dead, b"s\n" + b"x" * 200 * KIB), dead=dead))
    page, may_follow = await looking.dead_page(store.partition, 100, None, newest_first=True)
    assert ([placed.row.id for placed in page], may_follow) == ([b"d11", b"d10", b"d09", b"d08", b"d07"], True)
    assert page[0].row == DeadRow(b"d11", b"s\n" + b"x" * 200 * KIB, 11, 1, "")
    assert page[0].mark == PageMark(b"11", b"d11")


async def test_a_dead_task_by_its_id(store: Store) -> None:
    seeded = Space(tasks=dict.fromkeys([b"d1", b"d2", b"waits"], b"s\nx"), dead={b"d1": 7, b"d2": 8, b"gone": 9})
    seeded.due, seeded.errors = {b"waits": FAR}, {b"d1": b"2 Oh: no"}
    await store.seed(seeded)
    found = [await lookup.look_dead(store.partition, raw_id) for raw_id in (b"d1", b"d2", b"gone", b"waits", b"none")]
    assert found == [
        DeadRow(b"d1", b"s\nx", 7, 2, "Oh: no"),
        DeadRow(b"d2", b"s\nx", 8, 1, ""),
        DeadRow(b"gone", b"", 9, 1, ""),
        None,
        None,
    ]


async def search(store: Store, prefix: bytes, *, count: int = 100, wanted: int = 1000) -> tuple[list[bytes], int, int]:
    """The ids that are found, the number of tasks looked at, and that of steps."""
    found: list[bytes] = []
    cursor, looked, steps = b"0", 0, 0
    while steps < 10_000:
        step = await looking.search(store.partition, cursor, count, wanted, prefix)
        found += step.ids
        cursor, looked, steps = step.cursor, looked + step.looked, steps + 1
        if cursor == b"0":
            break
    return found, looked, steps


@pytest.mark.parametrize("number", [5, 300, 4000])
@pytest.mark.parametrize("prefix", [b"a", b"a:1", b"b*", b"[c]?", b"d\\", b"", b"none"])
async def test_a_search_changes_nothing(store: Store, number: int, prefix: bytes) -> None:
    names = (b"a:", b"b*:", b"bb:", b"[c]?", b"c:", b"d\\x", b"dd")
    ids = [names[n % len(names)] + b"%d" % n for n in range(number)]
    seeded = Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, FAR))
    await store.seed(seeded)
    found, looked, steps = await search(store, prefix)
    assert set(found) == {each for each in ids if each.startswith(prefix)}
    assert number * 0.9 <= looked <= number * 1.1 + 50
    assert steps <= number / 100 + 2
    assert await store.space() == seeded


async def test_a_step_ends_when_enough_was_found(store: Store) -> None:
    ids = [b"%05d" % n for n in range(3000)]
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\n" + b"x" * 100), due=dict.fromkeys(ids, FAR)))
    step = await looking.search(store.partition, b"0", 2500, 10, b"")
    assert 10 <= len(step.ids) < 80
    assert step.total == 3000
    step = await looking.search(store.partition, b"0", 0, 0, b"")
    assert (step.cursor, step.ids, step.looked, step.total) == (b"0", [], 0, 3000)


async def test_heavy_tasks_are_read_within_a_bound(store: Store) -> None:
    """Also those that are not found."""
    ids = [b"%05d" % n for n in range(100)]
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\n" + b"x" * 200 * KIB), due=dict.fromkeys(ids, FAR)))
    for prefix in (b"none", b"0"):
        found, looked, steps = await search(store, prefix, count=2500)
        assert set(found) == {each for each in ids if each.startswith(prefix)}
        assert looked == 100
        assert 15 <= steps <= 60


async def test_of_a_tag_only_its_tasks(store: Store) -> None:
    ids = [b"x{%s}:%03d" % (tag, n) for tag in (b"t1", b"t2") for n in range(120)]
    plain = [b"x%03d" % n for n in range(50)]
    tags = {tag: {each for each in ids if tag in each} for tag in (b"t1", b"t2")}
    seeded = Space(tasks=dict.fromkeys([*ids, *plain], b"s\nx"), due=dict.fromkeys([*ids, *plain], FAR), tags=tags)
    await store.seed(seeded)
    for prefix in (b"x{t1}", b"x{t1}:", b"x{t1}:00", b"{t1}", b"x{t3}", b"y{t1}"):
        mine = [each for each in ids if each.startswith(prefix)]
        for count in (7, 1000):
            assert (await search(store, prefix, count=count))[:2] == (mine, len(mine))
        step = await looking.search(store.partition, b"0", 0, 0, prefix)
        assert (step.ids, step.looked, step.total) == ([], 0, len(mine))
    assert await store.space() == seeded


async def test_heavy_tasks_of_a_tag(store: Store) -> None:
    ids = [b"{t}%02d" % n for n in range(20)]
    tasks = dict.fromkeys(ids, b"s\n" + b"x" * 200 * KIB)
    await store.seed(Space(tasks=tasks, due=dict.fromkeys(ids, FAR), tags={b"t": set(ids)}))
    step = await looking.search(store.partition, b"0", 100, 100, b"{t}")
    assert step.ids == ids[: lookup.MAX_READ_BYTES // (200 * KIB)]
    assert (await search(store, b"{t}"))[:2] == (ids, 20)

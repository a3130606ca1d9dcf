"""page.lua: tasks in the order of a set, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from interval_scheduler.storage.commands import lookup, running
from interval_scheduler.storage.commands.lookup import Page, PageMark, Row

from .store import Space, Store, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
MANY = 2500


async def pages(store: Store, limit: int, *, leased: bool = False) -> AsyncIterator[Page]:
    after: PageMark | None = None
    for _ in range(MANY):
        found = await lookup.page(store.partition, "leased" if leased else "waiting", limit=limit, after=after)
        yield found
        after = found.after
        if after is None:
            return
    pytest.fail("the list does not end")


async def walk(store: Store, limit: int, *, leased: bool = False) -> list[Row]:
    return [row async for page in pages(store, limit, leased=leased) for row in page.rows]


@pytest.mark.parametrize("equal", [MANY, 1, 7, 1300], ids=lambda equal: f"{equal}-equal")
async def test_every_task_once_in_order(store: Store, equal: int) -> None:
    dues = {b"%04d" % n: FAR + n // equal for n in range(MANY)}
    seeded = Space(tasks={task_id: b"s\n" + task_id for task_id in dues}, due=dues)
    await store.seed(seeded)
    rows = await walk(store, 500)
    assert rows == [Row(task_id, b"s\n" + task_id, due, "waiting", failed=0) for task_id, due in dues.items()]
    assert await store.space() == seeded


@pytest.mark.parametrize("limit", [1, 2, 19, 21, 60, 61, 1000])
async def test_pages_of_any_size(store: Store, limit: int) -> None:
    dues = {b"%02d" % n: n // 25 for n in range(60)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    assert [row.id for row in await walk(store, limit)] == list(dues)


async def test_leased_tasks_in_the_order_of_their_deadlines(store: Store) -> None:
    ids = [b"%04d" % n for n in range(MANY)]
    seeded = leased_space(dict.fromkeys(ids, b"s\nx"), token=7, due=40, deadline=0, attempts={ids[5]: b"3"})
    seeded.leased = {task_id: FAR - n // 3 for n, task_id in enumerate(ids)}
    await store.seed(seeded)
    rows = await walk(store, 500, leased=True)
    assert [row.id for row in rows] == sorted(ids, key=lambda task_id: (seeded.leased[task_id], task_id))
    assert {(row.state, row.due_ms) for row in rows} == {("leased", 40)}
    assert {row.id: row.failed for row in rows if row.failed} == {ids[5]: 3}


async def test_nothing_to_list(store: Store) -> None:
    for leased in (True, False):
        assert await lookup.page(store.partition, "leased" if leased else "waiting", limit=10, after=None) == (
            [],
            None,
        )
    assert await store.space() == Space()


async def test_what_has_no_record_is_left_out(store: Store) -> None:
    await store.seed(Space(tasks={b"a": b"s\nx", b"c": b"s\nx"}, due={b"a": 1, b"b": 2, b"c": 3}))
    assert [row.id for row in await walk(store, 1)] == [b"a", b"c"]


@pytest.mark.parametrize("equal", [1000, 1, 30], ids=lambda equal: f"{equal}-equal")
@pytest.mark.parametrize("how", ["later", "earlier", "gone"])
async def test_the_last_task_of_a_page_moved(store: Store, equal: int, how: str) -> None:
    dues = {b"%04d" % n: FAR + n // equal for n in range(1000)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    seen: list[bytes] = []
    moved: set[bytes] = set()
    async for page in pages(store, 100):
        seen += [row.id for row in page.rows]
        if page.after is not None and page.rows[-1].id not in moved:
            last = page.rows[-1].id
            moved.add(last)
            if how == "gone":
                await store.client.zrem(store.keys.due, last)
            else:
                await store.client.zadd(store.keys.due, {last: FAR + 5000 if how == "later" else 1})
    assert len(moved) >= 9
    stayed = [task_id for task_id in dues if task_id not in moved]
    assert [task_id for task_id in seen if task_id not in moved] == stayed


async def test_tasks_before_the_last_of_a_page_were_claimed(store: Store) -> None:
    """Those with the page's last score too, all in one go: what stays is listed all the same."""
    dues = {b"%04d" % n: 5 for n in range(1000)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    listing = pages(store, 100)
    first = await anext(listing)
    assert [row.id for row in first.rows] == list(dues)[:100]
    await running.claim(store.session().it, store.keys, 100, 1000)
    rest = [row.id async for page in listing for row in page.rows]
    assert rest == list(dues)[100:]


@pytest.mark.parametrize("equal", [1000, 500, 70], ids=lambda equal: f"{equal}-equal")
async def test_the_end_of_a_page_was_removed(store: Store, equal: int) -> None:
    """As by a loop over the tasks that removes some of them."""
    dues = {b"%04d" % n: FAR + n // equal for n in range(1000)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    seen: list[bytes] = []
    async for page in pages(store, 100):
        ids = [row.id for row in page.rows]
        seen += ids
        if last := ids[50:]:
            await store.client.zrem(store.keys.due, *last)
    assert seen == list(dues)


async def test_equal_due_times_are_listed_in_the_order_of_their_bytes(store: Store) -> None:
    """Although the last of each page is gone by the time of the next."""
    parts = (b"", b"\0", b"A", b"Z", b"_", b"a", b"z", b"\x7f", b"\x80", b"\xff")
    ids = sorted({one + other + another for one in parts for other in parts for another in parts})
    await store.seed(Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, 5)))
    seen: list[bytes] = []
    async for page in pages(store, 7):
        seen += [row.id for row in page.rows]
        if page.rows:
            await store.client.zrem(store.keys.due, page.rows[-1].id)
    assert seen == ids

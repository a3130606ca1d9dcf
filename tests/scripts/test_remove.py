"""remove.lua and clear.lua: tasks that are taken off the schedule, one by one or all."""

from __future__ import annotations

from math import ceil

import pytest

from interval_scheduler.storage.commands import assigning, running
from interval_scheduler.storage.commands.assigning import START_WINDOW_MS, Removed

from .store import HOUR, SECOND, Space, Store, held_of, lease, leased_space, recurring, without

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7


def full() -> Space:
    """Tasks of every state, and what belongs to them."""
    space = leased_space({b"leased1": recurring(HOUR, 5), b"leased2": b"s\nx"}, token=TOKEN, due=40, deadline=FAR)
    space.tasks |= {b"waiting1": b"s\nx", b"waiting2": recurring(HOUR, 5), b"dead1": b"garbage", b"dead2": b""}
    space.due = {b"waiting1": 50, b"waiting2": FAR, b"ghost": 3}
    space.attempts = {b"leased1": b"1", b"waiting1": b"2", b"waiting2": b"1"}
    space.dead = {b"dead1": 5, b"dead2": 6}
    space.fence = b"9"
    space.locks = {b"waiting1": b"8"}
    return space


def minus(space: Space, *ids: bytes) -> Space:
    for name in ("tasks", "due", "leased", "leases", "attempts", "dead"):
        setattr(space, name, without(getattr(space, name), *ids))
    return space


@pytest.mark.parametrize(
    ("task_id", "was_scheduled"),
    [(b"waiting1", True), (b"waiting2", True), (b"leased1", True), (b"leased2", True), (b"dead1", False)],
)
async def test_all_that_belongs_to_a_task_goes(store: Store, task_id: bytes, was_scheduled: bool) -> None:  # noqa: FBT001
    session = store.session()
    await store.seed(full())
    assert await assigning.remove(session.it, store.keys, [task_id]) == [Removed(was_scheduled, 0)]
    assert await store.space() == minus(full(), task_id)


async def test_what_is_not_there(store: Store) -> None:
    session = store.session()
    await store.seed(full())
    ids = [b"unknown", b"*", b"waiting?", b"", b"x" * 512]
    assert await assigning.remove(session.it, store.keys, ids) == [Removed(False, 0)] * 5  # noqa: FBT003
    assert await store.space() == full()


async def test_a_ghost_goes_too(store: Store) -> None:
    session = store.session()
    await store.seed(full())
    await assigning.remove(session.it, store.keys, [b"ghost"])
    assert await store.space() == minus(full(), b"ghost")


async def test_an_id_given_twice_was_scheduled_once(store: Store) -> None:
    session = store.session()
    await store.seed(full())
    ids = [b"waiting1", b"leased1", b"unknown", b"leased1", b"waiting1", b"unknown"]
    removed = await assigning.remove(session.it, store.keys, ids)
    assert [each.was_scheduled for each in removed] == [True, True, False, False, False, False]
    assert await store.space() == minus(full(), b"waiting1", b"leased1")


async def test_the_last_one_leaves_nothing(store: Store) -> None:
    session = store.session()
    await store.seed(minus(full(), b"ghost"))
    await assigning.remove(session.it, store.keys, list(full().tasks))
    assert await store.space() == Space(fence=b"9", locks=full().locks)


async def test_a_full_batch(store: Store) -> None:
    session = store.session()
    ids = [b"%d" % n for n in range(500)]
    space = leased_space(dict.fromkeys(ids[:250], b"s\nx"), token=TOKEN, due=40, deadline=FAR)
    space.tasks = dict.fromkeys(ids, b"s\nx")
    space.due = dict.fromkeys(ids[250:], 5)
    await store.seed(space)
    removed = await assigning.remove(session.it, store.keys, ids)
    assert all(each.was_scheduled for each in removed)
    assert await store.space() == Space()


async def test_after_a_claim_its_start_window_is_to_be_waited_for(store: Store) -> None:
    session, other = store.session(), store.session()
    await store.seed(Space(tasks=dict.fromkeys((b"a", b"b"), b"s\nx"), due={b"a": 1, b"b": FAR}))
    claimed = await running.claim(session.it, store.keys, 1, HOUR)
    removed = await assigning.remove(other.it, store.keys, [b"b"])
    assert removed == [Removed(True, 0)]  # noqa: FBT003
    before = await store.now_ms()
    (removed_leased,) = await assigning.remove(other.it, store.keys, [b"a"])
    after = await store.now_ms()
    ends = int(claimed.token) / 1000 + START_WINDOW_MS
    least, most = (min(max(ceil(ends - now), 0), START_WINDOW_MS) for now in (after, before))
    assert removed_leased.was_scheduled
    assert least <= removed_leased.wait_ms <= most


@pytest.mark.parametrize("ahead", [0, SECOND, HOUR])
async def test_the_whole_window_where_the_clock_went_back(store: Store, ahead: int) -> None:
    session = store.session()
    granted = await store.now_ms() + HOUR + ahead
    await store.seed(leased_space({b"a": b"s\nx"}, token=granted * 1000, due=1, deadline=FAR))
    assert await assigning.remove(session.it, store.keys, [b"a"]) == [Removed(True, START_WINDOW_MS)]  # noqa: FBT003


async def test_the_longest_of_several_windows(store: Store) -> None:
    session = store.session()
    now = await store.now_ms()
    space = leased_space(dict.fromkeys((b"a", b"b", b"c"), b"s\nx"), token=TOKEN, due=1, deadline=FAR)
    space.leases = {b"a": lease(now * 1000, 1), b"b": lease((now + HOUR) * 1000, 1, b"k"), b"c": lease(TOKEN, 1)}
    await store.seed(space)
    removed = await assigning.remove(session.it, store.keys, [b"a", b"b", b"c"])
    assert removed == [Removed(True, START_WINDOW_MS)] * 3  # noqa: FBT003


async def test_clear_takes_all_tasks_and_nothing_else(store: Store) -> None:
    session = store.session()
    await store.seed(full())
    stranger = full().locks | {b"ghost": b"1"}
    await store.seed(Space(locks=stranger, membership={b"schema": b"1"}))
    removed, any_leased, _ = await assigning.clear(session.it, store.keys)
    assert (removed, any_leased) == (5, True)  # the ghost counts, the dead do not
    assert await store.space() == Space(fence=b"9", locks=stranger, membership={b"schema": b"1"})


async def test_clear_of_waiting_tasks_and_of_none(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": b"s\nx", b"b": b"s\nx"}, due={b"a": 1, b"b": FAR}))
    assert await assigning.clear(session.it, store.keys) == (2, False, False)
    assert await store.space() == Space()
    assert await assigning.clear(session.it, store.keys) == (0, False, False)
    assert await store.space() == Space()


async def test_a_claim_from_before_a_clear_is_stale(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5)}, due={b"a": 1}))
    claimed = await running.claim(session.it, store.keys, 1, HOUR)
    assert await assigning.clear(session.it, store.keys) == (1, True, False)
    assert (await running.complete(session.it, store.keys, held_of(claimed))).held == [False]
    assert await store.space() == Space(fence=claimed.token)

"""complete.lua: runs that end, of tasks that were re-assigned or removed meanwhile."""

from __future__ import annotations

import pytest

from interval_scheduler.model.assignment import Assignment, Reschedule
from interval_scheduler.storage.commands import assigning, running

from .arithmetic import next_run
from .store import DAY, HOUR, MINUTE, SECOND, Space, Store, change, held, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
ONCE = b"s\nold"
HALF = 30 * MINUTE


async def run_during(store: Store, old: bytes, changed: Assignment, due: int, *, grid: int = 0) -> Space:
    """The key space after a run of `a` during which it was re-assigned."""
    session = store.session()
    await store.seed(leased_space({b"a": old}, token=TOKEN, due=due, deadline=FAR))
    await assigning.assign(session.it, store.keys, grid, [changed])
    assert (await running.complete(session.it, store.keys, [held(b"a", TOKEN, due, old)])).held == [True]
    return await store.space()


@pytest.mark.parametrize("rule", ["keep", "interval"])
@pytest.mark.parametrize("recurred", [True, False])
async def test_a_new_interval_counts_from_the_run(store: Store, rule: Reschedule, recurred: bool) -> None:  # noqa: FBT001
    due = await store.now_ms() - 10 * MINUTE
    old = recurring(HOUR, due, data=b"old") if recurred else ONCE
    changed = change(b"a", b"new", every=HALF, start=FAR, rule=rule)
    assert await run_during(store, old, changed, due) == Space(
        tasks={b"a": recurring(HALF, due, data=b"new")}, due={b"a": due + HALF}
    )


@pytest.mark.parametrize("rule", ["keep", "interval"])
async def test_a_new_interval_that_is_over_already_is_one_run(store: Store, rule: Reschedule) -> None:
    due = await store.now_ms() - 10 * MINUTE - 30 * SECOND
    old, changed = recurring(HOUR, due), change(b"a", every=MINUTE, rule=rule)
    assert await run_during(store, old, changed, due) == Space(
        tasks={b"a": recurring(MINUTE, due)}, due={b"a": due + 11 * MINUTE}
    )


async def test_a_new_interval_is_rounded_to_the_new_grid(store: Store) -> None:
    due = await store.now_ms() - 10 * MINUTE
    changed = change(b"a", every=HALF)
    moment = next_run(due + 10 * MINUTE, due, HALF, due, MINUTE)
    assert await run_during(store, recurring(HOUR, due), changed, due, grid=MINUTE) == Space(
        tasks={b"a": recurring(HALF, due, MINUTE)}, due={b"a": moment}
    )


async def test_a_delay_for_a_rate(store: Store) -> None:
    due = await store.now_ms() - 10 * MINUTE
    changed = change(b"a", every=DAY, delay=True)
    before = await store.now_ms()
    found = await run_during(store, recurring(HOUR, due), changed, due)
    assert before + DAY <= found.due[b"a"] <= await store.now_ms() + DAY
    assert found == Space(tasks={b"a": recurring(DAY, due, flags=b"sd")}, due=found.due)


@pytest.mark.parametrize("start", [5, FAR])
@pytest.mark.parametrize("old", [ONCE, recurring(HOUR, 5)])
async def test_start_is_obeyed_exactly(store: Store, old: bytes, start: int) -> None:
    changed = change(b"a", b"new", every=HALF, start=start, rule="start")
    assert await run_during(store, old, changed, 5) == Space(
        tasks={b"a": recurring(HALF, start, data=b"new")}, due={b"a": start}
    )


@pytest.mark.parametrize("rule", ["keep", "interval", "start"])
@pytest.mark.parametrize("old", [ONCE, recurring(HOUR, 5)])
@pytest.mark.parametrize("start", [5, FAR])
async def test_a_one_shot_runs_once_more(store: Store, old: bytes, rule: Reschedule, start: int) -> None:
    changed = change(b"a", b"new", start=start, rule=rule)
    assert await run_during(store, old, changed, 5) == Space(tasks={b"a": b"s\nnew"}, due={b"a": start})


async def test_a_one_shot_without_a_start_runs_once_more_at_once(store: Store) -> None:
    before = await store.now_ms()
    found = await run_during(store, ONCE, change(b"a", b"new"), 5)
    assert before <= found.due[b"a"] <= await store.now_ms()
    assert found == Space(tasks={b"a": b"s\nnew"}, due=found.due)


async def test_the_second_run_of_a_one_shot_is_its_last(store: Store) -> None:
    session = store.session()
    await run_during(store, ONCE, change(b"a", b"new", start=5), 5)
    claimed = await running.claim(session.it, store.keys, 1, HOUR)
    assert claimed.records == [b"s\nnew"]
    ended = await running.complete(session.it, store.keys, [held(b"a", int(claimed.token), 5, b"s\nnew")])
    assert ended == ([True], -1)
    assert await store.space() == Space(fence=claimed.token)


@pytest.mark.parametrize("record", [ONCE, recurring(HOUR, 5)])
async def test_a_task_removed_during_its_run_is_not_rescheduled(store: Store, record: bytes) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=5, deadline=FAR))
    await assigning.remove(session.it, store.keys, [b"a"])
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5, record)]) == ([False], -1)
    assert await store.space() == Space()


async def test_a_task_removed_and_assigned_anew_during_its_run_is_a_new_one(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": ONCE}, token=TOKEN, due=5, deadline=FAR, attempts={b"a": b"1"}))
    await assigning.remove(session.it, store.keys, [b"a"])
    assert await assigning.assign(session.it, store.keys, 0, [change(b"a", b"new", start=FAR)]) == ([True], FAR)
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5)]) == ([False], -1)
    assert await store.space() == Space(tasks={b"a": b"s\nnew"}, due={b"a": FAR})


async def test_a_marked_task_of_which_the_record_is_lost(store: Store) -> None:
    session = store.session()
    seeded = leased_space(dict.fromkeys((b"a", b"b"), ONCE), token=TOKEN, due=5, deadline=FAR, mark=b"k")
    del seeded.tasks[b"a"]
    await store.seed(seeded)
    assert (await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5)])).held == [True]
    assert await store.space() == Space(tasks={b"b": ONCE}, leased={b"b": FAR}, leases={b"b": lease(TOKEN, 5, b"k")})


async def test_a_run_that_was_asked_for_is_not_after_the_last_moment(store: Store) -> None:
    """It was asked for before that; the run in progress took so long."""
    due = await store.now_ms() - MINUTE
    record = recurring(HOUR, due, policy=b";u%d" % (due + SECOND))
    seeded = leased_space({b"a": record}, token=TOKEN, due=due, deadline=FAR)
    seeded.leases[b"a"] = lease(TOKEN, due, b"s%d" % (due + 2 * SECOND))
    await store.seed(seeded)
    ended = await running.complete(store.session().it, store.keys, [held(b"a", TOKEN, due, record)])
    assert ended.held == [True]
    assert await store.space() == Space()

"""complete.lua: runs that end, of tasks that nobody touched meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interval_scheduler.storage.commands import assigning, running

from .arithmetic import next_run, next_runs
from .store import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    ClaimedTask,
    Space,
    Store,
    header,
    held,
    lease,
    leased_space,
    recurring,
    without,
)

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7


async def test_a_one_shot_is_gone(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=5, deadline=FAR, fence=b"7"))
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5)]) == ([True], -1)
    assert await store.space() == Space(fence=b"7")


@pytest.mark.parametrize("missed", [0, 3])
@pytest.mark.parametrize("grid", [0, MINUTE])
async def test_fixed_rate_stays_on_its_grid_and_missed_runs_are_one(store: Store, grid: int, missed: int) -> None:
    session = store.session()
    due = await store.now_ms() - 10 * MINUTE - missed * HOUR
    record = recurring(HOUR, due, grid)
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=due, deadline=FAR))
    moment = due + (missed + 1) * HOUR
    moment -= moment % max(grid, 1)
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, due, record)]) == ([True], moment)
    assert await store.space() == Space(tasks={b"a": record}, due={b"a": moment})


async def test_each_task_of_a_batch_keeps_its_own_grid(store: Store) -> None:
    """Neighbours may have the same interval, the same phase, both or neither."""
    session = store.session()
    began = await store.now_ms() - 10 * MINUTE
    began -= began % DAY - DAY  # midnight, so that a phase tells nothing of the interval
    began -= 2 * DAY
    grids = [(HOUR, 0), (HOUR, 0), (HOUR, MINUTE), (DAY, MINUTE), (DAY, 0), (HOUR, 0)]
    records = {f"t{n}".encode(): recurring(interval, began + phase) for n, (interval, phase) in enumerate(grids)}
    await store.seed(leased_space(records, token=TOKEN, due=began, deadline=FAR, fence=b"7"))
    before = await store.now_ms()
    await running.complete(
        session.it, store.keys, [held(*each) for each in ((i, TOKEN, began, r) for i, r in records.items())]
    )
    after = await store.now_ms()
    due = (await store.space()).due
    for (interval, phase), moment in zip(grids, (due[raw_id] for raw_id in records), strict=True):
        assert moment in next_runs(before, after, began, interval, began + phase, 0)


@pytest.mark.parametrize("grid", [0, SECOND])
async def test_fixed_delay_counts_from_the_end(store: Store, grid: int) -> None:
    session = store.session()
    record = recurring(HOUR, 5, grid, flags=b"sd")
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=5, deadline=FAR))
    before = await store.now_ms()
    ended = await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5, record)])
    after = await store.now_ms()
    first, last = (next_run(now, 5, HOUR, 5, grid, delay=True) for now in (before, after))
    assert first <= ended.earliest_ms <= last
    assert ended.earliest_ms % max(grid, 1) == 0
    assert await store.space() == Space(tasks={b"a": record}, due={b"a": ended.earliest_ms})


@given(
    late=st.one_of(st.integers(0, 5), st.integers(0, 30 * DAY)),
    interval=st.one_of(st.integers(1, 1000), st.integers(1, DAY)),
    grid=st.sampled_from([0, SECOND, MINUTE]),
)
@settings(max_examples=40, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_fixed_rate_against_the_model(store: Store, late: int, interval: int, grid: int) -> None:
    session = store.session()
    interval = max(interval, grid)
    before = await store.now_ms()
    anchor = before - late
    due = anchor - anchor % max(grid, 1)
    record = recurring(interval, anchor, grid)
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=due, deadline=FAR))
    ended = await running.complete(session.it, store.keys, [held(b"a", TOKEN, due, record)])
    after = await store.now_ms()
    assert ended.earliest_ms in next_runs(before, after, due, interval, anchor, grid)
    assert await store.space() == Space(tasks={b"a": record}, due={b"a": ended.earliest_ms})
    await assigning.remove(store.session().it, store.keys, [b"a"])


async def test_a_clock_that_went_back_does_not_repeat_the_run(store: Store) -> None:
    session = store.session()
    due = await store.now_ms() + 10 * MINUTE
    record = recurring(HOUR, due)
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=due, deadline=FAR))
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, due, record)]) == ([True], due + HOUR)


@pytest.mark.parametrize(
    "stale",
    [
        held(b"a", TOKEN - 1, 5),
        held(b"a", TOKEN + 1, 5),
        held(b"a", TOKEN, 6),
        held(b"waiting", TOKEN, 5),
        held(b"unknown", TOKEN, 5),
        ClaimedTask(b"a", b"", b"s"),
        ClaimedTask(b"unknown", b"", b"s"),
        ClaimedTask(b"a", b"7", b"s"),
        ClaimedTask(b"a", b"7 5 k", b"s"),
    ],
)
async def test_a_stale_lease_changes_nothing(store: Store, stale: ClaimedTask) -> None:
    session = store.session()
    seeded = leased_space({b"a": b"s\nx"}, token=TOKEN, due=5, deadline=FAR, attempts={b"a": b"1"})
    seeded.tasks[b"waiting"] = b"s\nx"
    seeded.due[b"waiting"] = FAR
    await store.seed(seeded)
    assert await running.complete(session.it, store.keys, [stale]) == ([False], -1)
    assert await store.space() == seeded


async def test_an_ended_lease_that_nobody_took_still_completes(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=5, deadline=9))
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5)]) == ([True], -1)
    assert await store.space() == Space()


async def test_an_ended_lease_that_somebody_took_does_not(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=5, deadline=9))
    claimed = await running.claim(session.it, store.keys, 1, HOUR)
    before = await store.space()
    assert await running.complete(store.session().it, store.keys, [held(b"a", TOKEN, 5)]) == ([False], -1)
    assert await store.space() == before
    mine = ClaimedTask(b"a", claimed.token + b" 5", b"s")
    assert await running.complete(session.it, store.keys, [mine]) == ([True], -1)
    assert await store.space() == Space(fence=claimed.token)


async def test_the_attempts_end_with_the_run(store: Store) -> None:
    session = store.session()
    past = await store.now_ms() - MINUTE
    record = recurring(HOUR, past)
    tasks = {b"a": record, b"b": b"s\nx", b"c": b"s\nx"}
    attempts = {b"a": b"1", b"b": b"2", b"c": b"3", b"d": b"4"}
    seeded = leased_space(tasks, token=TOKEN, due=past, deadline=FAR, attempts=attempts)
    await store.seed(seeded)
    runs = [held(b"a", TOKEN, past, record), held(b"b", TOKEN, past), held(b"c", TOKEN - 1, past)]
    assert (await running.complete(session.it, store.keys, runs)).held == [True, True, False]
    assert await store.space() == Space(
        tasks=without(tasks, b"b"),
        due={b"a": past + HOUR},
        leased={b"c": FAR},
        leases={b"c": lease(TOKEN, past)},
        attempts={b"c": b"3", b"d": b"4"},
    )


async def test_a_batch_of_mixed_outcomes(store: Store) -> None:
    session = store.session()
    past = await store.now_ms() - MINUTE
    hourly, daily, once = recurring(HOUR, past), recurring(DAY, past), b"b\n\0\xff"
    tasks = {b"daily": daily, b"hourly": hourly, b"once": once, b"stale": hourly, b"kept": hourly, b"other": once}
    seeded = leased_space(tasks, token=TOKEN, due=past, deadline=FAR)
    seeded.leases[b"kept"] = lease(TOKEN, past, b"k")
    await store.seed(seeded)
    runs = [
        held(b"daily", TOKEN, past, daily),
        held(b"gone", TOKEN, past),
        held(b"once", TOKEN, past, once),
        held(b"stale", TOKEN + 1, past, hourly),
        held(b"hourly", TOKEN, past, hourly),
        held(b"kept", TOKEN, past, once),
    ]
    ended = await running.complete(session.it, store.keys, runs)
    assert ended == ([True, False, True, False, True, True], past + HOUR)
    left = (b"stale", b"other")
    assert await store.space() == Space(
        tasks=without(tasks, b"once"),
        due={b"daily": past + DAY, b"hourly": past + HOUR, b"kept": past + HOUR},
        leased=dict.fromkeys(left, FAR),
        leases=dict.fromkeys(left, lease(TOKEN, past)),
    )


async def test_a_full_batch(store: Store) -> None:
    session = store.session()
    past = await store.now_ms() - MINUTE
    tasks = {b"%d" % n: recurring(HOUR, past) if n % 2 else b"s\nx" for n in range(500)}
    await store.seed(leased_space(tasks, token=TOKEN, due=past, deadline=FAR))
    runs = [held(task_id, TOKEN, past, record) for task_id, record in tasks.items()]
    assert await running.complete(session.it, store.keys, runs) == ([True] * 500, past + HOUR)
    rest = {task_id: record for task_id, record in tasks.items() if int(task_id) % 2}
    assert await store.space() == Space(tasks=rest, due=dict.fromkeys(rest, past + HOUR))


async def test_an_interval_of_nothing_does_not_strand_the_others(store: Store) -> None:
    """A garbled record, which `records.parse` takes for one."""
    session = store.session()
    past = await store.now_ms() - MINUTE
    tasks = {b"a": recurring(HOUR, past), b"bad": b"s 0 0\nx", b"once": b"s\nx"}
    await store.seed(leased_space(tasks, token=TOKEN, due=past, deadline=FAR))
    runs = [ClaimedTask(task_id, lease(TOKEN, past), header(record)) for task_id, record in tasks.items()]
    ended = await running.complete(session.it, store.keys, runs)
    assert (ended.held[0], ended.held[2]) == (True, True)
    found = await store.space()
    assert found.due[b"a"] == past + HOUR
    assert b"once" not in found.tasks
    assert found.tasks.keys() == found.due.keys() | found.leased.keys() | found.dead.keys()


@pytest.mark.parametrize("header_of_claim", [b"", b"garbage", b"s 0 0", b"s 1000", b"S"])
@pytest.mark.parametrize("mark", [b"", b"s50"])
async def test_an_unreadable_header_changes_nothing(store: Store, header_of_claim: bytes, mark: bytes) -> None:
    session = store.session()
    seeded = leased_space({b"a": header_of_claim + b"\nx"}, token=TOKEN, due=5, deadline=FAR, mark=mark)
    await store.seed(seeded)
    run = ClaimedTask(b"a", lease(TOKEN, 5), header_of_claim)
    assert await running.complete(session.it, store.keys, [run]) == ([False], -1)
    assert await store.space() == seeded


async def test_an_unreadable_header_of_a_re_assigned_task_changes_nothing(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": b"garbage\nx"}, token=TOKEN, due=5, deadline=FAR, mark=b"k")
    await store.seed(seeded)
    assert await running.complete(session.it, store.keys, [held(b"a", TOKEN, 5)]) == ([False], -1)
    assert await store.space() == seeded


async def test_a_task_with_so_many_runs_leaves_nothing_behind(store: Store) -> None:
    record = b"s %d 5;n2\nx" % HOUR
    seeded = leased_space({b"a": record, b"b": record}, token=TOKEN, due=40, deadline=FAR, runs={b"b": b"1"})
    seeded.failures = {b"b": b"1"}
    await store.seed(seeded)
    runs = [held(b"a", TOKEN, 40, record), held(b"b", TOKEN, 40, record)]
    assert (await running.complete(store.session().it, store.keys, runs)).held == [True, True]
    found = await store.space()
    assert found == Space(tasks={b"a": record}, due=found.due, runs={b"a": b"1"})
    assert list(found.due) == [b"a"]

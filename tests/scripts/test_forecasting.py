"""The scripts of forecasts; and the arithmetic of `model/coming.py` against that of the scripts, step by step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interval_scheduler.model.assignment import Assignment
from interval_scheduler.model.coming import Course, assigned, following
from interval_scheduler.model.policy import Missed, Policy, of_header
from interval_scheduler.model.records import parse
from interval_scheduler.model.rules import phase_of
from interval_scheduler.storage.commands import assigning, forecasting, running
from interval_scheduler.storage.commands.forecasting import LATE, LEASED, PARKED, SampledTask

from .store import HOUR, MINUTE, SECOND, Space, Store, held, lease, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
SLICES = [MINUTE, 4 * MINUTE, HOUR]


def policy_of(kind: str, missed: Missed, interval: int, until: int | None) -> Policy:
    return Policy(
        missed="once" if kind == "delay" else missed,
        until_ms=until,
        jitter_ms=interval // 2 if kind == "jitter" else None,
    )


KINDS = st.sampled_from(["rate", "rate", "jitter", "delay"])
MISSED = st.sampled_from(["once", "all"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    KINDS, MISSED, st.integers(2, 2 * HOUR), st.integers(0, 2 * HOUR), st.sampled_from([0, SECOND, MINUTE]), st.data()
)
async def test_what_comes_after_a_run(
    store: Store, kind: str, missed: Missed, interval: int, phase: int, grid: int, data: st.DataObject
) -> None:
    await store.clear()
    session = store.session()
    grid = 0 if kind == "jitter" else grid
    interval = max(interval, grid)
    now = await store.now_ms()
    due = now - data.draw(st.integers(-interval, 1500 * interval), label="late by")
    until = data.draw(st.one_of(st.none(), st.integers(-interval, 2 * interval)), label="until")
    policy = policy_of(kind, missed, interval, None if until is None else now + until)
    course = Course(b"a", policy, interval, phase % interval, max(grid, 1), kind == "delay", due, None)
    rounding = b" %d" % grid if grid else b""
    head = b"%s %d %d%s%s" % (b"sd" if kind == "delay" else b"s", interval, phase % interval, rounding, policy.encode())
    record = head + b"\nx"
    parsed = parse(record)
    assert (parsed.phase_ms, parsed.grid_ms, of_header(head)) == (phase % interval, grid, policy)
    await store.seed(leased_space({b"a": record}, token=TOKEN, due=due, deadline=FAR))
    before = await store.now_ms()
    assert (await running.complete(session.it, store.keys, [held(b"a", TOKEN, due, record)]))[0] == [True]
    after = await store.now_ms()
    found = (await store.space()).due.get(b"a")
    assert found in {following(course, due, moment) for moment in range(before, after + 1)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    KINDS,
    st.integers(2, 2 * HOUR),
    st.sampled_from([0, SECOND, MINUTE]),
    st.booleans(),
    st.one_of(st.none(), st.integers(-10 * HOUR, 10 * HOUR)),
    st.booleans(),
    st.one_of(st.none(), st.integers(-HOUR, HOUR)),
)
async def test_when_a_new_task_runs_first(
    store: Store,
    kind: str,
    interval: int,
    grid: int,
    spread: bool,  # noqa: FBT001 - one of the choices
    start: int | None,
    later: bool,  # noqa: FBT001 - likewise
    until: int | None,
) -> None:
    await store.clear()
    await store.enroll()
    session = store.session()
    session.epoch = store.epoch
    grid = 0 if kind == "jitter" else grid
    interval = max(interval, grid)
    now = await store.now_ms()
    policy = policy_of(kind, "once", interval, None if until is None else now + until)
    start_ms = None if start is None else abs(start) if later else now + start
    task = Assignment(
        b"a",
        b"x",
        True,  # noqa: FBT003 - it is text
        interval,
        start_ms,
        kind == "delay",
        policy,
        phase_of(b"a", interval) if spread else None,
        later and start is not None,
    )
    before = await store.now_ms()
    await assigning.assign(session.it, store.keys, grid, [task])
    after = await store.now_ms()
    space = await store.space()
    courses = [assigned(task, moment, grid) for moment in range(before, after + 1)]
    assert space.due.get(b"a") in {None if course is None else course.due_ms for course in courses}
    if b"a" in space.tasks:
        record = parse(space.tasks[b"a"])
        assert (record.phase_ms, max(record.grid_ms, 1)) in {
            (course.phase_ms, course.grid_ms) for course in courses if course is not None
        }


async def test_next_runs_are_counted_by_buckets(store: Store) -> None:
    dues = [10, 19, 20, 20, 39, 40, 5]
    seeded = Space(
        tasks=dict.fromkeys([b"%d" % n for n in range(len(dues))], b"s\nx"),
        due={b"%d" % n: FAR + due for n, due in enumerate(dues)},
    )
    await store.seed(seeded)
    assert await forecasting.upcoming(store.partition, FAR + 10, 10, 3) == [2, 2, 1]
    assert await forecasting.upcoming(store.partition, 0, 10, 2) == [0, 0]
    assert await store.space() == seeded


async def test_few_tasks_are_all_in_the_sample(store: Store) -> None:
    now = await store.now_ms()
    seeded = leased_space({b"leased": b"s\nx", b"set": b"s\nx", b"rests": b"s\nx"}, token=TOKEN, due=40, deadline=FAR)
    seeded.leases[b"set"] = lease(TOKEN, 40) + b" s%d" % (now + HOUR)
    seeded.leases[b"rests"] = lease(TOKEN, 40) + b" p"
    seeded.due = {b"late": now - 5, b"soon": now + 30 * SECOND, b"later": now + 30 * MINUTE, b"beyond": now + 2 * HOUR}
    seeded.tasks |= dict.fromkeys(seeded.due, b"s\nx") | {b"parked": b"s;gg\nx"}
    await store.seed(seeded)
    await store.client.zadd(store.keys.parked, {b"g\0%d\0parked" % (now - 7): 0})
    found = await forecasting.sample(store.partition, 5, 250, MINUTE, 60, SLICES)
    assert now <= found.now_ms <= now + 10 * SECOND
    assert found.sizes == [1, 3, 1, 1, 0, 1]
    assert (sum(found.counted), found.counted[0]) == (2, 1)
    assert sorted(found.tasks) == sorted(
        [
            SampledTask(LATE, b"late", now - 5, None, is_paused=False),
            SampledTask(LEASED, b"leased", 40, 0, is_paused=False),
            SampledTask(LEASED, b"set", now + HOUR, None, is_paused=False),
            SampledTask(LEASED, b"rests", 40, 0, is_paused=True),
            SampledTask(PARKED, b"parked", now - 7, None, is_paused=False),
            SampledTask(PARKED + 1, b"soon", now + 30 * SECOND, None, is_paused=False),
            SampledTask(PARKED + 3, b"later", now + 30 * MINUTE, None, is_paused=False),
        ]
    )


async def test_a_sample_is_bounded_and_has_each_task_once(store: Store) -> None:
    now = await store.now_ms()
    seeded = Space(due={b"%05d" % n: now + 20 * SECOND + n * 700 for n in range(5000)})
    seeded.due |= {b"late%d" % n: now - n for n in range(1000)}
    seeded.tasks = dict.fromkeys(seeded.due, b"s\nx")
    await store.seed(seeded)
    chosen = []
    for seed in (1, 2, 2**31 - 1):
        found = await forecasting.sample(store.partition, seed, 250, MINUTE, 60, SLICES)
        ids = [task.raw_id for task in found.tasks]
        assert 240 <= len(ids) == len(set(ids)) <= 250
        assert all(seeded.due[task.raw_id] == task.due_ms for task in found.tasks)
        strata = [task.stratum for task in found.tasks]
        assert set(strata[:4]) == {LATE, PARKED + 1, PARKED + 2, PARKED + 3}
        assert strata.count(LATE) == pytest.approx(100, abs=8)
        chosen.append(ids)
    assert len({tuple(ids) for ids in chosen}) == 3
    assert await store.space() == seeded


async def test_nearer_slices_have_more_samples_for_their_size(store: Store) -> None:
    """Of a thousand tasks each second, and of few that are due an hour long."""
    now = await store.now_ms()
    seeded = Space(due={b"often%d" % n: now + 30 * SECOND + n % 1000 for n in range(1000)})
    seeded.due |= {b"seldom%d" % n: now + n * SECOND for n in range(70, 3600)}
    seeded.tasks = dict.fromkeys(seeded.due, b"s\nx")
    await store.seed(seeded)
    found = await forecasting.sample(store.partition, 5, 250, MINUTE, 60, SLICES)
    strata = [task.stratum for task in found.tasks]
    assert strata.count(PARKED + 1) > 150
    assert min(strata.count(PARKED + 2), strata.count(PARKED + 3)) >= 6


async def test_nothing_to_sample(store: Store) -> None:
    found = await forecasting.sample(store.partition, 0, 250, MINUTE, 3, SLICES)
    assert (found.counted, found.sizes, found.tasks) == ([0] * 3, [0] * 6, [])


async def test_headers_are_read_within_a_bound(store: Store) -> None:
    big = b"s 1000 0;n5\n" + b"x" * 50_000
    await store.seed(Space(tasks={b"%d" % n: big for n in range(10)}, due={b"0": 1}, runs={b"1": b"3"}))
    ids = [b"%d" % n for n in range(10)]
    found = await forecasting.headers(store.partition, ids, 120_000)
    assert found == [(b"s 1000 0;n5", 0), (b"s 1000 0;n5", 3)]
    assert await forecasting.headers(store.partition, [b"none", b"2"]) == [(None, 0), (b"s 1000 0;n5", 0)]

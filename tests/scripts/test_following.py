"""`following` and `after_run` in _recurrence.lua: the arithmetic of intervals against a model."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interval_scheduler import storage

from .arithmetic import next_run
from .store import DAY, HOUR, MINUTE, SECOND, Store, recurring

pytestmark = pytest.mark.asyncio

SCRIPT = "".join(
    (files(storage) / "scripts" / "lua" / f"_{name}.lua").read_text() for name in ("checks", "prelude", "recurrence")
) + ("return digits(following(tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]))")
AFTER_RUN = "".join(
    (files(storage) / "scripts" / "lua" / f"_{name}.lua").read_text() for name in ("checks", "prelude", "recurrence")
) + (
    "local moment, behind = after_run(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])) "
    "return { moment == nil and 'unreadable' or moment and digits(moment) or 'gone', behind or 0 }"
)
NOW = 1_800_000_000_000
TEN_YEARS = 3660 * DAY

intervals = st.one_of(st.integers(1, 5), st.integers(1, HOUR), st.integers(1, TEN_YEARS))
grids = st.sampled_from([0, 1, 7, SECOND, MINUTE])
lateness = st.one_of(st.integers(-50, 50), st.integers(-DAY, DAY), st.integers(0, NOW))


async def following(
    store: Store, now: int, due: int, interval: int, phase: int, grid: int = 0, *, delay: bool = False
) -> int:
    flags = b"sd" if delay else b"s"
    args = (now, due, flags, interval, phase, grid or b"")
    return int(await store.client.execute_command("EVAL", SCRIPT, 0, *args))


async def check(store: Store, *, now: int, due: int, interval: int, phase: int, grid: int, delay: bool) -> None:
    found = await following(store, now, due, interval, phase, grid, delay=delay)
    assert found == next_run(now, due, interval, phase, grid, delay=delay)
    assert found > now
    assert found % max(grid, 1) == 0


@given(now=st.integers(NOW, NOW + DAY), late=lateness, interval=intervals, phase=st.integers(0), grid=grids)
@example(now=NOW, late=0, interval=HOUR, phase=NOW % HOUR, grid=0)  # completed within the millisecond
@example(now=NOW, late=HOUR, interval=HOUR, phase=NOW % HOUR, grid=0)  # an occurrence falls on now
@example(now=NOW, late=-1, interval=HOUR, phase=(NOW + 1) % HOUR, grid=0)  # the clock went back
@example(now=NOW, late=-HOUR, interval=HOUR, phase=NOW % HOUR, grid=0)  # by an interval
@example(now=NOW, late=0, interval=MINUTE, phase=MINUTE - 1, grid=MINUTE)  # the last moment of a cell of the grid
@settings(max_examples=150, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_fixed_rate(store: Store, now: int, late: int, interval: int, phase: int, grid: int) -> None:
    interval = max(interval, grid)  # assign_task refuses shorter ones
    phase %= interval
    occurrence = now - late - (now - late - phase) % interval
    due = max(occurrence - occurrence % max(grid, 1), 0)
    await check(store, now=now, due=due, interval=interval, phase=phase, grid=grid, delay=False)


@given(now=st.integers(NOW, NOW + DAY), due=st.integers(0, 2 * NOW), interval=intervals, grid=grids)
@example(now=NOW, due=NOW, interval=MINUTE, grid=MINUTE)
@example(now=NOW + 1, due=NOW, interval=MINUTE - 1, grid=MINUTE)  # rounds to before now
@settings(max_examples=100, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_fixed_delay(store: Store, now: int, due: int, interval: int, grid: int) -> None:
    await check(store, now=now, due=due, interval=interval, phase=5 % interval, grid=grid, delay=True)


@pytest.mark.parametrize("grid", [0, SECOND, MINUTE])
@pytest.mark.parametrize("interval", [MINUTE, 90 * SECOND, 61_234])
async def test_no_drift_at_fixed_rate(store: Store, interval: int, grid: int) -> None:
    """Whatever the delays, the k-th run is due at the k-th occurrence, rounded down."""
    phase = (NOW + 4567) % interval
    first = NOW + 4567
    due = first - first % max(grid, 1)
    for k in range(1, 50):
        now = due + k * 977 % (interval // 2)
        due = await following(store, now, due, interval, phase, grid)
        assert due == (first + k * interval) // max(grid, 1) * max(grid, 1)


async def test_missed_runs_are_one(store: Store) -> None:
    due, phase = NOW, NOW % HOUR
    assert await following(store, NOW + 100 * DAY + 1, due, HOUR, phase) == NOW + 100 * DAY + HOUR
    assert await following(store, NOW + 100 * DAY, due, HOUR, phase) == NOW + 100 * DAY + HOUR


async def test_a_clock_that_went_back_does_not_repeat_the_run(store: Store) -> None:
    due, phase = NOW, NOW % HOUR
    assert await following(store, NOW - 1, due, HOUR, phase) == NOW + HOUR
    assert await following(store, NOW - 30 * MINUTE, due, HOUR, phase) == NOW + HOUR


async def after_run(store: Store, text: bytes, at: int, now: int, due: int | None = None) -> tuple[bytes, int]:
    args = (text, at, now, b"" if due is None else due)
    moment, behind = await store.client.execute_command("EVAL", AFTER_RUN, 0, *args)
    return moment, behind


@given(
    now=st.integers(NOW, NOW + DAY),
    interval=intervals,
    phase=st.integers(0),
    grid=st.sampled_from([0, SECOND, MINUTE]),
    flags=st.sampled_from([b"s", b"b", b"sd", b"bd"]),
    knows_due=st.booleans(),
)
@settings(max_examples=100, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_comes_after_a_run(
    store: Store, now: int, interval: int, phase: int, grid: int, flags: bytes, *, knows_due: bool
) -> None:
    """Headers stand one after the other; the due time matters only to a clock that went back."""
    interval = max(interval, grid)
    header = recurring(interval, phase, grid, b"", flags)
    text = b"s\n" + header + b"garbage\n"
    moment, behind = await after_run(store, text, 3, now, 0 if knows_due else None)
    assert int(moment) == next_run(now, 0, interval, phase % interval, grid, delay=b"d" in flags)
    assert behind == 3 + len(header)
    assert await after_run(store, text, 1, now) == (b"gone", 3)
    assert await after_run(store, text, behind, now) == (b"unreadable", len(text) + 1)
    assert (await after_run(store, b"no newline", 1, now))[0] == b"unreadable"

"""Cron expressions against a walk through the minutes of the calendar, over both daylight-saving changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interval_scheduler.execution.missed import next_run
from interval_scheduler.model.coming import MISSED_KEPT
from interval_scheduler.model.cron import next_after

MINUTE = 60_000
ZONES = ["UTC", "Europe/Riga", "America/New_York", "Asia/Kolkata", "Australia/Adelaide"]
#: Around both changes of Riga, New York and Adelaide in 2026, and some days without any.
BEGINNINGS = [
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 24, 22, tzinfo=UTC),
    datetime(2026, 3, 8, 5, tzinfo=UTC),
    datetime(2026, 11, 1, 4, tzinfo=UTC),
    datetime(2026, 4, 4, 12, tzinfo=UTC),
    datetime(2026, 10, 3, 12, tzinfo=UTC),
    datetime(2026, 2, 28, 20, tzinfo=UTC),
]


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def at(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat()


@settings(max_examples=150)
@given(
    zone=st.sampled_from(ZONES),
    begin=st.sampled_from(BEGINNINGS),
    after=st.integers(0, 600),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    is_step=st.booleans(),
)
def test_expressions_of_every_hour_go_by_real_time(
    zone: str, begin: datetime, after: int, minutes: set[int], *, is_step: bool
) -> None:
    expression = f"*/{max(minutes) or 1} * * * *" if is_step else f"{','.join(map(str, sorted(minutes)))} * * * *"
    moment = begin + timedelta(minutes=after)
    wanted = set(range(0, 60, max(minutes) or 1)) if is_step else minutes
    walk = moment
    while True:
        walk += timedelta(minutes=1)
        if walk.astimezone(ZoneInfo(zone)).minute in wanted:
            break
    assert at(next_after(expression, zone, ms(moment))) == walk.isoformat()


@settings(max_examples=150)
@given(st.sampled_from(ZONES), st.sampled_from(BEGINNINGS), st.integers(0, 23), st.integers(0, 59))
def test_a_job_at_a_fixed_time_runs_once_a_day(zone: str, begin: datetime, hour: int, minute: int) -> None:
    expression, where = f"{minute} {hour} * * *", ZoneInfo(zone)
    moment, days = ms(begin), []
    for _ in range(4):
        moment = next_after(expression, zone, moment)
        local = datetime.fromtimestamp(moment / 1000, where)
        days.append(local.date())
        wall = datetime(local.year, local.month, local.day, hour, minute, tzinfo=where)
        is_skipped = wall.astimezone(UTC).astimezone(where).replace(tzinfo=None) != wall.replace(tzinfo=None)
        # At its time of day; in the hour that is skipped right after it, and so within two hours of it.
        assert (local.hour, local.minute) == (hour, minute) or is_skipped
        assert abs(local.replace(tzinfo=None) - wall.replace(tzinfo=None)) <= timedelta(hours=2)
    assert days == [days[0] + timedelta(days=n) for n in range(4)]


@pytest.mark.parametrize("minute", [0, 29, 30, 59])
def test_in_the_hour_that_comes_twice_nothing_is_planned_into_the_past(minute: int) -> None:
    # Riga's clocks show 3:00 twice on that day: at midnight and at 1 o'clock in UTC.
    moment = datetime(2026, 10, 25, 1, minute, tzinfo=UTC)
    assert at(next_after("30 3 * * *", "Europe/Riga", ms(moment))) == "2026-10-26T01:30:00+00:00"


def test_seconds_may_stand_in_front() -> None:
    assert next_after("*/10 * * * * *", "UTC", 1_000) == 10_000
    assert next_after("*/10 * * * * *", "UTC", 10_000) == 20_000


@pytest.mark.parametrize(
    ("due", "now", "each", "expected"),
    [
        (0, 30_000, False, 60_000),
        (0, 60_000, False, 120_000),
        (0, 600_000, False, 660_000),
        (0, 600_000, True, 60_000),
        (540_000, 600_000, True, 600_000),
        (600_000, 600_000, True, 660_000),
        (600_000, 30_000, False, 660_000),
        (600_000, 30_000, True, 660_000),
    ],
)
def test_the_run_after(due: int, now: int, *, each: bool, expected: int) -> None:
    assert next_run("* * * * *", "UTC", due, now, each_missed=each) == expected


def test_of_missed_ones_the_last_thousand_are_kept() -> None:
    now = 5_000 * MINUTE + 17
    assert next_run("* * * * *", "UTC", 0, now, each_missed=True) == (5_000 - MISSED_KEPT + 1) * MINUTE
    assert next_run("0 * * * *", "UTC", 0, now, each_missed=True) == 60 * MINUTE
    seconds = next_run("* * * * * *", "UTC", 0, 1_500_000, each_missed=True)
    assert 500_000 <= seconds <= 502_000

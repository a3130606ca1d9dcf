"""Runs counted by calculation, against the runs one by one; and forecasts made of samples."""

from __future__ import annotations

import math
import random
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.model.coming import Course, following, runs_to_come
from interval_scheduler.model.counting import MOST_OF_ALL, MOST_OF_ONE, Buckets, Calendars, count_runs
from interval_scheduler.model.forecast import MOST_SLICES, Stratum, slices_of, to_forecast
from interval_scheduler.model.policy import Missed, Policy

SECOND = 1000
MINUTE = 60 * SECOND
NOW = 1_900_000_000_000


def calendar_course(policy: Policy, due: int, left: int | None = None) -> Course:
    return Course(b"t", policy, None, 0, 1, fixed_delay=False, due_ms=due, left=left)


def one_by_one(course: Course, buckets: Buckets) -> list[float]:
    counts = [0.0] * buckets.number
    for run in takewhile(lambda run: run.at_ms <= buckets.end_ms, runs_to_come(course, buckets.now_ms)):
        counts[buckets.of(run.at_ms)] += 1
    return counts


@given(
    st.integers(1, 100_000),
    st.integers(0, 10**6),
    st.sampled_from([1, 1, 10, 1000]),
    st.sampled_from(["rate", "delay", "jitter"]),
    st.sampled_from(["once", "skip", "all"]),
    st.integers(-300_000, 300_000),
    st.one_of(st.none(), st.integers(1, 300)),
    st.one_of(st.none(), st.integers(-1000, 500_000)),
    st.integers(1, 20_000),
    st.integers(1, 30),
)
def test_the_runs_of_an_interval(
    interval: int,
    phase: int,
    grid: int,
    kind: str,
    missed: Missed,
    due: int,
    left: int | None,
    until: int | None,
    width: int,
    number: int,
) -> None:
    interval, delay = max(interval, grid, 2), kind == "delay"
    policy = Policy(
        missed="once" if delay else missed,
        until_ms=None if until is None else NOW + until,
        jitter_ms=interval // 2 if kind == "jitter" else None,
    )
    grid = 1 if kind == "jitter" else grid
    course = Course(b"t", policy, interval, phase % interval, grid, delay, NOW + due, left)
    buckets = Buckets(NOW, width, number)
    assert count_runs(course, buckets, Calendars(buckets)) == one_by_one(course, buckets)


@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 9 * * mon-fri", "30 2 * * *", "5-50/5 * * * *"]),
    st.sampled_from(["UTC", "Europe/Riga"]),
    st.one_of(st.none(), st.integers(1, 100_000)),
    st.sampled_from(["once", "skip", "all"]),
    st.integers(-40, 40),
    st.one_of(st.none(), st.integers(1, 40)),
    st.integers(1, 3600),
    st.integers(1, 10),
)
def test_the_runs_of_a_cron_expression(
    cron: str, zone: str, jitter: int | None, missed: Missed, minutes: int, left: int | None, width: int, number: int
) -> None:
    policy = Policy(cron=cron, zone=zone, jitter_ms=jitter, missed=missed)
    first = calendar_course(policy, NOW + minutes * MINUTE, left)
    due = following(first, first.due_ms, first.due_ms)
    assert due is not None
    course = first._replace(due_ms=due)
    buckets = Buckets(NOW, width * SECOND, number)
    assert count_runs(course, buckets, Calendars(buckets)) == one_by_one(course, buckets)


def test_of_a_frequent_cron_expression_the_rate_goes_on() -> None:
    buckets = Buckets(NOW, 24 * 60 * MINUTE, 30)
    calendars = Calendars(buckets)
    course = calendar_course(Policy(cron="* * * * *"), NOW + MINUTE)
    counts = count_runs(course, buckets, calendars)
    assert counts == pytest.approx([24 * 60] * 30, rel=0.002)
    assert len(calendars.of("* * * * *", "UTC").moments) == MOST_OF_ONE
    last = course._replace(left=10_000)
    assert sum(count_runs(last, buckets, calendars)) == pytest.approx(10_000, rel=0.001)


def test_cron_expressions_have_a_bound_together() -> None:
    buckets = Buckets(NOW, 60 * MINUTE, 120)
    calendars = Calendars(buckets)
    listed = [calendars.of(f"{minute}-59 * * * *", "UTC") for minute in range(40)]
    assert sum(len(each.moments) for each in listed) <= MOST_OF_ALL + 2 * len(listed)
    assert listed[-1].spacing_ms is not None


def test_slices_get_longer() -> None:
    assert slices_of(1) == [1]
    ends = slices_of(86_400_000)
    assert (len(ends), ends[-1]) == (MOST_SLICES, 86_400_000)
    assert all(3.9 < later / sooner < 4.1 for sooner, later in pairwise(ends))


def test_a_forecast_of_all_tasks_is_exact() -> None:
    stratum = Stratum(2, 3)
    stratum.add([1, 0, 2])
    stratum.add([0, 0, 4])
    found = to_forecast(Buckets(NOW, 500, 3), [5, 6, 7], 4, [stratum], ["b"])
    assert (found.runs, found.errors) == ((10, 6, 13), (0, 0, 0))
    assert (found.total, found.total_error, found.late, found.tasks, found.sampled) == (29, 0, 4, 2, 2)
    assert found.demand == pytest.approx((29 - 4) / 1.5)
    assert found.missing == ("b",)
    assert (found.start, found.width) == (NOW / 1000, 0.5)


def test_a_stratum_stands_for_all_of_its_tasks() -> None:
    runs, variances = [0.0, 0.0], [0.0, 0.0]
    stratum = Stratum(100, 2)
    for count in (1, 3):
        stratum.add([count, 0])
    total, variance = stratum.add_to(runs, variances)
    assert (total, runs) == (200, [200, 0])
    assert variance == variances[0] == pytest.approx(100 * 100 * (1 - 2 / 100) * 2 / 2)


def test_nine_of_ten_estimates_are_within_their_error() -> None:
    choose = random.Random(5)
    tasks = [choose.choice([0, 1, 1, 2, 30]) for _ in range(5000)]
    hits = 0
    for _ in range(500):
        stratum = Stratum(len(tasks), 1)
        for count in choose.sample(tasks, 60):
            stratum.add([float(count)])
        total, variance = stratum.add_to([0.0], [0.0])
        hits += abs(total - sum(tasks)) <= 1.64 * math.sqrt(variance)
    assert 0.84 < hits / 500 < 0.95

"""The draws of a jitter, and the due times that follow from them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.model.cron import next_after
from interval_scheduler.model.jitter import (
    draw,
    latest_cron,
    next_due,
    next_due_cron,
    occurrence_at,
    put_off,
    put_off_cron,
)
from interval_scheduler.model.policy import Policy

HOUR = 3_600_000
NOW = 1_800_000_000_000
ids = st.binary(min_size=1, max_size=20)
moments = st.integers(0, 10**15 - 1)


@given(ids, moments, st.integers(1, 3_650 * 24 * HOUR))
def test_a_draw_is_bounded_and_always_the_same(raw_id: bytes, moment: int, most: int) -> None:
    assert 0 <= draw(raw_id, moment, most) <= most
    assert draw(raw_id, moment, most) == draw(raw_id, moment, most)


@pytest.mark.parametrize("interval", [1000, 60_000, HOUR])
def test_the_draws_of_a_task_are_spread_evenly(interval: int) -> None:
    tenths = Counter(10 * draw(b"user:7", NOW + n * interval, 999_999) // 1_000_000 for n in range(10_000))
    assert set(tenths) == set(range(10))
    assert all(850 < count < 1150 for count in tenths.values())


def test_the_draws_of_many_tasks_for_one_moment_are_spread_evenly() -> None:
    tenths = Counter(10 * draw(b"user:%d" % n, NOW, 59_999) // 60_000 for n in range(10_000))
    assert all(850 < count < 1150 for count in tenths.values())


@given(ids, moments, st.integers(2, HOUR), st.data())
def test_due_times_follow_each_other_on_the_grid(raw_id: bytes, start: int, interval: int, data: st.DataObject) -> None:
    policy = Policy(jitter_ms=data.draw(st.integers(1, interval - 1)))
    phase, due, moment = start % interval, put_off(policy, raw_id, start), start
    for _ in range(5):
        assert occurrence_at(policy, raw_id, interval, phase, due) == moment
        after = next_due(policy, raw_id, interval, phase, due, due)
        moment += interval
        assert after == put_off(policy, raw_id, moment)
        due = after


@given(ids, st.integers(0, HOUR - 1))
def test_no_due_time_is_beyond_the_last_moment(raw_id: bytes, more: int) -> None:
    policy = Policy(jitter_ms=HOUR - 1, until_ms=NOW + more)
    assert NOW <= put_off(policy, raw_id, NOW) <= NOW + more
    assert put_off(policy, raw_id, NOW + HOUR) > NOW + more


@given(ids, st.sampled_from(["0 3 * * *", "*/15 9-10 * * mon-fri", "0,1 * * * *"]), st.integers(1, 48 * HOUR))
def test_cron_occurrences_keep_their_order(raw_id: bytes, cron: str, jitter: int) -> None:
    policy, moment, before = Policy(cron=cron, jitter_ms=jitter), NOW, -1
    for _ in range(4):
        moment = next_after(cron, "UTC", moment)
        due = put_off_cron(policy, raw_id, moment)
        assert moment <= due <= moment + jitter
        assert due < next_after(cron, "UTC", moment)
        assert next_due_cron(policy, raw_id, before, due - 1) == due
        assert latest_cron(policy, raw_id, due) == (moment, due)
        found = latest_cron(policy, raw_id, due - 1)
        assert found is not None
        assert found[0] < moment
        before = due

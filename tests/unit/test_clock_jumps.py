"""When a server's clock counts as having jumped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.execution.clock_jumps import ClockJumps

HOUR = 3600.0


@pytest.mark.parametrize("jump", [25 * HOUR, -25 * HOUR, 5.0, -5.0])
def test_a_jump_is_told_once(jump: float) -> None:
    watch = ClockJumps()
    assert watch.note(1000.0, 0.0, 0.1) == 0.0
    assert watch.note(1010.0, 10.0, 10.1) == 0.0
    assert watch.note(1020.0 + jump, 20.0, 20.1) == pytest.approx(jump, abs=0.2)
    assert watch.note(1030.0 + jump, 30.0, 30.1) == 0.0


def test_a_clock_that_is_put_right_little_by_little_does_not_jump() -> None:
    watch = ClockJumps()
    assert not any(watch.note(1000 + 10.005 * n, 10.0 * n, 10.0 * n + 0.01) for n in range(10_000))


@given(st.lists(st.tuples(st.floats(0.001, 100), st.floats(0, 1), st.floats(0, 20)), max_size=20))
def test_replies_that_take_long_are_no_jumps(replies: list[tuple[float, float, float]]) -> None:
    watch, now = ClockJumps(), 0.0
    for pause, share, took in replies:
        sent, now = now + pause, now + pause + took
        assert watch.note(5000.0 + sent + share * took, sent, now) == 0.0


@given(st.floats(2, 1e6), st.floats(0, 0.5), st.sampled_from([1, -1]))
def test_a_jump_beyond_the_round_trip_is_never_missed(size: float, took: float, sign: int) -> None:
    watch = ClockJumps()
    watch.note(1e9 + took / 2, 0.0, took)
    found = watch.note(1e9 + 10 + took / 2 + sign * size, 10.0, 10.0 + took)
    assert abs(found - sign * size) <= took + 1e-6

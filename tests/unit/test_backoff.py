"""Delays that double up to a bound, with jitter."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.support.backoff import delays


@given(first=st.floats(0.001, 10), longest=st.floats(0.001, 100))
def test_each_is_between_half_of_its_bound_and_the_whole(first: float, longest: float) -> None:
    for number, delay in enumerate(islice(delays(first, longest), 20)):
        bound = min(first * 2**number, longest)
        assert bound / 2 <= delay <= bound


def test_no_two_processes_act_in_step() -> None:
    assert len({next(delays(1, 5)) for _ in range(100)}) > 90

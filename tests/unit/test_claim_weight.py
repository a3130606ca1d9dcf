"""The weight of claims follows the link: it grows while claims arrive in time, and falls when they are late."""

from __future__ import annotations

import pytest

from interval_scheduler.execution.claim_weight import ClaimWeight
from interval_scheduler.storage.claims import MAX_CLAIM_BYTES, START_WINDOW_SECONDS


def over(link: float, weight: ClaimWeight, *, latency: float = 0.001, heaviest: float = 1e12) -> tuple[float, bool]:
    """Carry one claim over a link of so many bytes a second; its seconds, and if the link proved slow."""
    brought = int(min(weight.goal, heaviest))
    seconds = latency + brought / link
    return seconds, weight.note(brought, seconds)


def test_over_a_fast_link_it_is_soon_as_heavy_as_it_may_be() -> None:
    weight = ClaimWeight()
    for _ in range(4):
        assert not over(1e9, weight)[1]
    assert weight.goal == MAX_CLAIM_BYTES


@pytest.mark.parametrize("mbit", [2, 5, 10, 30])
def test_over_a_slow_link_claims_take_about_half_of_the_window(mbit: int) -> None:
    weight = ClaimWeight()
    times = [over(mbit * 125_000, weight)[0] for _ in range(20)]
    assert all(seconds <= START_WINDOW_SECONDS for seconds in times[1:]), "one at most is late"
    assert 0.3 <= times[-1] <= 0.7


def test_a_link_that_proves_slow_is_told_once() -> None:
    weight = ClaimWeight()
    told = [over(1e6, weight)[1] for _ in range(30)]
    assert told.count(True) == 1
    assert ClaimWeight().note(1000, 3.0) is False, "one that is late may have another reason"


def test_light_claims_say_nothing_about_the_link() -> None:
    weight = ClaimWeight()
    before = weight.goal
    for seconds in (0.001, 0.9):
        assert not weight.note(100, seconds)
    assert not weight.note(0, 5.0)
    assert weight.goal == before


def test_whatever_is_late_makes_claims_lighter_down_to_a_bound() -> None:
    weight = ClaimWeight()
    goals = []
    for _ in range(20):
        weight.note(100, 1.2)
        goals.append(weight.goal)
    assert goals == sorted(goals, reverse=True)
    assert goals[-1] == 32 * 1024
    while weight.goal < MAX_CLAIM_BYTES:
        before = weight.goal
        over(1e9, weight)
        assert weight.goal > before


def test_a_claim_without_an_answer_makes_the_next_one_lighter() -> None:
    weight = ClaimWeight()
    before = weight.goal
    weight.note_lost()
    assert weight.goal == before // 2

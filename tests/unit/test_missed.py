"""The missed occurrences of a cron expression against a list of all of them; and that they cost next to nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interval_scheduler.execution import missed
from interval_scheduler.execution.missed import Window, next_run
from interval_scheduler.model import cron
from interval_scheduler.model.coming import MISSED_KEPT

SECOND = 1000
DAY = 86_400 * SECOND
NOW = 1_893_456_000_000


class Listed:
    """A window over known occurrences, which counts how many it is asked for."""

    def __init__(self, moments: list[int]) -> None:
        self.moments = moments
        self.asked = 0
        self.window = Window(self._after, self._before, SECOND)

    def _after(self, moment: int) -> int:
        self.asked += 1
        return self.moments[bisect_right(self.moments, moment)]

    def _before(self, moment: int) -> Iterator[int]:
        for at in range(bisect_right(self.moments, moment) - 1, -1, -1):
            self.asked += 1
            yield self.moments[at]

    def expected(self, due: int, now: int) -> int:
        last = self.moments[: bisect_right(self.moments, now)][-MISSED_KEPT:]
        following = self.moments[bisect_right(self.moments, due)]
        return max(following, last[0]) if last else following


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 4) | st.integers(1, 40), min_size=10, max_size=60),
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(-500, 4_000)), min_size=1, max_size=30),
)
def test_any_order_of_questions(gaps: list[int], questions: list[tuple[int, int]]) -> None:
    """By tasks that are behind by more or less, while the clock goes on, jumps, or is set back."""
    moments = [NOW]
    while moments[-1] < NOW + 400_000 * SECOND:
        moments += [moments[-1] + gap * SECOND for gap in gaps[:1]]
        gaps = [*gaps[1:], gaps[0]]
    listed = Listed(moments)
    now = NOW + 20_000 * SECOND
    for behind, passes in questions:
        now = min(max(now + passes * SECOND, NOW + 10_000 * SECOND), NOW + 390_000 * SECOND)
        due = now - behind * SECOND
        assert listed.window.next(due, now) == listed.expected(due, now)


def test_of_many_the_last_thousand_are_kept() -> None:
    listed = Listed([NOW + n * SECOND for n in range(20_000)])
    now = NOW + 10_000 * SECOND
    for behind in (5_000, 1_500, 9_999):  # the second and the third find what the first has worked out
        for passed in (0, 400, 800):
            assert listed.window.next(now - behind * SECOND, now + passed * SECOND) == now + (passed - 999) * SECOND


def test_a_run_costs_the_same_however_far_behind_its_task_is() -> None:
    listed = Listed([NOW + n * SECOND for n in range(200_000)])
    now = NOW + 100_000 * SECOND
    dues = [NOW + n * SECOND for n in range(20)]
    runs = 5_000
    for n in range(runs):
        now += 100
        dues[n % 20] = listed.window.next(dues[n % 20], now)
    # A thousand for the window, and one for each second that passed. One a run is less than one occurrence each.
    assert listed.asked < MISSED_KEPT + 2 * runs


@pytest.mark.parametrize("zone", ["UTC", "Europe/Riga"])
@pytest.mark.parametrize(
    ("expression", "behind"),
    [("*/5 * * * * *", DAY), ("* * * * * *", 300 * DAY), ("0 */7 * * *", 500 * DAY), ("30 3 * * *", 4_000 * DAY)],
)
def test_each_occurrence_in_order(expression: str, zone: str, behind: int) -> None:
    missed._window.cache_clear()
    due = next_run(expression, zone, NOW - behind, NOW, each_missed=True)
    for _ in range(MISSED_KEPT - 1):
        following = next_run(expression, zone, due, NOW, each_missed=True)
        assert following == cron.next_after(expression, zone, due)
        due = following
    assert due <= NOW, "that was the last that was missed"
    assert next_run(expression, zone, due, NOW, each_missed=True) > NOW


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 1 1 *", "0 0 0 29 2 *"])
def test_an_expression_that_seldom_fires(expression: str) -> None:
    first = next_run(expression, "UTC", NOW - 20_000 * DAY, NOW, each_missed=True)
    assert first == cron.next_after(expression, "UTC", NOW - 20_000 * DAY)

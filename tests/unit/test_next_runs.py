"""`next_runs` of tasks that no scheduler gave."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from interval_scheduler import IntervalTask, Rules, ScheduledTask, Task, next_runs

FAR = 4_000_000_000


class Plain(Task):
    """A task with a class of its own."""

    @property
    def id(self) -> str:
        return "plain"

    def serialize(self) -> str:
        return ""

    @property
    def on_execute_reschedule_to(self) -> float:
        return 60


def seconds(runs: list[datetime]) -> list[float]:
    return [run.timestamp() - FAR for run in runs]


def test_a_task_of_its_own_class() -> None:
    assert seconds(next_runs(Plain(), 3, after=FAR)) == [0, 60, 120]


def test_now_is_the_present() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    (run,) = next_runs(IntervalTask("t"))
    assert before <= run <= datetime.now(UTC)
    assert run.tzinfo is UTC
    assert next_runs(IntervalTask("t", every=60, start=timedelta(hours=1)), 1)[0].timestamp() > time.time() + 3500


def test_a_task_that_was_made_by_hand() -> None:
    """Without the place of its grid: then it is that of its next run."""
    task = ScheduledTask("t", "", 60, FAR + 7, "waiting", 1, "here")
    assert seconds(next_runs(task, 3, after=FAR)) == [7, 67, 127]
    put_off = ScheduledTask("t", "", 60, FAR + 7, "waiting", 1, "here", rules=Rules(jitter=30), planned=FAR)
    assert next_runs(put_off, 9, after=FAR) == next_runs(replace(put_off, phase=FAR % 60), 9, after=FAR)
    assert seconds(next_runs(put_off, 1, after=FAR)) == [7]


def test_tasks_that_rest_or_run() -> None:
    paused = ScheduledTask("t", "", 60, FAR, "paused", 1, "here")
    assert next_runs(paused) == []
    leased = ScheduledTask("t", "", 60, FAR, "leased", 1, "here", claimed_at=FAR + 1)
    assert seconds(next_runs(leased, 2, after=FAR + 130)) == [180, 240]
    last = ScheduledTask("t", "", 60, FAR, "leased", 1, "here", rules=Rules(max_runs=1))
    assert next_runs(last) == []
    once = ScheduledTask("t", "", None, FAR, "leased", 1, "here")
    assert next_runs(once) == []


def test_intervals_as_long_as_they_may_be() -> None:
    runs = next_runs(IntervalTask("t", every=timedelta(days=3660)), 10_000)
    assert len(runs) > 700
    assert runs[-1].year > 9980

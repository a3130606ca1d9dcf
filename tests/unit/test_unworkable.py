"""Tasks that a process cannot work out: how long they are put off, and what is told of them."""

from __future__ import annotations

import logging

import pytest

from interval_scheduler import InvalidValue, TaskRun
from interval_scheduler.execution.unworkable import Unworkable
from interval_scheduler.support import clock
from tests.unit.bench import make_runs

MISSING = InvalidValue("cron", "needs a library")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the library, to be set."""
    moment = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    return moment


@pytest.fixture
def runs(now: list[float]) -> list[TaskRun]:
    return make_runs(3)


def test_a_task_is_put_off_for_longer_each_time(runs: list[TaskRun], now: list[float]) -> None:
    unworkable = Unworkable(logging.getLogger(__name__))
    assert [unworkable.put_off(runs[0], MISSING) for _ in range(6)] == [1, 2, 4, 8, 15, 15]
    assert unworkable.put_off(runs[1], MISSING) == 1
    now[0] += 61
    assert unworkable.put_off(runs[0], MISSING) == 1


def test_a_reason_is_told_once(runs: list[TaskRun], caplog: pytest.LogCaptureFixture) -> None:
    unworkable = Unworkable(logging.getLogger(__name__))
    for _ in range(3):
        unworkable.put_off(runs[0], MISSING)
        unworkable.put_off(runs[1], MISSING)
    unworkable.put_off(runs[2], InvalidValue("timezone", "must be a name"))
    told = [record.getMessage() for record in caplog.records]
    assert ["'0'" in told[0], "cron needs a library" in told[0]] == [True, True]
    assert ["'2'" in told[1], "timezone must be a name" in told[1]] == [True, True]
    assert len(told) == 2


def test_a_finding_lasts_for_as_long_as_such_tasks_come(runs: list[TaskRun], now: list[float]) -> None:
    unworkable = Unworkable(logging.getLogger(__name__))
    for run in runs[:2]:
        unworkable.put_off(run, MISSING)
        now[0] += 30
    finding = unworkable.finding
    assert finding is not None
    assert (finding.code, finding.severity) == ("unworkable", "warning")
    assert "2 of late" in finding.message
    assert finding.message.endswith("'1': InvalidValue: cron needs a library")
    now[0] += 10
    finding = unworkable.finding
    assert finding is not None
    assert "1 of late" in finding.message
    now[0] += 30
    assert unworkable.finding is None

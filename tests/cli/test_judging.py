"""What the doctor concludes from what it read, in the cases that are hard to come by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interval_scheduler import (
    Forecast,
    Health,
    Overview,
    PartitionHealth,
    PartitionOffline,
    PartitionOverview,
    Point,
    Series,
    StorageError,
    StorageRefused,
    UnsuitableServer,
)
from interval_scheduler.cli.doctor.gather import Gathered, Schedule, Unread
from interval_scheduler.cli.doctor.judge import judge
from interval_scheduler.cli.doctor.schedules import pace_of
from interval_scheduler.cli.doctor.servers import refused
from interval_scheduler.cli.doctor.tell import summary
from tests.cli.test_top_frame import CARD, NOW

WELL = PartitionHealth("a", online=True, round_trip=0.001, version="7", clock_difference=0.0, findings=(), problem=None)
HEALTH = Health(connected=True, accepting=False, executing=False, partitions=(WELL,))
QUIET = Schedule(
    queue=None,
    overview=Overview((PartitionOverview("a", online=True, waiting=10, server_time=NOW),)),
    forecast=Forecast(NOW, 600, (10.0,), (0.0,), 10, 0, 0, 1.0, 0.1, 10, 10),
    series=Series((Point(NOW - 60, runs=60, lags=(60,) + (0,) * 10),), 60, ()),
    executors=(replace(CARD, partitions=("a",)),),
)
ALL_WELL = Gathered(HEALTH, (QUIET,), QUIET.executors, (), None, ())


def kinds(gathered: Gathered) -> list[tuple[str, str]]:
    return [(each.kind, each.severity) for each in judge(gathered)]


def schedule(**changed: Any) -> Gathered:
    return replace(ALL_WELL, schedules=(replace(QUIET, **changed),))


def series(**counts: Any) -> Series:
    return Series((Point(NOW - 60, **counts),), 60, ())


def late(due: int, pace: float, demand: float = 1.0, seconds: float = 11) -> Gathered:
    partition = PartitionOverview("a", online=True, waiting=100, due=due, oldest_due=NOW - seconds, server_time=NOW)
    overview = Overview((partition,))
    assert QUIET.forecast is not None
    forecast = replace(QUIET.forecast, demand=demand)
    return schedule(overview=overview, forecast=forecast, series=series(runs=round(60 * pace)))


def test_all_is_well() -> None:
    assert kinds(ALL_WELL) == []
    assert summary([]) == "Nothing is wrong."


@pytest.mark.parametrize(
    ("gathered", "expected"),
    [
        (late(50, pace=0.5), [("behind", "problem")]),
        (late(50, pace=1.1), [("behind", "problem")]),  # within what a forecast may be off by
        (late(50, pace=2.0), [("behind", "warning")]),
        (late(50, pace=0.5, seconds=9), []),
        (schedule(series=series(runs=100, failures=11)), [("failing", "warning")]),
        (schedule(series=series(runs=100, failures=10)), []),
        (schedule(series=series(runs=10, failures=10)), []),
        (schedule(series=series(runs=100, lost_leases=2)), [("lost", "warning")]),
        (schedule(series=series(runs=100, crashed=2)), [("lost", "warning")]),
        (schedule(series=series(runs=100, lost_leases=1)), []),
        (schedule(series=Series((Point(NOW),), 60, ("a",))), [("uncounted", "warning")]),
        (schedule(series=Series((Point(NOW),), 60, ("gone",))), []),
        (schedule(executors=()), [("nobody", "warning")]),
        (schedule(executors=None), []),
        (schedule(overview=None, forecast=None, series=None), []),
    ],
)
def test_schedules(gathered: Gathered, expected: list[tuple[str, str]]) -> None:
    assert kinds(gathered) == expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StorageRefused("a", "NOPERM", "no"), "rights"),
        (StorageRefused("a", "MISCONF", "no"), "refused"),
        (UnsuitableServer("a", "is too old"), "unsuitable"),
        (PartitionOffline("a"), "offline"),
        (StorageError("a", "is strange"), "unread"),
    ],
)
def test_errors(error: StorageError, kind: str) -> None:
    assert (refused(error).kind, refused(error).partition) == (kind, "a")
    found = judge(replace(ALL_WELL, unread=(Unread("the forecast", error), Unread("the audit", error))))
    assert [(each.kind, each.severity) for each in found] == [(kind, "problem")], "each kind once"
    assert found[0].fact.startswith("Reading the forecast failed: Partition 'a' ")


def test_what_follows_from_a_partition_that_is_offline_is_not_told_again() -> None:
    down = replace(WELL, online=False, problem="partition 'a' is offline: nothing was changed, try again later")
    unread = (Unread("the moves of tasks", PartitionOffline("a")),)
    found = judge(replace(ALL_WELL, health=replace(HEALTH, partitions=(down,)), unread=unread))
    assert [(each.kind, each.fact) for each in found] == [("offline", "Partition 'a' is offline.")]


@pytest.mark.parametrize(
    ("ahead", "round_trip", "expected"),
    [(0.9, 0.001, []), (1.1, 0.001, ["warning"]), (1.1, 1.0, []), (2.0, 1.0, ["warning"]), (61, 0.001, ["problem"])],
)
def test_clocks_differ_if_that_is_sure(ahead: float, round_trip: float, expected: list[str]) -> None:
    other = replace(WELL, name="b", clock_difference=ahead, round_trip=round_trip)
    found = judge(replace(ALL_WELL, health=replace(HEALTH, partitions=(WELL, other))))
    assert [each.severity for each in found if each.kind == "clocks"] == expected


def test_a_clock_that_was_read_late_hides_no_other() -> None:
    ahead = replace(WELL, name="b", clock_difference=3.0)
    late = replace(WELL, name="c", clock_difference=3.5, round_trip=8.0)
    found = judge(replace(ALL_WELL, health=replace(HEALTH, partitions=(WELL, ahead, late))))
    (clocks,) = [each for each in found if each.kind == "clocks"]
    assert (clocks.partition, clocks.fact[:49]) == ("b", "The clock of partition 'b' is 3s ahead of that of")


def test_queues() -> None:
    unknown = Health(connected=False, accepting=False, executing=False, partitions=(), stopped="did not answer in time")
    down = replace(WELL, online=False, problem="partition 'a' is offline")
    ill = replace(HEALTH, partitions=(down,))
    found = judge(replace(ALL_WELL, health=replace(HEALTH, queues={"mail": ill, "sms": unknown})))
    assert [(each.kind, each.queue) for each in found] == [("offline", "mail"), ("unread", "sms")]
    found = judge(replace(ALL_WELL, health=replace(ill, queues={"mail": ill})))
    assert [(each.kind, each.queue) for each in found] == [("offline", None)], "one server, one finding"


def test_problems_come_first() -> None:
    both = replace(late(50, pace=0.5), health=replace(HEALTH, partitions=(replace(WELL, problem="it hangs"),)))
    found = kinds(replace(both, schedules=(*both.schedules, replace(QUIET, queue="mail", executors=()))))
    assert [severity for _, severity in found] == ["problem", "problem", "warning"]
    assert summary(judge(both)) == "2 problems."


def test_the_pace_is_that_since_work_began() -> None:
    points = (Point(NOW - 180), Point(NOW - 120, runs=30), Point(NOW - 60, runs=30))
    assert pace_of(Series(points, 60, ()), NOW) == pytest.approx(0.5)
    assert pace_of(Series(points[:1], 60, ()), NOW) == 0

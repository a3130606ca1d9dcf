"""What pages work out of what they read: words, banners, minutes and peaks, without any server."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from interval_scheduler import (
    Finding,
    Forecast,
    Health,
    Overview,
    PartitionHealth,
    PartitionMove,
    PartitionOverview,
    PausedState,
    Point,
    Rate,
    SchedulerCard,
    Series,
)
from interval_scheduler.dashboard.figures import ahead, windows
from interval_scheduler.dashboard.figures.banners import banners_of
from interval_scheduler.dashboard.figures.cards import row_of
from interval_scheduler.dashboard.figures.demand import demand_words, late_by
from interval_scheduler.dashboard.figures.slices import number_of, slice_of
from interval_scheduler.dashboard.page import BadQuery

NOW = 1_900_000_800.0  # a whole hour
GOOD = PartitionOverview("p", online=True, waiting=10, server_time=NOW)
CARD = SchedulerCard(
    id="a", host="host", pid=7, version="1.0", since=NOW - 60, last_seen=NOW - 2, accepting=True, executing=True,
    queues=(), places=10, running=0, runs=5, failures=1, longest=(), partitions=("p",),
)  # fmt: skip
FORECAST = Forecast(
    start=NOW, width=60, runs=(60.0,) * 60, errors=(0.0,) * 60, total=3600, total_error=0, late=0, demand=1.0,
    demand_error=0, tasks=10, sampled=10, dispatched=0.5,
)  # fmt: skip


def url(at: datetime) -> str:
    return f"/tasks?from={at.isoformat()}"


def overview(**changes: object) -> Overview:
    return Overview((dataclasses.replace(GOOD, **changes),))  # type: ignore[arg-type]  # names of the fields


def said(found: Overview, cards: Sequence[SchedulerCard] | None = (CARD,), forecast: Forecast = FORECAST) -> list[str]:
    return demand_words(forecast, found, cards, "hour")


def test_demand_and_dispatch_in_words() -> None:
    assert said(overview()) == [
        "1.0 runs a second are asked for in the next hour; 0.5 a second ended in the last ten minutes.",
        "1 scheduler executes tasks here: 0 of 10 places are taken.",
        "Nothing is late.",
    ]


def test_a_demand_that_is_estimated_has_its_error_and_one_that_is_not_read_is_not_made_up() -> None:
    unsure = dataclasses.replace(FORECAST, demand=1234.5, demand_error=25.0, dispatched=None)
    assert said(overview(), None, unsure) == [
        "1,234 (± 25.0) runs a second are asked for in the next hour; it is not known yet how many end."
    ]
    nothing = dataclasses.replace(FORECAST, dispatched=0.0)
    assert said(overview(), None, nothing)[0] == (
        "1.0 runs a second are asked for in the next hour; no run is counted for the last ten minutes."
    )


def test_late_tasks_and_what_keeps_them() -> None:
    late = overview(due=7, parked=2, oldest_due=NOW - 90)
    assert said(late)[2:] == ["5 tasks are due, the oldest for 1m 30s."]
    busy = dataclasses.replace(CARD, running=10)
    assert "All places are taken: more places, or shorter runs, would help." in said(late, [busy])
    assert said(overview(due=7, oldest_due=NOW - 0.5))[2:] == ["Nothing is late."]
    assert said(overview(due=2, parked=2))[2:] == ["2 due tasks wait for room or tokens of a group."]
    assert said(overview(rate=Rate(6, per=60)))[2] == "The rate lets only 0.1 runs a second start."
    paused = overview(due=7, oldest_due=NOW - 90, pause=PausedState(NOW, "alice", None))
    assert said(paused)[2:] == ["All is paused, so no run starts."]


def test_a_clock_that_is_ahead_makes_no_task_of_another_partition_late() -> None:
    ahead_of_time = dataclasses.replace(GOOD, name="q", server_time=NOW + 60)
    found = Overview((dataclasses.replace(GOOD, due=1, oldest_due=NOW - 0.2), ahead_of_time))
    assert said(found)[2:] == ["Nothing is late."]
    assert late_by(Overview((dataclasses.replace(ahead_of_time, due=1, oldest_due=NOW), GOOD))) == 60


def test_places_that_the_demand_needs() -> None:
    busy = dataclasses.replace(CARD, running=10)
    assert said(overview(), [busy])[-1] == (
        "With 10 runs in progress and 0.5 ended a second, a run takes about 20s, so that demand needs about 20 places."
    )
    shared = dataclasses.replace(busy, queues=("mail",))
    assert said(overview(), [shared])[-1] == "Nothing is late.", "the runs of queues are among those in progress"


def codes(found: Overview, cards: Sequence[SchedulerCard] | None = (CARD,), health: Health | None = None) -> list[str]:
    return [each["code"] for each in banners_of(found, cards, health, ["no counts"], "namespace")]


def test_banners_come_with_the_worst_first() -> None:
    lost = Finding("data-lost", "warning", "partition 'p' came back without its data")
    mild, ours = Finding("persistence", "warning", "it is off"), Finding("rights", "error", "this user may not write")
    servers = (PartitionHealth("p", True, 0.1, "7", 0, (lost, mild, ours), None),)  # noqa: FBT003 - a field of data
    health = Health(connected=True, accepting=True, executing=False, partitions=servers)
    found = overview(due=3, pause=PausedState(NOW, "alice", "release"), moving=PartitionMove("p", 1200, 34), hints=1)
    assert codes(found, (), health) == ["problem", "nobody", "data-lost", "paused", "moving", "hints"]
    words = [each["words"] for each in banners_of(found, (), health, (), "namespace")]
    assert words == [
        "3 tasks are due, and no scheduler tells that it executes any.",
        "Partition 'p' came back without its data.",
        "The namespace is paused since 2030-03-17 18:00:00 UTC by alice (release): no run starts.",
        "Tasks move away from p: 1,200 have moved, and about 34 are still to be looked at.",
        "1 change waits on the master.",
    ]


def test_an_offline_partition_is_told_once() -> None:
    found = Overview((GOOD, PartitionOverview("q", online=False)))
    assert codes(found) == ["offline"]


def test_nobody_is_alive_only_if_that_is_known_and_tasks_are_due() -> None:
    elsewhere = dataclasses.replace(CARD, executing=False, queues=("mail",))
    assert codes(overview(due=1), [elsewhere]) == ["problem", "nobody"]
    assert codes(overview(due=1), None) == ["problem"]
    assert codes(overview(due=0), ()) == ["problem"]
    assert codes(overview(due=1), [CARD]) == ["problem"]


def read_ahead(*further: float, exact: Sequence[int] | None, late: int = 0, width: float = 900) -> ahead.Ahead:
    counted = exact or [0] * len(further)
    runs = tuple(more + count + (late if n == 0 else 0) for n, (more, count) in enumerate(zip(further, counted)))  # noqa: B905 - of tests
    forecast = dataclasses.replace(FORECAST, width=width, runs=runs, errors=(1.0,) * len(runs), late=late)
    return ahead.Ahead(forecast, exact)


def test_what_is_counted_and_what_is_estimated_add_up() -> None:
    found = ahead.points_of(read_ahead(10, 20, exact=[4, 5], late=3), url)
    assert [(each["next_runs"], each["further"], each["runs"]) for each in found] == [(7, 10, 17), (5, 20, 25)]
    assert found[1]["at"] == datetime.fromtimestamp(NOW + 900, UTC)
    assert found[1]["tasks_url"] == "/tasks?from=2030-03-17T18:15:00+00:00"
    (offline,) = ahead.points_of(read_ahead(10, exact=None, late=3), url)
    assert (offline["next_runs"], offline["further"]) == (3, 10)


def test_further_runs_stand_where_next_runs_leave_room() -> None:
    """A minute's task that runs next in the first minute runs once more in each of the others."""
    exact = [60] + [0] * 14
    minutes = ahead.minutes_of(NOW, exact, read_ahead(60 * 14, exact=[60]))
    assert [round(each.runs) for each in minutes] == [60] * 15


def test_a_herd_is_not_taken_for_the_load_around_it() -> None:
    exact = [0] * 7 + [300] + [0] * 7
    minutes = ahead.minutes_of(NOW, exact, read_ahead(1500, exact=[300]))
    assert [round(each.runs) for each in minutes] == [100] * 7 + [400] + [100] * 7


def test_a_day_that_begins_within_a_bucket_takes_its_part() -> None:
    minutes = ahead.minutes_of(NOW + 600, [0] * 20, read_ahead(900, 1800, exact=[0, 0]))
    assert [round(each.runs) for each in minutes] == [60] * 5 + [120] * 15


def test_minutes_before_now_have_no_further_runs() -> None:
    minutes = ahead.minutes_of(NOW - 300, [0] * 20, read_ahead(900, exact=[0]))
    assert [round(each.runs) for each in minutes] == [0] * 5 + [60] * 15


@pytest.mark.parametrize(
    ("counts", "amount", "levels"),
    [([], 5, []), ([3], 5, [5]), ([0, 10], 4, [4, 0]), ([0, 10], 30, [20, 10]), ([2, 2], 0, [0, 0])],
)
def test_an_amount_fills_the_lowest_first(counts: list[float], amount: float, levels: list[float]) -> None:
    assert ahead.filled(counts, amount) == levels


def test_peaks_are_compared_with_the_hour_around() -> None:
    minutes = [ahead.Minute(NOW + 60 * n, 10, 0.0) for n in range(120)]
    minutes[60] = ahead.Minute(minutes[60].at, 610, 0.0)
    minutes[5] = ahead.Minute(minutes[5].at, 21, 0.0)
    minutes[100] = ahead.Minute(minutes[100].at, 11, 0.0)
    first, second = ahead.peaks_of(minutes, url)
    assert first["at"] == datetime.fromtimestamp(NOW + 3600, UTC)
    assert (first["next_runs"], first["even"]) == (610, pytest.approx((59 * 10 + 610) / 60))
    assert first["cut"] == pytest.approx(1 - first["even"] / 610)
    assert second["next_runs"] == 21, "11 do not stand out from the 10 around"
    assert len(ahead.peaks_of([ahead.Minute(NOW + 60 * n, 1000 * (n % 3 == 0), 0.0) for n in range(99)], url)) == 10
    assert ahead.peaks_of([ahead.Minute(NOW, 0, 0.0)], url) == []


def test_hours_have_cells_of_five_minutes_and_none_for_what_has_passed() -> None:
    minutes = [ahead.Minute(NOW + 60 * n, 1, 0.5) for n in range(120)]
    first, second = ahead.hours_of(NOW, minutes, NOW + 11 * 60, url)
    assert [cell is None for cell in first["cells"]] == [True] * 2 + [False] * 10
    assert second["cells"][0] == {
        "at": datetime.fromtimestamp(NOW + 3600, UTC),
        "next_runs": 5,
        "runs": 7.5,
        "tasks_url": "/tasks?from=2030-03-17T19:00:00+00:00",
    }


def test_counts_are_summed_by_steps_of_utc() -> None:
    lags = (0, 4, *[0] * 9)
    series = Series(tuple(Point(NOW + 600 * n, runs=2, failures=1, lags=lags) for n in range(4)), 600)
    found = windows.points_of(series, 1800)
    assert [(each["at"].timestamp(), each["runs"], each["succeeded"]) for each in found] == [
        (NOW, 6, 3),
        (NOW + 1800, 2, 1),
    ]
    assert (found[0]["claimed"], found[0]["lag_99"]) == (12, 0.01)
    assert windows.total_of(series)["runs"] == 8


@pytest.mark.parametrize("name", list(windows.PAST))
def test_the_points_of_a_window_are_whole(name: str) -> None:
    window = windows.PAST[name]
    since = window.since(NOW + 1234.5)
    assert since % window.step == 0
    assert window.seconds - window.step <= NOW + 1234.5 - since <= window.seconds
    assert window.seconds / window.step <= 60


def test_a_scheduler_that_is_late_or_cut_off_is_marked() -> None:
    row = row_of(CARD, ["p", "q"], NOW, lambda run: run.id)
    assert (row["age"], row["is_late"], row["unreached"]) == (2, False, ["q"])
    assert row["executes"] == "the namespace itself"
    assert row_of(CARD, ["p"], NOW + 8, lambda run: run.id)["is_late"] is True


def test_pieces_of_a_list() -> None:
    every = list(range(101))
    assert slice_of(1, every, 50).rows == tuple(range(50))
    last = slice_of(99, every, 50)
    assert (last.rows, last.number, last.last, last.total) == ((100,), 3, 3, 101)
    assert slice_of(1, list[int](), 50).rows == ()
    assert (number_of("page", None), number_of("page", "007")) == (1, 7)
    for text in ("0", "-1", "x", "", "1.5", "²", "9999999"):
        with pytest.raises(BadQuery, match="'page' must be a number from 1 on"):
            number_of("page", text)

"""Frames of `top`: what a reading shows, sorted and filtered, and what is said of partitions that come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from interval_scheduler import (
    CardRun,
    DeadPage,
    DeadTask,
    Overview,
    PartitionMove,
    PartitionOverview,
    PausedState,
    Point,
    ScheduledTask,
    SchedulerCard,
    Series,
    TaskPage,
)
from interval_scheduler.cli.top.frame import Frame, View, frame_of
from interval_scheduler.cli.top.panes import Pane
from interval_scheduler.cli.top.plain import plain_text
from interval_scheduler.cli.top.reading import Reading
from interval_scheduler.cli.top.watching import Watched, watch

NOW = 1_800_000_000.0

CARD = SchedulerCard(
    id="card",
    host="worker-1",
    pid=4711,
    version="0.1.0",
    since=NOW - 3600,
    last_seen=NOW - 2,
    accepting=True,
    executing=True,
    queues=("mail",),
    places=20,
    running=2,
    runs=1234,
    failures=5,
    longest=(CardRun("slow", NOW - 90), CardRun("letter", NOW - 3, "mail")),
    partitions=("a", "b"),
)


def task(task_id: str, next_run: float, **options: Any) -> ScheduledTask:
    return ScheduledTask(task_id, "", 900.0, next_run, "waiting", 1, "a", **options)


READING = Reading(
    now=NOW,
    overview=Overview(
        (
            PartitionOverview(
                "a", online=True, waiting=7, leased=2, due=3, dead=1, oldest_due=NOW - 75, server_time=NOW
            ),
            PartitionOverview("b", online=True, waiting=1200, leased=1, failing=1, hints=4, server_time=NOW - 1),
        )
    ),
    cards=(CARD,),
    due=TaskPage((task("late", NOW - 75), task("soon", NOW + 3.25, group="g"), task("x" * 60, NOW + 90)), "more"),
    failing=TaskPage(
        (task("bad", NOW + 60, failures=3, failed_at=NOW - 12, last_error="ValueError: no\x1b[2J"),), None
    ),
    dead=DeadPage((DeadTask("gone", b"", "KeyError: 1\n  at x", 4, NOW - 7200, "a"),), None),
    series=Series(
        (Point(NOW - 120, runs=100), Point(NOW - 90, runs=60, failures=30), Point(NOW - 30, runs=120, failures=6)),
        60,
        (),
    ),
)


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def frame(reading: Reading = READING, watched: Watched | None = None, view: View | None = None) -> Frame:
    return frame_of(reading, watched or watch(Watched(), reading), view or View(), clock)


def pane(name: str, **given: Any) -> Pane:
    return next(each for each in frame(**given).panes if each.name == name)


def test_the_figures() -> None:
    assert {each.name: each.text for each in frame().figures} == {
        "tasks": "1,210",
        "due": "3",
        "late": "1m 15s",
        "running": "3",
        "runs/s": "2.0",
        "failed": "20.0%",
        "dead": "1",
        "schedulers": "1",
    }
    assert {each.name for each in frame().figures if each.tone == "bad"} == {"late", "failed", "dead"}
    assert frame().sparks == "▇▅█"
    assert frame().alerts == ()


def test_the_rows() -> None:
    assert [row.cells for row in pane("partitions").rows] == [
        ("a", "online", "9", "3", "2", "0", "0", "1", "1m 15s", ""),
        ("b", "online", "1,201", "0", "1", "0", "1", "0", "", "4"),
    ]
    assert [row.cells for row in pane("schedulers").rows] == [
        ("worker-1", "4711", "the namespace itself, mail", "2", "20", "1m 28s slow", "1,234", "5", "1h", "2s ago")
    ]
    assert [row.cells for row in pane("runs").rows] == [
        ("slow", "1m 28s", "", "worker-1 4711"),
        ("letter", "1s", "mail", "worker-1 4711"),
    ]
    assert [row.cells[:5] for row in pane("due").rows] == [
        ("late", "1m 15s late", "every 15m", "1", ""),
        ("soon", "in 3.2s", "every 15m", "1", "g"),
        ("x" * 39 + "…", "in 1m 30s", "every 15m", "1", ""),
    ]
    assert [row.cells for row in pane("failing").rows] == [("bad", "12s ago", "3", "in 1m", "ValueError: no\\x1b[2J")]
    assert [row.cells for row in pane("dead").rows] == [("gone", "2h ago", "4", "KeyError: 1 at x")]
    assert pane("due").total == 1207
    assert {row.tone for row in pane("due").rows} == {"warn", "plain"}


def test_text() -> None:
    text = plain_text(frame(), "title")
    assert text.startswith("title\ntasks 1,210  due 3  late 1m 15s  running 3  runs/s 2.0")
    assert "\nNext due 3 of 1,207\n  task " in text
    assert "\nFailing 1\n" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_sorting() -> None:
    view, orders = View(), []
    for _ in pane("partitions").columns:
        view = view.sorted_next("partitions", 10)
        shown = pane("partitions", view=view)
        orders.append("".join(row.key for row in shown.rows))
    assert orders == ["ab", "ab", "ba", "ab", "ab", "ab", "ba", "ab", "ab", "ba"], (
        "texts from A, numbers from the largest"
    )
    assert view.sorted_next("partitions", 10) == View(), "after the last column it is as it was read"
    by_tasks = View().sorted_next("partitions", 10).turned("partitions")
    assert [row.key for row in pane("partitions", view=by_tasks).rows] == ["b", "a"]
    assert pane("partitions", view=by_tasks).sorted_by == (0, True)
    by_late = by_tasks
    for _ in range(8):
        by_late = by_late.sorted_next("partitions", 10)
    for view in (by_late, by_late.turned("partitions")):
        assert [row.key for row in pane("partitions", view=view).rows] == ["a", "b"], "one without a value is last"
    assert View().turned("partitions") == View()


def test_filtering() -> None:
    view = View(words="LATE")
    assert [row.key for row in pane("due", view=view).rows] == ["late"]
    assert pane("due", view=view).is_filtered
    assert pane("due", view=view).total == 1207
    assert pane("partitions", view=view).rows == ()


def test_a_partition_goes_away_and_comes_back() -> None:
    assert READING.overview is not None
    first, second = READING.overview.partitions
    away = replace(READING, now=NOW + 5, overview=Overview((first, PartitionOverview("b", online=False))))
    watched = watch(watch(Watched(), READING), away)
    watched = watch(watched, replace(away, now=NOW + 9))
    shown = frame(away, watched)
    assert shown.alerts == (("bad", "partition b is offline since 08:00:05; figures leave it out"),)
    assert shown.panes[0].rows[1].cells == ("b", "offline", "", "", "", "", "", "", "", "")
    assert shown.panes[0].rows[1].tone == "bad"
    nothing = Reading(now=NOW + 10, problems=("no answer",))
    assert watch(watched, nothing) == watched
    assert ("bad", "no answer") in frame(nothing, watched).alerts
    assert all(not each.rows and each.total is None for each in frame(nothing, watched).panes)
    back = replace(READING, now=NOW + 11)
    watched = watch(watched, back)
    assert frame(back, watched).alerts == (("good", "partition b is back since 08:00:11"),)
    assert frame(replace(back, now=NOW + 90), watched).alerts == (), "it is told for a while"
    again = watch(watched, replace(away, now=NOW + 20))
    assert frame(away, again).alerts == (("bad", "partition b is offline since 08:00:20; figures leave it out"),)
    assert second.online


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pause": PausedState(NOW, "ada", "deploy")}, "paused since 08:00:00 by ada (deploy)"),
        ({"pause": PausedState(None, None, None)}, "paused"),
        ({"moving": PartitionMove("a", 5, 1000)}, "tasks move away from a: 5 are gone, 1,000 are left"),
    ],
)
def test_what_people_should_know(changed: Any, words: str) -> None:
    assert READING.overview is not None
    first, second = READING.overview.partitions
    reading = replace(READING, overview=Overview((replace(first, **changed), second)))
    assert frame(reading).alerts == (("warn", words),)


def test_nobody_executes() -> None:
    assert frame(replace(READING, cards=())).alerts == (
        ("warn", "tasks are due, and no scheduler tells that it executes any"),
    )
    assert frame(replace(READING, cards=None, problems=("refused",))).alerts == (("warn", "refused"),)


def test_a_silent_scheduler_is_told_apart() -> None:
    silent = replace(CARD, last_seen=NOW - 12)
    assert [row.tone for row in pane("schedulers", reading=replace(READING, cards=(silent,))).rows] == ["warn"]

"""Plots: their exact geometry, and what is drawn of strange numbers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from interval_scheduler.dashboard.charts import bars, heat_map, lines, sparkline
from interval_scheduler.dashboard.charts.heat import level
from interval_scheduler.dashboard.charts.scale import amount, short, time_ticks, value_ticks

NINE = datetime(2030, 6, 1, 9, tzinfo=UTC)
PARTS = {"succeeded": "succeeded", "failures": "failed"}
STRANGE = (None, math.nan, math.inf, -math.inf, -1, 0, 10**400, 1e308)


def points(*values: Sequence[Any], keys: Sequence[str] = tuple(PARTS)) -> list[dict[str, Any]]:
    return [
        {"at": NINE + timedelta(minutes=n), "tasks": f"/tasks?n={n}&x=<y>", **dict(zip(keys, some, strict=True))}
        for n, some in enumerate(values)
    ]


def parsed(drawn: Markup) -> ET.Element:
    """A plot as XML: so it is well-formed, and has nothing that the rules for content forbid."""
    root = ET.fromstring(drawn)
    for each in root.iter():
        assert "style" not in each.attrib
        assert not [name for name in each.attrib if name.startswith("on")]
        for name in ("x", "y", "width", "height", "x1", "x2", "y1", "y2"):
            assert re.fullmatch(r"-?\d+(\.\d{1,3})?%?", each.get(name, "0")), each.attrib
    return root


def rects(root: ET.Element, kind: str) -> list[tuple[str | None, ...]]:
    return [
        tuple(map(each.get, ("x", "y", "width", "height"))) for each in root.iter("rect") if each.get("class") == kind
    ]


def titles(root: ET.Element) -> list[str | None]:
    return [each.text for each in root.iter("title")]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (0.2, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (7, [0, 2, 4, 6, 8]),
        (40, [0, 10, 20, 30, 40]),
        (41, [0, 20, 40, 60]),
        (1234, [0, 500, 1000, 1500]),
        (math.inf, [0, 5 * 10**14, 10**15]),
        (math.nan, [0, 1]),
    ],
)
def test_ticks_go_in_steps_of_1_2_or_5(most: float, ticks: list[int]) -> None:
    found = value_ticks([most])
    assert found == ticks
    assert found[-1] >= amount(most)


def test_no_axis_has_more_than_five_lines() -> None:
    for most in itertools.chain(range(1, 3000), (10**n + 1 for n in range(3, 15))):
        assert 2 <= len(value_ticks([most])) <= 5, most


@pytest.mark.parametrize(
    ("start", "seconds", "words"),
    [
        (NINE, 3600, ["09:00", "09:10", "09:20", "09:30", "09:40", "09:50"]),
        (NINE.replace(minute=59), 3600, ["10:00", "10:10", "10:20", "10:30", "10:40", "10:50"]),
        (NINE, 86_400, ["12:00", "16:00", "20:00", "Jun 2", "04:00", "08:00"]),
        (NINE, 7 * 86_400, ["Jun 3", "Jun 5", "Jun 7"]),
        (NINE, 1, ["09:00"]),
    ],
)
def test_moments_of_an_axis_are_round_ones_of_utc(start: datetime, seconds: float, words: list[str]) -> None:
    found = time_ticks(start, seconds)
    assert [each for _, each in found] == words
    assert all(0 <= share < 1 for share, _ in found)


def test_bars_stand_upon_each_other() -> None:
    root = parsed(bars(points((3, 1), (0, 0)), PARTS, label="runs", seconds=60, height=100))
    assert rects(root, "bar succeeded") == [("5%", "33", "40%", "75")]
    assert rects(root, "bar failures") == [("5%", "8", "40%", "25")]
    assert rects(root, "place") == [("0%", "8", "50%", "100"), ("50%", "8", "50%", "100")]
    assert titles(root) == [
        "2030-06-01 09:00 UTC: 3 succeeded, 1 failed",
        "2030-06-01 09:01 UTC: 0 succeeded, 0 failed",
    ]
    assert (root.get("role"), root.get("aria-label"), root.get("width")) == ("img", "runs", "100%")


def test_bars_lead_to_where_they_are_told_and_quote_it() -> None:
    root = parsed(bars(points((1, 0)), PARTS, label='"<&', seconds=60, link="tasks"))
    (link,) = root.iter("a")
    assert link.get("href") == "/tasks?n=0&x=<y>"
    assert link.get("aria-label") == "2030-06-01 09:00 UTC: 1 succeeded, 0 failed"
    assert (root.get("role"), root.get("aria-label")) == ("group", '"<&')


@pytest.mark.parametrize("value", STRANGE)
def test_strange_numbers_are_drawn_as_bars(value: Any) -> None:
    root = parsed(bars(points((value, 1)), PARTS, label="runs", seconds=60, height=100))
    assert len(rects(root, "bar succeeded")) == (1 if amount(value) else 0)
    for _, y, _, height in rects(root, "bar succeeded") + rects(root, "bar failures"):
        assert 0 <= float(y or "x") <= 108
        assert 0 <= float(height or "x") <= 100


def test_no_points_are_an_empty_plot() -> None:
    for root in (
        parsed(bars([], PARTS, label="runs", seconds=60)),
        parsed(lines([], PARTS, label="lag", seconds=60)),
        parsed(heat_map([], "runs", "runs", label="day", link="tasks")),
    ):
        assert titles(root) == []


LAGS = {"lag_99": "99 of 100", "lag_50": "half"}


def paths(root: ET.Element, kind: str) -> list[str | None]:
    return [each.get("d") for each in root.iter("path") if each.get("class") == kind]


def test_lines_are_steps_on_a_scale_of_powers_of_ten() -> None:
    found = points((10.0, 0.001), (1.0, None), (0.1, 0.01), keys=tuple(LAGS))
    root = parsed(lines(found, LAGS, label="lag", seconds=60, height=100))
    assert paths(root, "line lag_99") == ["M0 8H1L1 33H2L2 58H3"]
    assert paths(root, "line lag_50") == ["M0 108H1M2 83H3"], "nothing is a gap"
    assert paths(root, "area lag_50") == ["M0 108V108H1V108ZM2 108V83H3V108Z"]
    assert titles(root)[1] == "2030-06-01 09:01 UTC: 99 of 100 at most 1s, half unknown"
    assert [each.text for each in root.iter("text")][:5] == ["1ms", "10ms", "100ms", "1s", "10s"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 0, -1, 1e308, 1e-308])
def test_strange_durations_stay_on_the_plot(value: Any) -> None:
    root = parsed(lines(points((value, 0.01), keys=tuple(LAGS)), LAGS, label="lag", seconds=60, height=100))
    (path,) = paths(root, "line lag_99")
    heights = [float(each) for each in re.findall(r"[ML]\d+ (\S+?)H", path or "")]
    assert len(heights) == (0 if value is None or math.isnan(value) else 1)
    assert all(8 <= each <= 108 for each in heights)
    if value == math.inf:
        assert heights == [8]
        assert "above all classes" in str(titles(root))


def test_a_longer_lag_makes_the_scale_longer() -> None:
    root = parsed(lines(points((600.0, 0.01), keys=tuple(LAGS)), LAGS, label="lag", seconds=60))
    assert [each.text for each in root.iter("text")][:7] == ["1ms", "10ms", "100ms", "1s", "10s", "100s", "1000s"]


def test_a_heat_map_has_a_cell_for_each_piece_of_an_hour() -> None:
    cells: list[dict[str, Any] | None] = [
        {"at": NINE + timedelta(minutes=30 * n), "runs": runs, "tasks": f"/tasks?n={n}"}
        for n, runs in enumerate((0, 9))
    ]
    rows = [
        {"at": NINE, "cells": [None, cells[1]]},
        {"at": NINE + timedelta(hours=15), "cells": [cells[0], cells[1]]},
    ]
    root = parsed(heat_map(rows, "runs", "runs", label="day", link="tasks"))
    assert rects(root, "cell level-0") == [("0%", "28", "50%", "20")]
    assert rects(root, "cell level-4") == [("50%", "8", "50%", "20"), ("50%", "28", "50%", "20")]
    assert titles(root)[0] == "2030-06-01 09:30 UTC: 9 runs"
    assert [each.text for each in root.iter("text")] == ["09:00", "Jun 2", ":00", ":30", "UTC"]
    assert [each.get("href") for each in root.iter("a")] == ["/tasks?n=1", "/tasks?n=0", "/tasks?n=1"]


def test_levels_tell_how_far_a_cell_is_from_the_mean() -> None:
    assert [level(value, 100) for value in (0, 0.1, 30, 100, 110, 200, 900, math.inf)] == [0, 1, 1, 3, 3, 6, 6, 6]
    assert [level(value, 0) for value in (0, math.nan, -3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("values", "places", "box"),
    [
        ([0, 4, 2], "0,26 1,2 2,14", "0 0 2 28"),
        ([5], "0,2 1,2", "0 0 1 28"),
        ([], "0,26 1,26", "0 0 1 28"),
        ([0, 0], "0,26 1,26", "0 0 1 28"),
        ([math.nan, None, math.inf], "0,26 1,26 2,2", "0 0 2 28"),
    ],
)
def test_sparklines(values: list[float | None], places: str, box: str) -> None:
    root = parsed(sparkline(values, label="runs"))
    assert [each.get("points") for each in root.iter("polyline")] == [places]
    assert (root.get("viewBox"), root.get("role")) == (box, "img")


def test_counts_of_an_axis_are_short() -> None:
    assert list(map(short, (0, 950, 1500, 20_000_000, 10**15))) == ["0", "950", "1.5k", "20M", "1000T"]

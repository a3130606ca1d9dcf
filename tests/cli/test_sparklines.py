"""Bars, sparklines and the widths of tables: pure functions."""

from __future__ import annotations

import math

import pytest

from interval_scheduler.cli.options.durations import span_text
from interval_scheduler.cli.output.sparklines import bar, is_drawable, sparkline, squeezed
from interval_scheduler.cli.output.tables import fit, spread


@pytest.mark.parametrize(
    ("values", "blocks", "letters"),
    [
        ([], "", ""),
        ([0, 0], "▁▁", "__"),
        ([0, 1, 700], "▁▂█", "_.#"),
        ([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█", ".:-=+*#"),
        ([None, 5, math.inf], " ██", " ##"),
        ([math.inf], "█", "#"),
        ([0.001], "█", "#"),
    ],
)
def test_sparklines(values: list[float | None], blocks: str, letters: str) -> None:
    assert sparkline(values) == blocks
    assert sparkline(values, blocks=False) == letters


@pytest.mark.parametrize(
    ("value", "most", "blocks", "letters"),
    [
        (0, 8, "", ""),
        (8, 8, "████", "####"),
        (4, 8, "██", "##"),
        (0.001, 8, "▏", "#"),
        (5, 8, "██▌", "###"),
        (1, 0, "", ""),
    ],
)
def test_bars(value: float, most: float, blocks: str, letters: str) -> None:
    assert bar(value, most, 4) == blocks
    assert bar(value, most, 4, blocks=False) == letters
    assert bar(2 * most, most, 4) in ("████", ""), "never longer than can be"


def test_a_peak_is_kept() -> None:
    assert squeezed([0, 9, 0, 0, 0, 1], 3) == [9, 0, 1]
    assert squeezed([1, 2], 60) == [1, 2]
    assert len(squeezed(list(range(1154)), 60)) <= 60
    assert squeezed([], 60) == []


def test_where_blocks_can_be_drawn() -> None:
    assert is_drawable("utf-8")
    assert not any(map(is_drawable, ("ascii", "latin-1", "no such encoding", None)))


def test_widths_that_fit() -> None:
    firm = [False, True, False]
    assert fit([10, 19, 20], 100, firm) == [10, 19, 20]
    assert fit([10, 19, 50], 60, firm) == [10, 19, 27], "the longest text gives way"
    assert fit([30, 19, 50], 49, firm) == [13, 19, 13]
    assert fit([30, 19, 50], 40, firm) == [8, 19, 9]
    assert fit([30, 19, 50], 30, firm) == [8, 10, 8], "then moments and numbers"
    assert fit([30, 19, 50], 5, firm) == [8, 8, 8], "as far as they may"
    assert fit([30, 19, 50], 64, firm, [8, 8, 30]) == [11, 19, 30], "an error keeps its share"
    assert fit([30, 19, 7], 24, firm, [8, 19, 7]) == [8, 19, 7], "a head is not broken"
    assert fit([], 10, []) == []


def test_texts_get_the_room_that_is_left() -> None:
    firm = [False, True, False]
    assert spread([10, 19, 20], 63, firm) == [20, 19, 20]
    assert spread([10, 19, 20], 200, firm) == [40, 19, 40]
    assert spread([10, 19, 90], 100, firm) == [10, 19, 90]


def test_spans() -> None:
    assert [span_text(seconds) for seconds in (0.4, -0.9, 90, -7300)] == ["now", "now", "1m 30s", "2h 1m ago"]

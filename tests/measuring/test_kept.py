"""A program of the benchmarks that is stopped goes on where it was, with what it measured by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measuring import Kept, Measurement, interleaved, medians_of, sources

#: A measurement that is real and short: of so many values, those below which so many of a hundred are.
SHORT = Measurement("short", "executors.percentiles", {"ascending": [1.0, 2.0, 3.0]})
FOUND = {"50": 2.0, "99": 3.0, "99.9": 3.0}


def test_what_is_kept_is_not_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Kept("program", {"rounds": 2}, tmp_path).put("short, round 1", {"50": 7.0})
    kept = Kept("program", {"rounds": 2}, tmp_path)
    assert interleaved(kept, [SHORT], 2) == {"short": [{"50": 7.0}, FOUND]}
    assert capsys.readouterr().err == "short, round 2 of 2 ...\n"
    assert Kept("program", {"rounds": 2}, tmp_path).get("short, round 2") == FOUND


def test_other_arguments_begin_anew(tmp_path: Path) -> None:
    Kept("program", {"rounds": 2}, tmp_path).put("a part", {"50": 7.0})
    assert Kept("program", {"rounds": 3}, tmp_path).get("a part") is None
    assert Kept("another", {"rounds": 2}, tmp_path).get("a part") is None


def test_what_is_told_is_forgotten(tmp_path: Path) -> None:
    kept = Kept("program", {}, tmp_path)
    kept.put("a part", {"50": 7.0})
    kept.forget()
    kept.forget()
    assert Kept("program", {}, tmp_path).get("a part") is None
    assert list(tmp_path.iterdir()) == []


def test_other_sources_are_noticed(tmp_path: Path) -> None:
    file = tmp_path / "package" / "script.lua"
    file.parent.mkdir()
    file.write_text("return 1")
    before = sources(tmp_path, ["package"])
    (file.parent / "notes.md").write_text("nothing that is run")
    assert sources(tmp_path, ["package"]) == before
    file.write_text("return 2")
    assert sources(tmp_path, ["package"]) != before


def test_medians_are_those_of_each_figure() -> None:
    rounds = {"work": [{"a": 1.0, "b": 9.0}, {"a": 3.0, "b": 8.0}, {"a": 2.0, "b": 1.0}]}
    assert medians_of(rounds) == {"work": {"a": 2.0, "b": 8.0}}

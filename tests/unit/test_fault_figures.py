"""The figures of the fault tests: written down even where they fall short, and shown in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.__main__ import merged, report
from tests.faults.figures import Figure, read_figures, tell


def test_a_figure_that_falls_short_is_written_down_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTS_FIGURES", str(tmp_path / "figures"))
    tell(10, "a", count="1", expected="0", figure="0", holds=True)
    tell("locks", "b", count="1", expected="0", figure="0", holds=None)
    with pytest.raises(AssertionError, match="c: expected lost 0, found lost 1"):
        tell(2, "c", count="1", expected="lost 0", figure="lost 1", holds=False)
    found = read_figures((tmp_path / "figures").read_text().splitlines())
    assert [figure.row for figure in found] == ["2", "10", "locks"]
    assert [figure.holds for figure in found] == [False, True, None]


def figure(row: str, fault: str, found: str, *, holds: bool = True) -> Figure:
    return Figure(row, fault, "3 kills", "lost 0", found, holds, "2030-01-01")


def test_the_report() -> None:
    text = report([figure("1", "crash", "lost 1", holds=False)], "redis-server 7")
    assert "Last run on redis-server 7." in text
    assert text.endswith("| 1 | crash | 3 kills | lost 0 | lost 1 | **falls short** | 2030-01-01 |\n")


def test_what_is_found_anew_takes_the_place_of_what_was_found_before() -> None:
    before = [figure("1", "crash", "old"), figure("2", "drain", "old")]
    assert [(each.row, each.figure) for each in merged(before, [figure("1", "crash", "new")])] == [
        ("1", "new"),
        ("2", "old"),
    ]

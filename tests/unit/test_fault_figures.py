"""The figures of the fault tests: written down even where they fall short, and shown in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.__main__ import report
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


def test_the_report() -> None:
    text = report([Figure("1", "crash", "3 kills", "lost 0", "lost 1", holds=False)], "2030-01-01", "redis-server 7")
    assert "found on 2030-01-01" in text
    assert text.endswith("| 1 | crash | 3 kills | lost 0 | lost 1 | **falls short** |\n")

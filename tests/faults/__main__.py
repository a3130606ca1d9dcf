"""`make faults`: all fault tests with their full counts, and the report of what was found in `docs/fault-report.md`.

Given tests, `python -m tests.faults tests/faults/test_clocks.py`, only these are run, and their rows are replaced. All
figures are kept in `figures.jsonl`, from which the report is made.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.faults.figures import Figure, read_figures, to_line
from tests.servers import default_binary

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "fault-report.md"
KEPT = Path(__file__).with_name("figures.jsonl")

_HEAD = """# Fault report

`make faults` injected each fault of the table below into real Redis servers and real worker processes, as often as the
table says. Each row has a test in `tests/faults`, which fails if the figure is not what was expected; `make test` runs
the same tests with small counts. Ledgers outside of Redis tell what ran and what was lost. After each test the whole
key space is checked: every task is at exactly one place, and nothing else is anywhere.

Last run on {versions}.

| row | fault | how often | expected | found | | on |
|---|---|---|---|---|---|---|
"""


def versions() -> str:
    """What it runs on."""
    server = subprocess.run([default_binary(), "--version"], check=True, capture_output=True, text=True).stdout
    redis_version = next(word[2:] for word in server.split() if word.startswith("v="))
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("interval-scheduler", "redis"))
    return f"redis-server {redis_version}, {packages}, Python {platform.python_version()}, {os.cpu_count()} CPUs"


def merged(before: Sequence[Figure], new: Sequence[Figure]) -> list[Figure]:
    """The figures, with those found anew in place of those of the same fault."""
    known = {(figure.row, figure.fault): figure for figure in (*before, *new)}
    return list(known.values())


def report(figures: Sequence[Figure], ran_on: str) -> str:
    """The report as Markdown."""
    marks = {True: "✓", False: "**falls short**", None: "not tried"}
    rows = (
        (each.row, each.fault, each.count, each.expected, each.figure, marks[each.holds], each.date) for each in figures
    )
    return _HEAD.format(versions=ran_on) + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> int:
    """Run the tests, write the report; the exit code of the tests."""
    chosen = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "figures"
        lines.touch()
        environment = {**os.environ, "FAULTS": "full", "FAULTS_FIGURES": str(lines)}
        tests = [sys.executable, "-m", "pytest", "-v", *(chosen or ["tests/faults"])]
        code = subprocess.run(tests, check=False, cwd=ROOT, env=environment).returncode
        found = lines.read_text(encoding="utf-8").splitlines()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    before = KEPT.read_text(encoding="utf-8").splitlines() if chosen and KEPT.exists() else []
    figures = merged(read_figures(before), [replace(figure, date=today) for figure in read_figures(found)])
    text = "".join(to_line(figure) for figure in figures)
    KEPT.write_text(text, encoding="utf-8")
    REPORT.write_text(report(read_figures(text.splitlines()), versions()), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

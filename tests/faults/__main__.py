"""`make faults`: all fault tests with their full counts, and the report of what was found in `docs/fault-report.md`."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.figures import Figure, read_figures
from tests.servers import default_binary

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "fault-report.md"

_HEAD = """# Fault report

What `make faults` found on {date}: each fault of the table below was injected into real Redis servers and real worker
processes, as often as said. Behind each row stands a test in `tests/faults`, which fails if the figure is not what was
expected; `make test` runs the same tests with small counts. What ran and what was lost is known from ledgers outside
of Redis, and after each test the whole key space is checked: every task is at exactly one place, and nothing else is
anywhere.

{versions}.

| row | fault | how often | expected | found | |
|---|---|---|---|---|---|
"""


def versions() -> str:
    """What it ran on."""
    server = subprocess.run([default_binary(), "--version"], check=True, capture_output=True, text=True).stdout
    redis_version = next(word[2:] for word in server.split() if word.startswith("v="))
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("interval-scheduler", "redis"))
    return f"redis-server {redis_version}, {packages}, Python {platform.python_version()}, {os.cpu_count()} CPUs"


def report(figures: Sequence[Figure], date: str, ran_on: str) -> str:
    """The report as Markdown."""
    marks = {True: "✓", False: "**falls short**", None: "not tried"}
    rows = [
        f"| {' | '.join([each.row, each.fault, each.count, each.expected, each.figure, marks[each.holds]])} |"
        for each in figures
    ]
    return _HEAD.format(date=date, versions=ran_on) + "\n".join(rows) + "\n"


def main() -> int:
    """Run the tests, write the report; the exit code of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "figures"
        lines.touch()
        environment = {**os.environ, "FAULTS": "full", "FAULTS_FIGURES": str(lines)}
        tests = [sys.executable, "-m", "pytest", "-v", "tests/faults", *sys.argv[1:]]
        code = subprocess.run(tests, check=False, cwd=ROOT, env=environment).returncode
        figures = read_figures(lines.read_text(encoding="utf-8").splitlines())
    if not sys.argv[1:]:  # a report is of all of them
        today = dt.datetime.now(dt.UTC).date().isoformat()
        REPORT.write_text(report(figures, today, versions()), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

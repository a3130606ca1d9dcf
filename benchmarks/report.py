"""The report: everything measured as JSON, and the medians as a Markdown table."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.growth import table
from benchmarks.machine import machine
from benchmarks.measuring import RESULTS, Medians, Rounds

#: What each figure is compared with.
_FLOOR = {"dispatch": "floor: claim, run, complete by hand", "assign": "floor: ZADD + HSET a task, pipelined"}


def write(rounds: Rounds, medians: Medians) -> Path:
    """Write `results.json` and `results.md`; returns their folder."""
    folder = RESULTS
    where = machine()
    (folder / "results.json").write_text(
        json.dumps({"machine": where, "medians": medians, "rounds": rounds}, indent=1) + "\n"
    )
    count = max(map(len, rounds.values()))
    lines = [
        "# Results",
        "",
        "![The medians as a picture](results.svg)",
        "",
        f"Medians of {count} interleaved rounds. "
        + ", ".join(f"{name} {value}" for name, value in where.items())
        + ".",
        "",
        "| work | figures | × the floor |",
        "|---|---|---|",
    ]
    for title, figures in medians.items():
        shown = "<br>".join(f"{name.replace('_', ' ')}: {show(value)}" for name, value in figures.items())
        lines.append(f"| {title} | {shown} | {_ratio(title, figures, medians)} |")
    lines += ["", "## Growth", "", "µs of a dispatch: elapsed, and of these Redis works.", "", *table(medians)]
    (folder / "results.md").write_text("\n".join(lines) + "\n")
    return folder


def show(value: float) -> str:
    """A figure in as many digits as it is worth."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _ratio(title: str, figures: dict[str, float], medians: Medians) -> str:
    for start, floor in _FLOOR.items():
        if title.startswith(start) and floor in medians and "per_second" in figures:
            return f"{figures['per_second'] / medians[floor]['per_second']:.2f}"
    return ""

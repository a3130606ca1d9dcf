"""The table of what the pages of the dashboard cost, from what `make dashboard-check` measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_MEASURED: Final = Path(__file__).parents[2] / "benchmarks" / "results" / "dashboard.json"
#: The pages by their names in a URL, as their titles call them.
_TITLES: Final[Mapping[str, str]] = {
    "overview": "Overview",
    "tasks": "Tasks",
    "task": "One task",
    "edit": "Edit a task",
    "new": "New task",
    "bulk": "The page before a change of all tasks with a prefix",
    "failing": "Failing",
    "dead": "Dead",
    "schedulers": "Schedulers",
    "ahead": "Load ahead",
    "health": "Health",
    "actions": "Actions",
    "sure": "The question before what cannot be undone",
    "search": "A search among all tasks, one step",
}


def dashboard() -> str:
    """Return the table, a row for each page, and below it what open tabs cost Redis."""
    measured = json.loads(_MEASURED.read_text(encoding="utf-8"))
    rows = [
        "| page | at the server, ms | in the browser, ms | longest command of Redis, ms |",
        "|---|---|---|---|",
        *(_row(name, page) for name, page in measured["pages"].items()),
    ]
    machine, requests = measured["machine"], measured["tabs"]["requests"]
    most = max(requests, key=int)
    about = (
        f"With {measured['tasks']:,} tasks, beside a worker that dispatches, on one machine with {machine['cores']}"
        f" cores: redis-server {machine['redis-server']}, Python {machine['python']}."
    )
    tabs = (
        f"One open tab of the overview sent Redis {requests['1']} requests, {most} tabs sent {requests[most]}, and none"
        f" {requests['0']}, in the same time."
    )
    return "\n\n".join([about, "\n".join(rows), tabs])


def _row(name: str, page: Mapping[str, Any]) -> str:
    spreads = (f"{page[what]['p50_ms']:g}, {page[what]['p95_ms']:g}" for what in ("server", "load"))
    longest = f"{page['slowest_command_ms']:.1f}" if page["slowest_command_ms"] else "below 1"
    return f"| {_TITLES[name]} | {' | '.join(spreads)} | {longest} |"

"""The report on the peers in Markdown: rates with our ratio to each, lag, cost, versions and settings, failures."""

from __future__ import annotations

from typing import Any

_RATES = {
    "assign": "assign/s",
    "update": "update/s",
    "remove": "remove/s",
    "bytes_per_task": "bytes a task",
    "dispatch": "dispatch/s, one process",
    "dispatch_two": "dispatch/s, two processes",
    "duplicates": "duplicates, one process",
    "duplicates_two": "duplicates, two processes",
}
_CARE = {
    "lag_p50_ms": "lag p50, ms",
    "lag_p99_ms": "lag p99, ms",
    "lag_min_ms": "earliest, ms",
    "drift_ms": "drift a period, ms",
    "share_run": "share of the runs",
    "worker_cpu_per_1000": "worker CPU s",
    "redis_cpu_per_1000": "Redis CPU s",
    "reads_per_dispatch": "socket reads a dispatch",
}
_LAG = (
    "Lag: {per_second:,} tasks of 1 s interval, evenly spread, for {lag_seconds:.0f} s; run k of a task is due k "
    "seconds after the first run asked for (taskiq and redbeat let nobody choose it: all at once). "
    "CPU: seconds per 1,000 dispatches."
)
_RATIO = {"assign", "update", "remove", "bytes_per_task", "dispatch", "dispatch_two"}


def markdown(result: dict[str, Any], *, ours: str, floor: str) -> str:
    """The whole report."""
    medians: dict[str, dict[str, float]] = result["medians"]
    work = result["work"]
    mine = medians.get(ours, {})
    order = [ours, *(name for name in medians if name.startswith(f"{ours},")), floor]
    order = [name for name in order if name in medians] + [name for name in medians if name not in order]
    failed = {name for failure in result["failures"] for name in order if failure.startswith(f"{name}, ")}
    lines = [
        "# Peers on the same work",
        "",
        f"Medians of {work['rounds']} interleaved rounds, {work['count']:,} recurring tasks of 40-byte payload, each "
        "measurement on a fresh Redis. In brackets: our figure divided by the peer's. "
        + ", ".join(f"{name} {value}" for name, value in result["machine"].items())
        + ".",
        "",
        *_table(_RATES, order, medians, mine, failed),
        "",
        _LAG.format(**work),
        "",
        *_table(
            _CARE,
            [n for n in order if "lag_p50_ms" in medians[n] or "reads_per_dispatch" in medians[n]],
            medians,
            mine,
            failed,
        ),
        "",
        "| peer | versions | settings |",
        "|---|---|---|",
        *(
            f"| {name} | {', '.join(f'{key} {value}' for key, value in about['versions'].items())} "
            f"| {about['settings']} |"
            for name, about in result["about"].items()
        ),
        "",
        "## Failures",
        "",
        *([f"- {failure}" for failure in result["failures"]] or ["None."]),
    ]
    return "\n".join(lines) + "\n"


def _table(
    columns: dict[str, str], names: list[str], medians: dict[str, Any], mine: dict[str, float], failed: set[str]
) -> list[str]:
    def cell(name: str, key: str) -> str:
        value = medians[name].get(key)
        if value is None:
            return "failed" if name in failed else "–"
        shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        if key in _RATIO and medians[name] is not mine and value and mine.get(key):
            ratio = mine[key] / value
            shown += f" (×{ratio:,.0f})" if ratio >= 10 else f" (×{ratio:.2g})"
        return shown

    return [
        "| | " + " | ".join(columns.values()) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(f"| {name} | " + " | ".join(cell(name, key) for key in columns) + " |" for name in names),
    ]

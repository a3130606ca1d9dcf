"""The table of what loads ask for, from the simulation and from what a dispatch was measured to cost."""

from __future__ import annotations

from typing import Final

from benchmarks.capacity import MEASURED, TASK_BYTES, plan

#: What the executor of the table takes, in µs of processor time.
_WORK: Final = 100
_TASKS: Final = {"1 million": 1e6, "10 million": 1e7, "100 million": 1e8, "1 billion": 1e9}
_INTERVALS: Final = {"1 minute": 60, "15 minutes": 900, "1 day": 86_400}


def plans() -> str:
    """Return the table: a row for each number of tasks and each interval."""
    rows = [
        "| tasks | interval | dispatches a second | partitions | memory of each | processes |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for tasks, count in _TASKS.items():
        for interval, seconds in _INTERVALS.items():
            found = plan(MEASURED, count, seconds, bytes_each=TASK_BYTES, work=_WORK)
            memory = f"{found.memory_each / 1e9:.1f} GB"
            cells = [tasks, interval, f"{found.rate:,.0f}", f"{found.partitions:,}", memory, f"{found.processes:,}"]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)

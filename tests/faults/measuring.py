"""What the fault tests measure with: percentiles, and what stands in a ledger."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from interval_scheduler import Scheduler, TaskRun
from tests.integration.processes import Entry


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which a share of them lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0


def starts_of(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """By id, the starts of its runs, in order."""
    starts: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.token):
        if entry.event == "start":
            starts[entry.id].append(entry)
    return starts


def ended(entries: Sequence[Entry]) -> set[str]:
    """The ids of which a run came to its end."""
    return {entry.id for entry in entries if entry.event == "end"}


def doubled(runs: Iterable[TaskRun]) -> int:
    """How many runs there were beyond one for each due time of each task."""
    seen = [(run.id, run.due) for run in runs]
    return len(seen) - len(set(seen))


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0

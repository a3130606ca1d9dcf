"""What the fault tests measure with: percentiles, and what stands in a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence

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


class Heartbeat:
    """How long the event loop stood still at the longest, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - began - 0.01)


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[Heartbeat]:
    """Watches the event loop during a block."""
    beat = Heartbeat()
    task = asyncio.create_task(beat.run())
    try:
        yield beat
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

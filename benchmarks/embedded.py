"""What the embedded engine costs: processor time of a call, of a lone run and of a simulated day, on both of its ways.

`python -m benchmarks.embedded [ROUNDS [TASKS]]`. A round measures the short way of scripts and fakeredis's own, one
after the other, each in short spans. The best span of all counts: whatever else the machine does only adds to it.
In the end, a whole day of so many tasks that run every minute (default 1,000; 0: none) is simulated on the short way.
Only the processor time of this process counts, except that the whole day is told in elapsed time as well.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from unittest import mock

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.embedded import opening
from interval_scheduler.testing import TimeMachine, time_machine

_DATA: Final = "x" * 40
_MINUTE: Final = 60
#: The names of the ways, and whether it is the short one.
WAYS: Final = {"short": True, "fakeredis's own": False}
#: The spans of a round, and the calls in each.
_SPANS, _CALLS = 10, 50


@contextmanager
def _way(is_short: bool) -> Iterator[None]:  # noqa: FBT001 - the value of a table
    with mock.patch.object(opening, "HAS_SHORT_WAY", is_short):
        yield


async def _spans(do: Callable[[int], Awaitable[object]], count: int) -> float:
    """The least processor time that one of so many things takes, over all spans, in seconds."""
    least = float("inf")
    for span in range(_SPANS):
        began = time.process_time()
        await do(span)
        least = min(least, (time.process_time() - began) / count)
    return least


async def _calls() -> dict[str, float]:
    async with Scheduler.from_url("memory://") as scheduler:

        async def assign(span: int) -> None:
            for n in range(_CALLS):
                await scheduler.assign_task(IntervalTask(f"{span}:{n}", _DATA, every=_MINUTE))

        async def look(span: int) -> None:
            for n in range(_CALLS):
                await scheduler.get_task(f"{span}:{n}")

        await assign(_SPANS)  # what is loaded and compiled at the first use is no cost of a call
        return {"assign_task": await _spans(assign, _CALLS), "get_task": await _spans(look, _CALLS)}


@asynccontextmanager
async def _running(tasks: int) -> AsyncIterator[tuple[TimeMachine, list[int]]]:
    """A time machine in which tasks run every minute, and the count of their runs."""
    runs = [0]

    async def executor(_: str) -> None:
        runs[0] += 1

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(executor)
        await scheduler.assign_tasks([IntervalTask(f"{n}", _DATA, every=_MINUTE) for n in range(tasks)])
        yield clock, runs


async def _runs(tasks: int, minutes: int) -> float:
    """The least processor time of a run, in seconds."""
    async with _running(tasks) as (clock, _):
        await clock.advance(minutes=minutes)
        return await _spans(lambda _: clock.advance(minutes=minutes), tasks * minutes)


async def _figures() -> dict[str, float]:
    return await _calls() | {
        "a lone run": await _runs(1, 60),
        "a run of 100 at once": await _runs(100, 10),
        "a run of 1,000 at once": await _runs(1000, 2),
    }


async def _day(tasks: int) -> None:
    began, spent = time.perf_counter(), time.process_time()
    async with _running(tasks) as (clock, runs):
        await clock.advance(days=1)
        elapsed, spent = time.perf_counter() - began, time.process_time() - spent
        print(f"\na day of {tasks:,} tasks, {runs[0]:,} runs: {spent:.1f} s of processor time, {elapsed:.1f} s elapsed")


def main(rounds: int, tasks: int) -> None:
    logging.disable(logging.INFO)
    least: dict[str, dict[str, float]] = {}
    for number in range(rounds):
        for way, is_short in WAYS.items():
            with _way(is_short):
                for name, seconds in asyncio.run(_figures()).items():
                    row = least.setdefault(name, {})
                    row[way] = min(seconds, row.get(way, seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    print(f"| {rounds} rounds, processor time in ms | {' | '.join(WAYS)} | ratio |")
    print("|---|---:|---:|---:|")
    for name, row in least.items():
        short, own = row.values()
        print(f"| {name} | {1000 * short:.3f} | {1000 * own:.3f} | {own / short:.1f} |")
    if tasks:
        asyncio.run(_day(tasks))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, int(sys.argv[2]) if len(sys.argv) > 2 else 1000)

"""What the embedded engine costs: processor time of a call, of a lone run and of a simulated day, on both of its ways.

`python -m benchmarks.embedded [ROUNDS [TASKS]] [--write]`. A round measures the short way of scripts and fakeredis's
own, one after the other, each in short spans. The best span of all counts: whatever else the machine does only adds to
it.
In the end, a whole day of so many tasks that run every minute (default 1,000; 0: none) is simulated on the short way.
Only the processor time of this process counts, except that the whole day is told in elapsed time as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from unittest import mock

from benchmarks.machine import machine
from benchmarks.measuring import RESULTS, tell
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


async def _day(tasks: int) -> dict[str, float]:
    began, spent = time.perf_counter(), time.process_time()
    async with _running(tasks) as (clock, runs):
        await clock.advance(days=1)
        return {
            "tasks": tasks,
            "runs": runs[0],
            "seconds": time.process_time() - spent,
            "elapsed_seconds": time.perf_counter() - began,
        }


def page(least: Mapping[str, Mapping[str, float]], day: Mapping[str, float], rounds: int) -> str:
    """Return the page.

    Args:
        least: the least processor time of each thing, in seconds, by its name and the way.
        day: what a day took; empty: none was simulated.
        rounds: how many there were.
    """
    lines = [
        "# The embedded engine",
        "",
        ", ".join(f"{name} {value}" for name, value in machine().items()) + ".",
        "",
        f"| {rounds} rounds, processor time in ms | {' | '.join(WAYS)} | ratio |",
        "|---|---:|---:|---:|",
    ]
    for name, row in least.items():
        short, own = row.values()
        lines.append(f"| {name} | {1000 * short:.3f} | {1000 * own:.3f} | {own / short:.1f} |")
    if day:
        took = f"{day['seconds']:.1f} s of processor time, {day['elapsed_seconds']:.1f} s elapsed"
        lines += ["", f"A day of {day['tasks']:,} tasks that run every minute, {day['runs']:,} runs: {took}."]
    return "\n".join(lines) + "\n"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedded", description="The embedded engine.")
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="how often each is measured (default 5)")
    parser.add_argument("tasks", type=int, nargs="?", default=1000, help="tasks of the day (default 1,000; 0: no day)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/embedded.*")
    arguments = parser.parse_args(words)
    logging.disable(logging.INFO)
    least: dict[str, dict[str, float]] = {}
    for number in range(arguments.rounds):
        for way, is_short in WAYS.items():
            with _way(is_short):
                for name, seconds in asyncio.run(_figures()).items():
                    row = least.setdefault(name, {})
                    row[way] = min(seconds, row.get(way, seconds))
        tell(f"round {number + 1} of {arguments.rounds}")
    day = asyncio.run(_day(arguments.tasks)) if arguments.tasks else {}
    text = page(least, day, arguments.rounds)
    print(text)
    if arguments.write:
        (RESULTS / "embedded.md").write_text(text, encoding="utf-8")
        (RESULTS / "embedded.json").write_text(
            json.dumps({"machine": machine(), "least_seconds": least, "day": day}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()

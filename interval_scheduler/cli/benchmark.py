"""Measures what a server and this machine manage together, through the public calls, in a namespace of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from .. import IntervalTask, Scheduler, current_run

#: Whatever the options say: tasks of others are not for measuring.
NAMESPACE: Final = "interval-scheduler-bench"
#: The tasks that are due in turns, for the lag.
_PUNCTUAL: Final = 300
_LOOKS: Final = 2_000
_FAR: Final = 4_000_000_000
_DATA: Final = "x" * 40


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: its unit.
    """

    name: str
    value: float
    unit: str


async def measure(
    scheduler: Scheduler, tasks: int, seconds: float, say: Callable[[str], object]
) -> AsyncIterator[Figure]:
    """Measure, and yield each figure when it is known.

    Args:
        scheduler: a connected scheduler of an empty namespace.
        tasks: the number of tasks to assign, to run, and to remove.
        seconds: the seconds for which the lag is looked at.
        say: is called with the name of each measurement before it begins.

    Raises:
        SchedulerError: the server cannot be used.
    """
    say("assigning")
    began = time.perf_counter()
    await scheduler.assign_tasks(IntervalTask(f"t{n}", _DATA, every=900, start=_FAR) for n in range(tasks))
    yield Figure("assigned", tasks / (time.perf_counter() - began), "tasks/s")
    say("looking up")
    began = time.perf_counter()
    await asyncio.gather(*[scheduler.get_task(f"t{n % tasks}") for n in range(_LOOKS)])
    yield Figure("looked up", _LOOKS / (time.perf_counter() - began), "tasks/s")
    began = time.perf_counter()
    for _ in range(100):
        await scheduler.has_task("t0")
    yield Figure("round trip", 10 * (time.perf_counter() - began), "ms")
    say("removing")
    began = time.perf_counter()
    await scheduler.remove_tasks(f"t{n}" for n in range(tasks))
    yield Figure("removed", tasks / (time.perf_counter() - began), "tasks/s")
    say("running")
    await scheduler.assign_tasks(IntervalTask(f"t{n}", _DATA) for n in range(tasks))
    left, all_ran = tasks, asyncio.Event()

    async def nothing(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            all_ran.set()

    began = time.perf_counter()
    await scheduler.start_task_execute(nothing, concurrency=500)
    await all_ran.wait()
    yield Figure("run", tasks / (time.perf_counter() - began), "runs/s")
    await scheduler.stop_task_execute()
    say("waiting for due times")
    lags = await _lags(scheduler, seconds)
    for share, name in ((0.5, "lag p50"), (0.99, "lag p99"), (1.0, "lag max")):
        yield Figure(name, 1000 * lags[min(int(share * len(lags)), len(lags) - 1)], "ms")


async def _lags(scheduler: Scheduler, seconds: float) -> list[float]:
    """Run tasks that are due one after the other; return how late they began, in seconds, in their order."""
    lags: list[float] = []
    all_ran = asyncio.Event()

    async def punctual(_: str) -> None:
        lags.append(current_run().lag)
        if len(lags) == _PUNCTUAL:
            all_ran.set()

    await scheduler.start_task_execute(punctual)
    first = time.time() + 0.5
    await scheduler.assign_tasks(IntervalTask(f"t{n}", start=first + seconds * n / _PUNCTUAL) for n in range(_PUNCTUAL))
    await all_ran.wait()
    await scheduler.stop_task_execute()
    return sorted(lags)

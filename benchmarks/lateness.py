"""How late runs start: evenly spread, all at one instant, and after an assignment by another process."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from typing import Any

from benchmarks.bench import DATA, NAMESPACE, ROOT, Bench, Worker, assign_all, fill
from interval_scheduler import IntervalTask

Figures = dict[str, float]


def lag(per_second: int, seconds: float = 10, **options: Any) -> Figures:
    """Tasks of 1 s interval, evenly spread: how late their runs start."""
    with Bench() as bench:
        start = time.time() + 1
        tasks = (IntervalTask(f"user:{n:06}", DATA, every=1, start=start + n / per_second) for n in range(per_second))
        asyncio.run(assign_all(bench, tasks))
        worker = Worker(bench, keep_lags=True, **options)
        worker.go()
        time.sleep(seconds + 1)  # the runs that are measured, and those of the last second
        report = worker.stop()
        return {
            "p50_ms": 1000 * report["lag_p"]["50"],
            "p99_ms": 1000 * report["lag_p"]["99"],
            "p99.9_ms": 1000 * report["lag_p"]["99.9"],
            "max_ms": 1000 * report["lag_max"],
            "min_ms": 1000 * min(report["lags"]),
            "runs": report["runs"],
        }


def herd(count: int) -> Figures:
    """So many tasks due at one instant: how fast they are drained, how long the longest script takes."""
    with Bench() as bench:
        start = float(math.ceil(time.time() + count / 20_000 + 2))
        asyncio.run(fill(bench, count, every=86_400, start=start))
        worker = Worker(bench, keep_lags=True)
        worker.go()
        bench.reset_slow_log()
        time.sleep(max(0, start - time.time()))  # until the moment at which all of them are due
        began = time.perf_counter()
        time.sleep(0.01)  # past the instant: just before it nothing is due, which looks the same as all done
        seconds = bench.wait_idle() - began
        report = worker.stop()
        return {
            "per_second": count / seconds,
            "slowest_script_ms": bench.slowest_script_us() / 1000,
            "lag_p99_ms": 1000 * report["lag_p"]["99"],
        }


_ASSIGNER = """
import asyncio, sys, time
from interval_scheduler import IntervalTask, Scheduler
async def main(url, namespace, rounds):
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        for n in range(int(rounds)):
            await scheduler.assign_task(IntervalTask(f"t{n}", start=time.time() + 0.2))
            await asyncio.sleep(0.3)  # until the run is over: each is measured by itself
asyncio.run(main(*sys.argv[1:]))
"""


def wake(rounds: int = 20) -> Figures:
    """A sleeping worker, and tasks assigned by another process for 200 ms ahead: how late they start."""
    with Bench() as bench:
        worker = Worker(bench, keep_lags=True)
        worker.go()
        time.sleep(0.5)  # the worker sleeps before it is hinted: how it wakes is measured
        subprocess.run([sys.executable, "-c", _ASSIGNER, bench.urls[0], NAMESPACE, str(rounds)], cwd=ROOT, check=True)
        report = worker.stop()
        assert report["runs"] == rounds, json.dumps(report)
        return {"p50_ms": 1000 * report["lag_p"]["50"], "max_ms": 1000 * report["lag_max"]}

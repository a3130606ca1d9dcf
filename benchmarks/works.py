"""The measurements of the library: each a function that returns its figures by name."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from typing import Any

from benchmarks.bench import DATA, LATER, NAMESPACE, ROOT, Bench, Worker, fill
from interval_scheduler import IntervalTask

Figures = dict[str, float]


def assign(callers: int, count: int) -> Figures:
    """`assign_task` from so many concurrent callers."""

    async def work(bench: Bench) -> float:
        async with bench.scheduler() as scheduler:

            async def caller(number: int) -> None:
                for n in range(number, count, callers):
                    await scheduler.assign_task(IntervalTask(f"user:{n:06}", DATA, every=3600, start=LATER))

            began = time.perf_counter()
            await asyncio.gather(*(caller(number) for number in range(callers)))
            return count / (time.perf_counter() - began)

    with Bench() as bench:
        return {"per_second": asyncio.run(work(bench))}


def assign_bulk(count: int) -> Figures:
    """`assign_tasks`."""

    async def work(bench: Bench) -> float:
        async with bench.scheduler() as scheduler:
            began = time.perf_counter()
            await scheduler.assign_tasks(
                IntervalTask(f"user:{n:06}", DATA, every=3600, start=LATER) for n in range(count)
            )
            return count / (time.perf_counter() - began)

    with Bench() as bench:
        return {"per_second": asyncio.run(work(bench))}


def dispatch(count: int, *, processes: int = 1, partitions: int = 1, waiting: int = 0, **options: Any) -> Figures:
    """Recurring tasks that are all due, each run once; from the start until the last is completed."""
    with Bench(partitions) as bench:
        if waiting:
            asyncio.run(_fill_waiting(bench, waiting))
        asyncio.run(fill(bench, count, every=86_400))
        bench.reset_slow_log()
        workers = [Worker(bench, **options) for _ in range(processes)]
        before = bench.cost()
        began = time.perf_counter()
        for worker in workers:
            worker.go()
        seconds = bench.wait_idle() - began
        spent = bench.cost() - before
        reports = [worker.stop() for worker in workers]
        runs = sum(report["runs"] for report in reports)
        return {
            "per_second": count / seconds,
            "runs": runs,
            "duplicates": runs - count,
            "worker_cpu_per_1000": 1000 * sum(report["cpu"] for report in reports) / count,
            "redis_cpu_per_1000": 1000 * spent.cpu / count,
            "reads_per_dispatch": spent.reads / count,
            "slowest_script_ms": bench.slowest_script_us() / 1000,
        }


async def _fill_waiting(bench: Bench, count: int) -> None:
    async with bench.scheduler() as scheduler:
        await scheduler.assign_tasks(
            IntervalTask(f"wait:{n:08}", DATA, every=3600, start=LATER + n / 100) for n in range(count)
        )


def lag(per_second: int, seconds: float = 10, **options: Any) -> Figures:
    """Tasks of 1 s interval, evenly spread: how late their runs start."""

    async def prepare(bench: Bench) -> None:
        async with bench.scheduler() as scheduler:
            start = time.time() + 1
            await scheduler.assign_tasks(
                IntervalTask(f"user:{n:06}", DATA, every=1, start=start + n / per_second) for n in range(per_second)
            )

    with Bench() as bench:
        asyncio.run(prepare(bench))
        worker = Worker(bench, keep_lags=True, **options)
        worker.go()
        time.sleep(seconds + 1)
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

    async def prepare(bench: Bench, start: float) -> None:
        async with bench.scheduler() as scheduler:
            await scheduler.assign_tasks(
                IntervalTask(f"user:{n:06}", DATA, every=86_400, start=start) for n in range(count)
            )

    with Bench() as bench:
        start = float(math.ceil(time.time() + count / 20_000 + 2))
        asyncio.run(prepare(bench, start))
        worker = Worker(bench, keep_lags=True)
        worker.go()
        bench.reset_slow_log()
        time.sleep(max(0, start - time.time()))
        began = time.perf_counter()
        time.sleep(0.01)  # past the instant: just before it nothing is due, which looks the same as all done
        seconds = bench.wait_idle() - began
        report = worker.stop()
        return {
            "per_second": count / seconds,
            "slowest_script_ms": bench.slowest_script_us() / 1000,
            "lag_p99_ms": 1000 * report["lag_p"]["99"],
        }


def memory(count: int) -> Figures:
    """Bytes of Redis a waiting task takes."""
    with Bench() as bench:
        before = bench.info()["used_memory"]
        asyncio.run(fill(bench, count, every=900, start=LATER))
        with bench.server.client() as client:
            client.delete(*client.keys(f"{{{NAMESPACE}:*}}:reply:*") or [b"none"])
        return {"bytes_per_task": (bench.info()["used_memory"] - before) / count}


def idle(seconds: float = 20, waiting: int = 1000) -> Figures:
    """What one executing scheduler costs while nothing is due."""
    with Bench() as bench:
        asyncio.run(fill(bench, waiting, every=3600, start=LATER))
        worker = Worker(bench)
        worker.go()
        time.sleep(1)
        before = bench.cost()
        time.sleep(seconds)
        spent = bench.cost() - before
        report = worker.stop()
        # The two INFO commands of this measurement are not the scheduler's.
        return {
            "commands_per_second": (spent.commands - 1) / seconds,
            "worker_cpu_share": report["cpu"] / (seconds + 1),
        }


_ASSIGNER = """
import asyncio, sys, time
from interval_scheduler import IntervalTask, Scheduler
async def main(url, namespace, rounds):
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        for n in range(int(rounds)):
            await scheduler.assign_task(IntervalTask(f"t{n}", start=time.time() + 0.2))
            await asyncio.sleep(0.3)
asyncio.run(main(*sys.argv[1:]))
"""


def wake(rounds: int = 20) -> Figures:
    """A sleeping worker, and tasks assigned by another process for 200 ms ahead: how late they start."""
    with Bench() as bench:
        worker = Worker(bench, keep_lags=True)
        worker.go()
        time.sleep(0.5)
        subprocess.run([sys.executable, "-c", _ASSIGNER, bench.urls[0], NAMESPACE, str(rounds)], cwd=ROOT, check=True)
        report = worker.stop()
        assert report["runs"] == rounds, json.dumps(report)
        return {"p50_ms": 1000 * report["lag_p"]["50"], "max_ms": 1000 * report["lag_max"]}

"""How much gets done: tasks assigned and dispatched per second, and what a dispatch costs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks import resizing
from benchmarks.bench import DATA, LATER, Bench, Worker, assign_all, fill
from benchmarks.spread import DAY, moments
from interval_scheduler import IntervalTask

Figures = dict[str, float]
#: The commands of a dispatch whose time at the server is told one by one.
_COMMANDS = ("zrange", "zremrangebyrank", "zadd", "zrem", "hmget", "rpush", "lrange")


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


def dispatch(count: int, *, processes: int = 1, partitions: int = 1, apart: bool = False, **options: Any) -> Figures:
    """Recurring tasks that are all due, each run once; from the start until the last is completed."""
    with Bench(partitions, apart=apart) as bench:
        asyncio.run(fill(bench, count, every=DAY))
        return drain(bench, count, processes, **options)


def growth(count: int, waiting: int, *, at_random: bool = False, mixed: bool = False) -> Figures:
    """The same with so many tasks waiting beside, spread over a day, while no hash table is being resized.

    All have the interval of a day, so that those that ran queue behind all others; or, `mixed`, intervals of all
    lengths, so that they go back anywhere among them. `at_random`, those that are due one after the other were assigned
    anywhere among all, as it is with an application: both are the worst for the caches of the processor.
    """
    with Bench(**resizing.settings()) as bench:
        starts = moments(count, waiting, time.time(), at_random=at_random)
        asyncio.run(
            assign_all(
                bench,
                (
                    IntervalTask(f"user:{n:07}", DATA, every=_interval(n, mixed=mixed), start=start)
                    for n, start in enumerate(starts)
                ),
            )
        )
        bench.settle("tasks", "due")
        return drain(bench, count)


def _interval(n: int, *, mixed: bool) -> int:
    return 600 + n * 7_919 % DAY if mixed else DAY


def drain(bench: Bench, count: int, processes: int = 1, **options: Any) -> Figures:
    """Have workers do all that is due, and tell what that came to."""
    bench.reset_slow_log()
    workers = [Worker(bench, **options) for _ in range(processes)]
    before, commands = bench.cost(), bench.command_us()
    began = time.perf_counter()
    for worker in workers:
        worker.go()
    seconds = bench.wait_idle() - began
    spent = bench.cost() - before
    took = {name: us - commands.get(name, 0) for name, us in bench.command_us().items()}
    reports = [worker.stop() for worker in workers]
    runs = sum(report["runs"] for report in reports)
    return {
        "per_second": count / seconds,
        "runs": runs,
        "duplicates": runs - count,
        "worker_cpu_per_1000": 1000 * sum(report["cpu"] for report in reports) / count,
        "redis_cpu_per_1000": 1000 * spent.cpu / count,
        "process_mb": max(report["process_mb"] for report in reports),
        "reads_per_dispatch": spent.reads / count,
        "slowest_script_ms": bench.slowest_script_us() / 1000,
        "scripts_us": took["evalsha"] / count,
        **{f"{name}_us": took[name] / count for name in _COMMANDS if name in took},
    }

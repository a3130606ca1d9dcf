"""What the calls that look cost at many tasks, while a worker dispatches all it can, and their slowest command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch

from benchmarks.bench import DATA, Bench, Worker, assign_all
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.commands import backup

Figures = dict[str, float]
#: The tasks that a worker never gets done with: each is due every second.
_BUSY = 30_000
_DAY = 86_400
#: The tasks that fail for good, of each kind.
_FAILED = 5_000


def calls(count: int, rounds: int = 200, *, busy: bool = True) -> Figures:
    """Milliseconds of each call: half of them, and 95 of a hundred, take no longer; and of the slowest command.

    Without `busy`, nothing else is done, so that both are of these calls alone; so is the processor time of the server.
    """
    with Bench() as bench:
        return asyncio.run(_measure(bench, count, rounds, busy=busy))


async def _measure(bench: Bench, count: int, rounds: int, *, busy: bool) -> Figures:
    soon = time.time() + 3_600
    await assign_all(
        bench,
        (IntervalTask(_id(n), DATA, every=_DAY, start=soon + _DAY * n / count) for n in range(count)),
    )
    async with bench.scheduler() as scheduler:
        await _fail_some(scheduler)
    worker = None
    if busy:
        await assign_all(bench, (IntervalTask(f"busy:{n:05}", DATA, every=1) for n in range(_BUSY)))
        worker = Worker(bench)
        worker.go()
        await asyncio.sleep(3)  # it has its pace by then
    async with bench.scheduler() as scheduler:
        figures = await _time_calls(bench, scheduler, soon, count, rounds, busy=busy)
    if worker is not None:
        report = worker.stop()
        figures["runs_per_second"] = report["runs"] / report["seconds"]
    return figures


def _id(n: int) -> str:
    """Every hundred tasks share a hash tag, one in ten hundreds; the others have none."""
    return f"{{tenant-{n // 100}}}:{n}" if n // 100 % 10 == 0 else f"wait:{n:08}"


async def _fail_some(scheduler: Scheduler) -> None:
    async def fail(_: str) -> None:
        raise ValueError("no luck")

    await scheduler.assign_tasks(IntervalTask(f"dead:{n:05}", DATA) for n in range(_FAILED))
    await scheduler.assign_tasks(IntervalTask(f"failing:{n:05}", DATA, every=_DAY) for n in range(_FAILED))
    await scheduler.start_task_execute(fail)
    while (  # noqa: ASYNC110 - Redis tells nobody when the last one failed
        await scheduler.overview()
    ).dead < _FAILED or (await scheduler.overview()).failing < _FAILED:
        await asyncio.sleep(0.1)  # Redis tells nobody when the last one failed


async def _time_calls(
    bench: Bench, scheduler: Scheduler, soon: float, count: int, rounds: int, *, busy: bool
) -> Figures:
    middle = soon + _DAY / 2
    every: dict[str, Callable[[], Awaitable[Any]]] = {
        "overview": scheduler.overview,
        "page": scheduler.page,
        "page_from_the_middle": lambda: scheduler.page(due_from=middle),
        "page_of_1000": lambda: scheduler.page(due_from=middle, limit=1000),
        "page_of_leased": lambda: scheduler.page("leased"),
        "dead_page": scheduler.dead_page,
        "failing_page": scheduler.failing_page,
        "search_of_an_id": lambda: scheduler.search(_id(count - 150), budget=1),
        "search_with_a_tag": lambda: scheduler.search("{tenant-0}"),
        "search_without": lambda: scheduler.search("nobody"),
    }
    figures: Figures = {}
    for name, call in every.items():
        bench.reset_slow_log()
        before, took = bench.cost(), []
        for _ in range(rounds):
            began = time.perf_counter()
            await call()
            took.append(time.perf_counter() - began)
        spent = bench.cost() - before
        took.sort()
        figures[f"{name}_p50_ms"] = 1000 * took[len(took) // 2]
        figures[f"{name}_p95_ms"] = 1000 * took[int(0.95 * len(took))]
        figures[f"{name}_slowest_command_ms"] = bench.slowest_script_us() / 1000
        if not busy:
            figures[f"{name}_server_cpu_ms"] = 1000 * spent.cpu / rounds
    return figures | await _time_export(bench, scheduler)


async def _time_export(bench: Bench, scheduler: Scheduler) -> Figures:
    """Of the steps of an export of all, each of which asks the server once."""
    ask, took = backup.export, []

    async def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return await ask(*arguments)
        finally:
            took.append(time.perf_counter() - began)

    bench.reset_slow_log()
    with patch.object(backup, "export", timed):
        began = time.perf_counter()
        lines = len([line async for line in scheduler.export()])
        seconds = time.perf_counter() - began
    took.sort()
    return {
        "export_step_p50_ms": 1000 * took[len(took) // 2],
        "export_step_p95_ms": 1000 * took[int(0.95 * len(took))],
        "export_step_slowest_command_ms": bench.slowest_script_us() / 1000,
        "export_per_second": lines / seconds,
    }

"""What calls on twenty tasks of one tenant cost among many others, found by their hash tag or by a walk."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from benchmarks.bench import DATA, LATER, NAMESPACE, Bench, assign_all
from interval_scheduler import IntervalTask, Scheduler

Figures = dict[str, float]
#: The number of tasks of each tenant.
TASKS = 20
_TENANT = 7


def _task(n: int, form: str = "{tenant-%d}:feed:%d") -> IntervalTask:
    return IntervalTask(form % (n // TASKS, n % TASKS), DATA, every=3600, start=LATER)


def calls(count: int, rounds: int, *, tag: bool = True) -> Figures:
    """Milliseconds of each call. Without `tag`, the prefix has half of it, and begins the same 20 ids all the same."""
    # Ids of one length, so that no other begins so.
    form = "{tenant-%06d}:feed:%d"
    prefix = f"{{tenant-{_TENANT:06}" + ("}" if tag else "")
    mine = [_task(n, form) for n in range(_TENANT * TASKS, (_TENANT + 1) * TASKS)]

    async def work(scheduler: Scheduler) -> Figures:
        async def listed() -> int:
            return len([task async for task in scheduler.tasks(prefix=prefix)])

        async def synced() -> int:
            return (await scheduler.sync_tasks(mine, scope=prefix)).unchanged

        async def cleared() -> int:
            removed = await scheduler.clear_tasks(prefix=prefix)
            began.append(time.perf_counter())
            await scheduler.assign_tasks(mine)
            return removed

        every: dict[str, Callable[[], Awaitable[int]]] = {
            "sync_ms": synced,
            "list_ms": listed,
            "count_ms": lambda: scheduler.count_tasks(prefix=prefix),
            "pause_ms": lambda: scheduler.pause_tasks(prefix=prefix),
            "resume_ms": lambda: scheduler.resume_tasks(prefix=prefix),
            "clear_ms": cleared,
        }
        figures = {}
        for name, call in every.items():
            took = []
            for _ in range(rounds):
                began = [time.perf_counter()]
                assert await call() == TASKS
                took.append((began[1] if len(began) > 1 else time.perf_counter()) - began[0])
            figures[name] = 1000 * statistics.median(took)
        return figures

    async def filled(bench: Bench) -> Figures:
        await assign_all(bench, (_task(n, form) for n in range(count)))
        async with bench.scheduler() as scheduler:
            return await work(scheduler)

    with Bench() as bench:
        return asyncio.run(filled(bench))


def memory(count: int, *, tag: bool) -> Figures:
    """Bytes of Redis a waiting task takes, of tenants with twenty each."""
    form = "{tenant-%d}:feed:%d" if tag else "<tenant-%d>:feed:%d"
    with Bench() as bench:
        before = bench.info()["used_memory"]
        asyncio.run(assign_all(bench, (_task(n, form) for n in range(count))))
        with bench.server.client() as client:
            client.delete(*client.keys(f"{{{NAMESPACE}:*}}:reply:*") or [b"none"])
        return {"bytes_per_task": (bench.info()["used_memory"] - before) / count}

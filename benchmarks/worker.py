"""A worker process under measurement: runs tasks from "go" to "stop", then reports what it did as JSON.

Arguments: URLs (by commas), namespace, options as JSON: those of a scheduler, and of the measurement itself
`"schedulers"` (how many of them share the process, default 1), `"keep_lags"`, `"uvloop"`, `"batch"` (the most runs of a
call of the executor; default: single runs) and `"round_trip"` (the seconds that each call waits).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from interval_scheduler import Scheduler, TaskRun, current_run


async def _line() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def main(
    urls: str,
    namespace: str,
    options: dict[str, Any],
    *,
    schedulers: int = 1,
    keep_lags: bool = False,
    batch: int | None = None,
    round_trip: float = 0,
) -> None:
    lags: list[float] = []
    runs = 0

    async def count(_: str) -> None:
        nonlocal runs
        runs += 1

    async def count_with_lag(_: str) -> None:
        lags.append(current_run().lag)

    async def ask(_: str) -> None:
        nonlocal runs
        await asyncio.sleep(round_trip)
        runs += 1

    async def ask_for_all(batch_of_runs: list[TaskRun]) -> None:
        nonlocal runs
        await asyncio.sleep(round_trip)
        runs += len(batch_of_runs)

    async with AsyncExitStack() as stack:
        made = [Scheduler.from_url(*urls.split(","), namespace=namespace, **options) for _ in range(schedulers)]
        for scheduler in made:
            await stack.enter_async_context(scheduler)
        print("ready", flush=True)
        assert await _line() == "go"
        began, cpu = time.perf_counter(), time.process_time()
        for scheduler in made:
            if batch is not None:
                await scheduler.start_task_execute(ask_for_all, batch=batch)
            else:
                await scheduler.start_task_execute(count_with_lag if keep_lags else ask if round_trip else count)
        assert await _line() == "stop"
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    lags.sort()
    report = {"runs": runs + len(lags), "seconds": seconds, "cpu": cpu, "lags": lags[:: max(1, len(lags) // 20_000)]}
    if lags:
        report["lag_max"] = lags[-1]
        report["lag_p"] = {p: lags[min(len(lags) - 1, int(len(lags) * float(p) / 100))] for p in ("50", "99", "99.9")}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    arguments = json.loads(sys.argv[3])
    run = asyncio.run
    if arguments.pop("uvloop", False):
        import uvloop

        run = uvloop.run
    ours = {
        name: arguments.pop(name) for name in ("schedulers", "keep_lags", "batch", "round_trip") if name in arguments
    }
    run(main(sys.argv[1], sys.argv[2], arguments, **ours))

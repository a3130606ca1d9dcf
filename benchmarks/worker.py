"""A worker process under measurement: runs tasks from "go" to "stop", then reports what it did as JSON.

"mark" between them has it count anew, so that only what comes after that is reported; it answers "marked".

Arguments: URLs (by commas), namespace, options as JSON: those of a scheduler, and of the measurement itself
`"schedulers"` (how many of them share the process, default 1), `"uvloop"`, `"batch"` (the most runs of a call of the
executor; default: single runs) and what `executors.py` has: `"keep_lags"`, `"round_trip"`, `"work"`.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.executors import Counted, executor, percentiles
from interval_scheduler import Scheduler

_OURS = ("schedulers", "keep_lags", "batch", "round_trip", "work")
_BEAT_SECONDS = 0.01


async def _line() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def _beat(late: list[float]) -> None:
    """Keep how late a timer of the application is, which shares the event loop with the runs."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_BEAT_SECONDS)  # a timer as the application has them
        late.append(time.perf_counter() - began - _BEAT_SECONDS)


async def main(
    urls: str,
    namespace: str,
    options: dict[str, Any],
    *,
    schedulers: int = 1,
    batch: int | None = None,
    **work: Any,
) -> None:
    counted = Counted()
    late: list[float] = []
    execute = executor(counted, batch=batch, **work)
    async with AsyncExitStack() as stack:
        made = [Scheduler.from_url(*urls.split(","), namespace=namespace, **options) for _ in range(schedulers)]
        for scheduler in made:
            await stack.enter_async_context(scheduler)
        print("ready", flush=True)
        assert await _line() == "go"
        began, cpu = time.perf_counter(), time.process_time()
        for scheduler in made:
            await scheduler.start_task_execute(execute, **({} if batch is None else {"batch": batch}))
        beat = None
        while await _line() == "mark":
            counted.reset()
            late.clear()
            beat = beat or asyncio.create_task(_beat(late))
            began, cpu = time.perf_counter(), time.process_time()
            print("marked", flush=True)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        if beat is not None:
            beat.cancel()
    report = {**counted.report(), "seconds": seconds, "cpu": cpu}
    report["process_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if late:
        report |= {"beat_late_p": percentiles(sorted(late)), "beat_late_max": max(late)}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    arguments = json.loads(sys.argv[3])
    run = asyncio.run
    if arguments.pop("uvloop", False):
        import uvloop

        run = uvloop.run
    ours = {name: arguments.pop(name) for name in _OURS if name in arguments}
    run(main(sys.argv[1], sys.argv[2], arguments, **ours))

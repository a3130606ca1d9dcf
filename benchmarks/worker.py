"""A worker process under measurement: runs tasks from "go" to "stop", then reports what it did as JSON.

Arguments: URLs (by commas), namespace, options as JSON. With uvloop installed, `"uvloop": true` uses it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

from interval_scheduler import Scheduler, current_run


async def _line() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def main(urls: str, namespace: str, options: dict[str, Any]) -> None:
    lags: list[float] = []
    runs = 0

    async def count(_: str) -> None:
        nonlocal runs
        runs += 1

    async def count_with_lag(_: str) -> None:
        lags.append(current_run().lag)

    keep_lags = options.pop("keep_lags", False)
    async with Scheduler.from_url(*urls.split(","), namespace=namespace, **options) as scheduler:
        print("ready", flush=True)
        assert await _line() == "go"
        began, cpu = time.perf_counter(), _cpu()
        await scheduler.start_task_execute(count_with_lag if keep_lags else count)
        assert await _line() == "stop"
        seconds, cpu = time.perf_counter() - began, _cpu() - cpu
    lags.sort()
    report = {"runs": runs + len(lags), "seconds": seconds, "cpu": cpu, "lags": lags[:: max(1, len(lags) // 20_000)]}
    if lags:
        report["lag_max"] = lags[-1]
        report["lag_p"] = {p: lags[min(len(lags) - 1, int(len(lags) * float(p) / 100))] for p in ("50", "99", "99.9")}
    print(json.dumps(report), flush=True)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    arguments = json.loads(sys.argv[3])
    if arguments.pop("uvloop", False):
        import uvloop

        uvloop.run(main(sys.argv[1], sys.argv[2], arguments))
    else:
        asyncio.run(main(sys.argv[1], sys.argv[2], arguments))

"""Runs of a worker with the hook of docs/examples/structlog_hook.py, which log lines of JSON to stdout.

`python with_structlog.py URL NAMESPACE FOLDER`, where FOLDER has the hook. Forty runs are in progress at once; half of
them fail. Lines are also logged before and after all runs. The log of the library goes the same way.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

import structlog

from interval_scheduler.worker import Worker

url, namespace, folder = sys.argv[1:4]
sys.path.insert(0, folder)
hook = importlib.import_module("structlog_hook")
hook.start()
log = structlog.get_logger()
worker = Worker(url, namespace=namespace, concurrency=50, logger=log)
worker.around(hook.bound)
all_here = asyncio.Barrier(40)


@worker.executor
async def work(name: str) -> None:
    log.info("begins", name=name)
    structlog.contextvars.bind_contextvars(of=name)  # nobody takes it back
    await all_here.wait()
    log.info("goes on", name=name)
    if name.startswith("bad"):
        raise ValueError(name)


async def main() -> None:
    structlog.contextvars.bind_contextvars(process="worker")
    log.info("before")
    async with worker.running() as scheduler:
        for _ in range(2):  # the second time, the asyncio tasks that carried these runs carry others
            ended, count = asyncio.Event(), [0]

            def note(*_: object, ended: asyncio.Event = ended, count: list[int] = count) -> None:
                count[0] += 1
                if count[0] == 40:
                    ended.set()

            unsubscribe = scheduler.on("run", note)
            for n in range(40):
                await work.assign(f"task-{n}", f"{'bad' if n % 2 else 'good'}-{n}")
            await asyncio.wait_for(ended.wait(), 60)
            unsubscribe()
    log.info("after")


asyncio.run(main())

"""A worker process for the tests: runs tasks, and appends to a ledger outside of Redis what it started and ended.

Arguments: URL (or several, by commas), namespace, ledger file, options as JSON, what the executor does:
"sleep:SECONDS", "block:SECONDS", "hold:FILE", which goes on once there is such a file, or "exit:SECONDS", which sleeps
unless the payload is "poison": that ends the process on the spot. With "misbehave:SECONDS" it misbehaves as the payload
says, a name of `tests/misbehaving.py`, and sleeps for others; the ledger says ten times a second if it is well or ill.
With "idle:" it executes nothing. The option "queues" lists the queues that it executes instead. With the option "batch"
it gets so many runs at once, of which it notes each; with "failing:SECONDS" those with the payload "bad" fail by
themselves, and are noted as failed. Runs that are skipped since they would start too late are noted as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from interval_scheduler import BatchFailed, Scheduler, TaskRun, current_run
from tests.misbehaving import KINDS


def note(ledger: IO[str], event: str, run: TaskRun | None = None) -> None:
    run = run or current_run()
    ledger.write(f"{event} {run.id} {run.attempt} {run.token} {time.time():.3f} {os.getpid()}\n")


async def say_how_it_is(ledger: IO[str], scheduler: Scheduler) -> None:
    while True:
        is_well = scheduler.executing_tasks and (await scheduler.check_health()).ok
        ledger.write(f"{'well' if is_well else 'ill'} - 0 0 {time.time():.3f} {os.getpid()}\n")
        await asyncio.sleep(0.1)  # as its users ask, now and then


def batches(ledger: IO[str], kind: str, rest: str) -> Callable[[list[TaskRun]], Awaitable[None]]:
    async def executor(runs: list[TaskRun]) -> None:
        for run in runs:
            note(ledger, "start", run)
        if kind == "exit" and any(run.data == "poison" for run in runs):
            os._exit(1)
        await asyncio.sleep(float(rest))  # the batch takes so long
        failed = {run: ValueError("bad") for run in runs if run.data == "bad"} if kind == "failing" else {}
        for run in runs:
            note(ledger, "failed" if run in failed else "end", run)
        if failed:
            raise BatchFailed(failed)

    return executor


async def begin(scheduler: Scheduler, executor: Any, many: Any, batch: int | None) -> None:
    if batch is None:
        await scheduler.start_task_execute(executor)
    else:
        await scheduler.start_task_execute(many, batch=batch)


async def main(url: str, namespace: str, path: str, options: str, work: str) -> None:
    kind, _, rest = work.partition(":")
    # Line buffered: each note is one write, which an append-only file keeps whole even if the process is killed.
    with open(path, "a", buffering=1) as ledger:  # noqa: ASYNC230, PTH123 - a ledger is written at once

        async def executor(data: str) -> None:
            note(ledger, "start")
            if kind == "exit" and data == "poison":
                os._exit(1)
            if kind == "misbehave" and (act := KINDS[data].coroutine if data in KINDS else None) is not None:
                await act()
            if kind == "block":
                time.sleep(float(rest))  # noqa: ASYNC251 - an executor that blocks the event loop, on purpose
            elif kind == "hold":
                while not Path(rest).exists():  # noqa: ASYNC110, ASYNC240 - a file has no event to wait for
                    await asyncio.sleep(0.01)  # a file has no event
            else:
                await asyncio.sleep(float(rest))  # the run takes so long
            note(ledger, "end")

        given = json.loads(options)
        batch = given.pop("batch", None)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        queues = given.pop("queues", ())
        async with Scheduler.from_url(*re.split(r",(?=[a-z+]+://)", url), namespace=namespace, **given) as scheduler:
            for executing in map(scheduler.queue, queues) if queues else (scheduler,):
                executing.on("run-skipped", lambda run: note(ledger, "skipped", run))
                if kind != "idle":
                    await begin(executing, executor, batches(ledger, kind, rest), batch)
            saying = asyncio.create_task(say_how_it_is(ledger, scheduler)) if kind == "misbehave" else None
            print("ready", flush=True)  # noqa: T201 - the test waits for it
            await stop.wait()
            if saying is not None:
                saying.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

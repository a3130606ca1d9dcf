"""A scheduler whose event loop is closed with everything in it: `python -m tests.semantics.left_behind URL NAMESPACE`.

It complains of much on stderr, since nothing in that event loop was ended; on stdout it says only that it works anew.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys

from interval_scheduler import IntervalTask, Scheduler, WrongEventLoop
from tests.waiting import Recorder


async def begin(scheduler: Scheduler) -> None:
    await scheduler.start_task_accept()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("old", every=1000))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)  # it is left amid a run


async def refuse(scheduler: Scheduler) -> None:
    for call in (scheduler.task_size(), scheduler.assign_task(IntervalTask("a")), scheduler.check_health()):
        try:
            async with asyncio.timeout(30):
                await call
        except WrongEventLoop:  # as it should
            continue
        sys.exit("it should have been refused")


async def work(scheduler: Scheduler) -> None:
    recorder = Recorder()
    async with asyncio.timeout(60), scheduler:
        await scheduler.start_task_execute(recorder)
        gc.collect()  # the clean-up of what was left behind runs now, and must not touch what is new
        await scheduler.assign_task(IntervalTask("new"))
        await recorder.ran(1)
        assert scheduler.online


def main(url: str, namespace: str) -> None:
    logging.basicConfig()
    gc.disable()  # or what is left behind would be cleaned up at some moment, perhaps too early to do harm
    scheduler = Scheduler.from_url(url, namespace=namespace)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin(scheduler))
    loop.close()
    del loop
    asyncio.run(refuse(scheduler))
    asyncio.run(work(scheduler))
    sys.stdout.write("it works anew\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

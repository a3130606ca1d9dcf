"""A program that ends event loops in every way but the right one, with a scheduler executing in each.

Arguments: URL, namespace. It prints the name of each way before it goes it, and how many seconds that took; whatever
else appears is a complaint of Python, of asyncio or of the library.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable

from interval_scheduler import IntervalTask, Scheduler

Way = Callable[[Scheduler], Awaitable[None]]


async def executor(_: str) -> None:
    await asyncio.sleep(3600)  # it goes on until the process is left


async def execute(scheduler: Scheduler) -> None:
    """Have runs in progress, and more that wait."""
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=3600) for n in range(20)])
    begun = asyncio.Event()

    async def begin(data: str) -> None:
        begun.set()
        await executor(data)

    await scheduler.start_task_execute(begin, concurrency=5)
    await begun.wait()


async def returns(scheduler: Scheduler) -> None:
    await scheduler.start_task_accept()
    await execute(scheduler)


async def raises(scheduler: Scheduler) -> None:
    await returns(scheduler)
    raise LookupError


async def is_interrupted(scheduler: Scheduler) -> None:
    await returns(scheduler)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()


async def is_interrupted_in_a_block(scheduler: Scheduler) -> None:
    async with scheduler:
        await execute(scheduler)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()


async def is_interrupted_while_it_connects(scheduler: Scheduler) -> None:
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    await scheduler.connect()
    await asyncio.Event().wait()


async def is_interrupted_while_it_closes(scheduler: Scheduler) -> None:
    await returns(scheduler)
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    await scheduler.close()


async def is_left_by_an_executor(scheduler: Scheduler) -> None:
    async def leave(_: str) -> None:
        raise SystemExit

    await scheduler.start_task_accept()
    await scheduler.assign_task(IntervalTask("leave"))
    await scheduler.start_task_execute(leave)
    await asyncio.Event().wait()


async def is_left_by_a_group_in_an_executor(scheduler: Scheduler) -> None:
    async def leave(_: str) -> None:
        raise BaseExceptionGroup("several", [ValueError(), BaseExceptionGroup("inner", [SystemExit()])])

    await scheduler.start_task_accept()
    await scheduler.assign_task(IntervalTask("leave"))
    await scheduler.start_task_execute(leave)
    await asyncio.Event().wait()


#: One that is collected while it is connected gives a ResourceWarning, which is tested elsewhere.
_kept: list[Scheduler] = []

WAYS: tuple[Way, ...] = (
    returns,
    raises,
    is_interrupted,
    is_interrupted_in_a_block,
    is_interrupted_while_it_connects,
    is_interrupted_while_it_closes,
    is_left_by_an_executor,
    is_left_by_a_group_in_an_executor,
)


async def go(way: Way, url: str, namespace: str) -> None:
    # A machine that has other things to do is no fault.
    asyncio.get_running_loop().slow_callback_duration = 60
    _kept.append(Scheduler.from_url(url, namespace=namespace))
    await way(_kept[-1])


def main(url: str, namespace: str) -> None:
    # That persistence is switched off, and that runs are handed back, is worth a warning, but not here.
    logging.getLogger("interval_scheduler").setLevel(logging.ERROR)
    for way in WAYS:
        print(way.__name__, end=" ", flush=True)  # noqa: T201 - the test reads it
        began = time.monotonic()
        with contextlib.suppress(LookupError, KeyboardInterrupt, SystemExit):  # what these ways end by
            asyncio.run(go(way, url, f"{namespace}-{way.__name__}"))
        gc.collect()
        print(f"{time.monotonic() - began:.3f}", flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main(*sys.argv[1:])

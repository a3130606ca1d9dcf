"""pydocket: perpetual tasks, assigned and replaced in pipelined batches, uvloop."""
# Its packages are in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from docket import Docket, Perpetual, Worker

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job


async def execute(data: str, every: float, perpetual: Perpetual = Perpetual()) -> None:  # noqa: B008 - docket's way
    perpetual.after(timedelta(seconds=every))
    protocol.ran(data)


def _do(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[[Job], None]:
    async def connected(job: Job) -> None:
        async with Docket(name="bench", url=job.url) as docket:
            docket.register(execute)
            await work(docket, job)

    return lambda job: uvloop.run(connected(job))


def _calls(docket: Docket, job: Job, letter: str) -> Iterator[Any]:
    for task in job.tasks(letter):
        when = None if task.start is None else datetime.fromtimestamp(task.start, UTC)
        yield docket.call(execute, when=when, key=task.id)(task.data, job.every)


async def assign(docket: Docket, job: Job) -> None:
    with job.timed():
        await docket.add_many(_calls(docket, job, "x"))


async def update(docket: Docket, job: Job) -> None:
    with job.timed():
        await docket.replace_many(_calls(docket, job, "y"))


async def remove(docket: Docket, job: Job) -> None:
    waiting = [task.id for task in job.tasks()]

    async def caller() -> None:
        while waiting:
            await docket.cancel(waiting.pop())

    with job.timed():
        await asyncio.gather(*(caller() for _ in range(50)))


async def work(docket: Docket, job: Job) -> None:
    finest = timedelta(milliseconds=5)
    name = f"worker-{job.index}"
    async with Worker(
        docket, name=name, concurrency=50, minimum_check_interval=finest, scheduling_resolution=finest
    ) as worker:
        protocol.go()
        await worker.run_forever()


if __name__ == "__main__":
    protocol.run(
        packages=("pydocket", "redis", "uvloop"),
        settings="add_many, replace_many, 50 concurrent cancels; concurrency 50 (100 exhausts its connection pool), "
        "both intervals 5 ms, uvloop",
        assign=_do(assign),
        update=_do(update),
        remove=_do(remove),
        work=_do(work),
    )

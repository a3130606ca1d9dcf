"""APScheduler 3 on asyncio with its Redis job store."""
# Its packages are in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import uvloop
from apscheduler.jobstores.redis import RedisJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job


async def execute(data: str) -> None:
    protocol.ran(data)


def _scheduler(job: Job) -> AsyncIOScheduler:
    defaults = {"coalesce": True, "misfire_grace_time": None}
    store = RedisJobStore(host="127.0.0.1", port=job.port)
    return AsyncIOScheduler(jobstores={"default": store}, job_defaults=defaults, timezone=UTC)


def _do(work: Callable[[AsyncIOScheduler, Job], None]) -> Callable[[Job], None]:
    async def connected(job: Job) -> None:
        scheduler = _scheduler(job)
        scheduler.start(paused=True)
        await asyncio.sleep(0)  # its start is completed by the event loop
        work(scheduler, job)

    return lambda job: uvloop.run(connected(job))


def assign(scheduler: AsyncIOScheduler, job: Job) -> None:
    with job.timed():
        for task in job.tasks():
            first = datetime.now(UTC) if task.start is None else datetime.fromtimestamp(task.start, UTC)
            scheduler.add_job(
                execute,
                "interval",
                seconds=job.every,
                start_date=first + timedelta(seconds=job.every),
                next_run_time=first,
                id=task.id,
                args=[task.data],
            )


def update(scheduler: AsyncIOScheduler, job: Job) -> None:
    with job.timed():
        for task in job.tasks("y"):
            scheduler.modify_job(task.id, args=[task.data])


def remove(scheduler: AsyncIOScheduler, job: Job) -> None:
    with job.timed():
        for task in job.tasks():
            scheduler.remove_job(task.id)


async def work(job: Job) -> None:
    scheduler = _scheduler(job)
    scheduler.start(paused=True)
    await asyncio.sleep(0)  # its start is completed by the event loop
    protocol.go()
    scheduler.resume()
    await asyncio.Event().wait()


if __name__ == "__main__":
    protocol.run(
        packages=("APScheduler", "redis", "uvloop"),
        settings="AsyncIOScheduler, RedisJobStore, coalesce, no misfire limit, uvloop; "
        "its documentation forbids two processes on one store, measured all the same",
        assign=_do(assign),
        update=_do(update),
        remove=_do(remove),
        work=lambda job: uvloop.run(work(job)),
    )

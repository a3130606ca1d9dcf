"""This library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job
from interval_scheduler import IntervalTask, Scheduler


def _do(work: Callable[[Scheduler, Job], Coroutine[Any, Any, None]]) -> Callable[[Job], None]:
    async def connected(job: Job) -> None:
        async with Scheduler.from_url(job.url) as scheduler:
            await work(scheduler, job)

    return lambda job: asyncio.run(connected(job))


async def assign(scheduler: Scheduler, job: Job, letter: str = "x") -> None:
    with job.timed():
        await scheduler.assign_tasks(
            IntervalTask(task.id, task.data, every=job.every, start=task.start) for task in job.tasks(letter)
        )


async def update(scheduler: Scheduler, job: Job) -> None:
    await assign(scheduler, job, "y")


async def remove(scheduler: Scheduler, job: Job) -> None:
    with job.timed():
        await scheduler.remove_tasks(task.id for task in job.tasks())


async def work(scheduler: Scheduler, _: Job) -> None:
    async def execute(data: str) -> None:
        protocol.ran(data)

    protocol.go()
    await scheduler.start_task_execute(execute)
    await asyncio.Event().wait()


if __name__ == "__main__":
    protocol.run(
        packages=("interval-scheduler", "redis"),
        settings="defaults; assign_tasks and remove_tasks in bulk",
        assign=_do(assign),
        update=_do(update),
        remove=_do(remove),
        work=_do(work),
    )

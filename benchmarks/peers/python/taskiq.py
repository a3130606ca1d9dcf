"""taskiq with taskiq-redis: the list schedule source and the stream broker, scheduler and worker in one process."""
# Its packages are in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import uvloop
from taskiq import ScheduledTask, TaskiqScheduler
from taskiq.api import run_receiver_task, run_scheduler_task
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job

_CALLERS = 50


def _do(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[[Job], None]:
    async def connected(job: Job) -> None:
        source = ListRedisScheduleSource(job.url, max_connection_pool_size=_CALLERS, buffer_size=1000)
        await work(source, job)

    return lambda job: uvloop.run(connected(job))


async def _each(job: Job, letter: str, call: Callable[[protocol.Work], Coroutine[Any, Any, None]]) -> None:
    tasks = job.tasks(letter)

    async def caller() -> None:
        for task in tasks:
            await call(task)

    with job.timed():
        await asyncio.gather(*(caller() for _ in range(_CALLERS)))


def _schedule(task: protocol.Work, every: float) -> ScheduledTask:
    return ScheduledTask(
        task_name="execute",
        labels={},
        args=[task.data],
        kwargs={},
        schedule_id=task.id,
        interval=timedelta(seconds=every),
    )


async def assign(source: ListRedisScheduleSource, job: Job) -> None:
    await _each(job, "x", lambda task: source.add_schedule(_schedule(task, job.every)))


async def update(source: ListRedisScheduleSource, job: Job) -> None:
    async def replace(task: protocol.Work) -> None:
        await source.delete_schedule(task.id)  # added over the old one, it would be listed twice
        await source.add_schedule(_schedule(task, job.every))

    await _each(job, "y", replace)


async def remove(source: ListRedisScheduleSource, job: Job) -> None:
    await _each(job, "x", lambda task: source.delete_schedule(task.id))


async def work(source: ListRedisScheduleSource, job: Job) -> None:
    broker = RedisStreamBroker(job.url, max_connection_pool_size=100, timeout=None)  # 10,000 sends at once wait for it

    @broker.task(task_name="execute")
    async def execute(data: str) -> None:
        protocol.ran(data)

    await broker.startup()
    protocol.go()
    parts = [run_receiver_task(broker, max_async_tasks=100, max_prefetch=100)]
    if job.index == 0:  # its documentation: run only one scheduler
        parts.append(run_scheduler_task(TaskiqScheduler(broker, [source])))
    await asyncio.gather(*parts)


if __name__ == "__main__":
    protocol.run(
        packages=("taskiq-redis", "taskiq", "redis", "uvloop"),
        settings="50 concurrent callers; stream broker, 100 connections waited for without limit, 100 async tasks, "
        "loop of 1 s (its smallest), uvloop; one scheduler also beside two workers, as its documentation demands",
        assign=_do(assign),
        update=_do(update),
        remove=_do(remove),
        work=_do(work),
        spread=False,
    )

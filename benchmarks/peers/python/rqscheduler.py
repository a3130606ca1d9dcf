"""rq-scheduler: one scheduler process and one rq worker process that does not fork for each job."""
# Its packages are in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import multiprocessing
import sys
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker
from rq_scheduler import Scheduler

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job


def execute(data: str) -> None:
    protocol.ran(data)


def _id(task: protocol.Work) -> str:
    return task.id.replace(":", "-")  # a colon is forbidden there


def _save(job: Job, letter: str) -> None:
    scheduler = Scheduler(connection=Redis.from_url(job.url))
    with job.timed():
        for task in job.tasks(letter):
            first = time.time() if task.start is None else task.start
            scheduler.schedule(
                datetime.fromtimestamp(first, UTC).replace(tzinfo=None),  # it wants naive times of UTC
                "benchmarks.peers.python.rqscheduler.execute",
                args=[task.data],
                id=_id(task),
                interval=job.every,
            )


def remove(job: Job) -> None:
    scheduler = Scheduler(connection=Redis.from_url(job.url))
    with job.timed():
        for task in job.tasks():
            scheduler.cancel(_id(task))


def _schedule(url: str, start: Event) -> None:
    scheduler = Scheduler(connection=Redis.from_url(url), interval=0.1)
    start.wait()
    scheduler.run()


class Worker(SimpleWorker):
    """Says when it is ready."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        super().bootstrap(*args, **kwargs)
        protocol.go()
        self.start.set()


def work(job: Job) -> None:
    forked = multiprocessing.get_context("fork")
    start = forked.Event()
    forked.Process(target=_schedule, args=(job.url, start), daemon=True).start()
    connection = Redis.from_url(job.url)
    worker = Worker([Queue(connection=connection)], connection=connection)
    worker.start = start
    worker.work(logging_level="ERROR")
    sys.exit("the worker ended")


if __name__ == "__main__":
    protocol.run(
        packages=("rq-scheduler", "rq", "redis"),
        settings="jobs saved one by one; scheduler looks every 0.1 s; SimpleWorker (no fork a job); "
        "a 'process' here is one scheduler and one worker process",
        assign=lambda job: _save(job, "x"),
        update=lambda job: _save(job, "y"),
        remove=remove,
        work=work,
    )

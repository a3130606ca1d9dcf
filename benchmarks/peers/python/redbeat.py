"""Celery with celery-redbeat: one beat process and one worker process of the solo pool."""
# Its packages are in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import multiprocessing
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event

from celery import Celery
from celery.schedules import schedule
from celery.signals import worker_ready
from redbeat import RedBeatSchedulerEntry

from benchmarks.peers.python import protocol
from benchmarks.peers.python.protocol import Job

app = Celery("bench")


@app.task(name="execute", ignore_result=True)
def execute(data: str) -> None:
    protocol.ran(data)


def _configure(job: Job) -> None:
    app.conf.update(
        broker_url=job.url,
        redbeat_redis_url=job.url,
        redbeat_lock_timeout=60,
        beat_max_loop_interval=0.1,
        task_acks_late=False,
        worker_prefetch_multiplier=1000,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        timezone="UTC",
    )


def _save(job: Job, letter: str) -> None:
    _configure(job)
    every = timedelta(seconds=job.every)
    with job.timed():
        for task in job.tasks(letter):
            # It has no time of the first run: an entry is due one interval after its last run.
            last = datetime.now(UTC) - (every if task.start is None else timedelta(0))
            RedBeatSchedulerEntry(
                task.id, "execute", schedule(every), args=[task.data], last_run_at=last, app=app
            ).save()


def remove(job: Job) -> None:
    _configure(job)
    with job.timed():
        for task in job.tasks():
            RedBeatSchedulerEntry(task.id, "execute", schedule(1), app=app).delete()


def _beat(start: Event) -> None:
    start.wait()
    app.Beat(scheduler_cls="redbeat.RedBeatScheduler", quiet=True, loglevel="ERROR", redirect_stdouts=False).run()


def work(job: Job) -> None:
    _configure(job)
    forked = multiprocessing.get_context("fork")
    start = forked.Event()
    forked.Process(target=_beat, args=(start,), daemon=True).start()

    @worker_ready.connect(weak=False)
    def ready(**_: object) -> None:
        protocol.go()
        start.set()

    app.worker_main(
        [
            *("worker", "--pool=solo", "--loglevel=ERROR", f"--hostname=w{job.index}@bench"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )
    sys.exit("the worker ended")


if __name__ == "__main__":
    protocol.run(
        packages=("celery-redbeat", "celery", "redis"),
        settings="entries saved one by one; beat looks every 0.1 s; solo pool, prefetch 1000, early acknowledgement; "
        "a 'process' here is one beat and one worker process",
        assign=lambda job: _save(job, "x"),
        update=lambda job: _save(job, "y"),
        remove=remove,
        work=work,
        spread=False,
    )

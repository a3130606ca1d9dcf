"""rq-scheduler schedules jobs: `python -m tests.cli.peers.write_rq_scheduler URL [json]`."""
# rq and rq-scheduler have no types:
# mypy: ignore-errors

from __future__ import annotations

import sys
from datetime import datetime

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

LATER = datetime(2096, 5, 1, 8, 30)  # noqa: DTZ001 - it wants naive times of UTC
FUNC = "shop.refresh"


class Shop:
    """A job may be a method of an object, which then is in its pickle."""

    def refresh(self) -> None:
        """The job."""


class JsonJob(Job):
    """A job as it is where RQ is set to JSON."""

    @classmethod
    def create(cls, *args: object, **options: object) -> Job:
        return super().create(*args, serializer=JSONSerializer, **options)


scheduler = Scheduler("slow", connection=Redis.from_url(sys.argv[1]), job_class=JsonJob if sys.argv[2:] else Job)
scheduler.schedule(LATER, FUNC, args=[7, "a"], kwargs={"deep": True}, interval=900, id="every-quarter", timeout=45)
scheduler.schedule(LATER, FUNC, interval=60, repeat=5, id="five-times", meta={"tenant": "t7"})
scheduler.cron("30 8 * * 1-5", FUNC, id="workdays", queue_name="cron")
scheduler.enqueue_at(LATER, FUNC, 7, job_id="once", on_success="shop.done")
if not sys.argv[2:]:
    scheduler.schedule(LATER, FUNC, args=[LATER], interval=60, id="a-date")
    scheduler.schedule(LATER, Shop().refresh, interval=60, id="a-method")

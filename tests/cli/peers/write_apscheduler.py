"""APScheduler 3 adds jobs to its Redis job store: `python -m tests.cli.peers.write_apscheduler PORT [PROTOCOL PREFIX]`.

It prints when it would run those that follow a calendar, as JSON: for each id twenty times in epoch seconds.
"""
# APScheduler has no types:
# mypy: ignore-errors

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.redis import RedisJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger


def refresh(*_: object, **__: object) -> None:
    """The job."""


class Shop:
    """A job may be a method of an object, which then is in its pickle."""

    def refresh(self) -> None:
        """The job."""


FUNC = "tests.cli.peers.write_apscheduler:refresh"
LATER = datetime(2096, 5, 1, 8, 30, tzinfo=UTC)


def add_jobs(scheduler: BackgroundScheduler) -> None:
    """Add one of each kind."""

    def add(job_id: str, trigger: object, **more: object) -> object:
        return scheduler.add_job(FUNC, trigger, id=job_id, **more)

    add(
        *("every-quarter", IntervalTrigger(minutes=15, start_date=LATER, end_date=LATER + timedelta(1), jitter=30)),
        args=[7, ("a", None)],
        kwargs={"deep": {"x": 1.5}},
        misfire_grace_time=120,
        coalesce=False,
    )
    add("plain", "interval", hours=1, start_date=LATER, misfire_grace_time=None, name="by hand")
    add("rests", "interval", hours=1).pause()
    add("once", "date", run_date=LATER, misfire_grace_time=None)
    add("workdays", CronTrigger.from_crontab("30 8 * * mon-fri", timezone="Europe/Riga"))
    add("month-end", "cron", day="last", hour="*/6", timezone="UTC", max_instances=3)
    add("second-friday", "cron", day="2nd fri", hour=3, timezone=UTC)
    add("last-sunday", "cron", day="last sun", month="mar-oct", timezone=UTC)
    add("from-monday", "cron", day_of_week="*/2", second=30, timezone=UTC)
    add("lists", "cron", minute="5,20-40/10,50", hour="1-23/5", day_of_week="5-6", timezone=UTC)
    add("one-year", "cron", year=2097, timezone=UTC)
    add("both-days", "cron", day=1, day_of_week="mon", timezone=UTC)
    add("either", OrTrigger([IntervalTrigger(hours=1), IntervalTrigger(hours=2)]))
    add("a-date", "interval", hours=1, args=[LATER])
    scheduler.add_job(Shop().refresh, "interval", hours=1, id="a-method")


def calendar(scheduler: BackgroundScheduler) -> dict[str, list[float]]:
    """Tell when each job that follows a calendar runs."""
    told = {}
    for job in scheduler.get_jobs():
        if isinstance(job.trigger, CronTrigger):
            moment, moments = job.next_run_time, []
            for _ in range(20):
                moments.append(moment.timestamp())
                moment = job.trigger.get_next_fire_time(moment, moment)
                if moment is None:
                    break
            told[job.id] = moments
    return told


def main() -> None:
    """Write them, and start nothing."""
    protocol, prefix = (int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 2 else (5, "apscheduler.")
    keys = {"jobs_key": f"{prefix}jobs", "run_times_key": f"{prefix}run_times"}
    store = RedisJobStore(host="127.0.0.1", port=int(sys.argv[1]), pickle_protocol=protocol, **keys)
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone="Europe/Riga")
    scheduler.start(paused=True)
    try:
        add_jobs(scheduler)
        sys.stdout.write(json.dumps(calendar(scheduler)))
    finally:
        scheduler.shutdown(wait=False)


if __name__ == "__main__":
    main()  # the job is looked up in this module, which is imported for that

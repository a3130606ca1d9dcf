"""celery-redbeat saves entries: `python -m tests.cli.peers.write_redbeat URL`."""
# celery and celery-redbeat have no types:
# mypy: ignore-errors

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from celery import Celery
from celery.schedules import crontab, schedule
from redbeat import RedBeatSchedulerEntry
from redbeat.schedules import rrule

app = Celery("shop", broker=sys.argv[1], set_as_current=False)
app.conf.update(redbeat_redis_url=sys.argv[1], timezone="Europe/Riga", enable_utc=True)


def save(name: str, when: object, **more: object) -> None:
    RedBeatSchedulerEntry(name, "shop.refresh", when, app=app, **more).save()


half_an_hour_ago = datetime.now(UTC) - timedelta(minutes=30)
save(
    "every-hour",
    schedule(timedelta(hours=1), app=app),
    args=[7, "a"],
    kwargs={"deep": True},
    last_run_at=half_an_hour_ago,
)
save("workdays", crontab(minute=0, hour="9-17/2", day_of_week="monday,fri", app=app), options={"queue": "slow"})
save("rests", schedule(60, app=app), enabled=False)
save("first-if-monday", crontab(minute=0, hour=0, day_of_month=1, day_of_week=1, app=app))
save("by-rule", rrule("DAILY", dtstart=half_an_hour_ago, app=app))
save("over", rrule("DAILY", dtstart=half_an_hour_ago, count=1, app=app), last_run_at=datetime.now(UTC))

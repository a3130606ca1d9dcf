"""Moving in from Celery's `beat_schedule`, whose entries have no next run: one interval from the import."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from interval_scheduler import IntervalTask
from interval_scheduler.cli.moving import celery_beat
from interval_scheduler.cli.moving.found import CannotCarry
from interval_scheduler.cli.moving.lines import next_run_of
from tests.cli.conftest import Result
from tests.cli.moving import tasks_of, told
from tests.servers import RedisServer

Command = Callable[..., Result]
#: 2096-05-01 08:30 UTC.
LATER: Final = 3986699400.0


def test_a_beat_schedule(
    inside: Command, command: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    crontab = {"__type__": "crontab", "minute": "*/5", "hour": [8, 9], "day_of_week": "sunday"}
    schedule = {
        "seconds": {"task": "a", "schedule": 30.5, "args": [1], "options": {"queue": "q"}},
        "object": {"task": "a", "schedule": {"__type__": "interval", "every": 60, "relative": True}},
        "crontab": {"task": "a", "schedule": crontab, "kwargs": {"x": None}},
        "text": {"task": "a", "schedule": "0 9 * * *"},
        "solar": {"task": "a", "schedule": {"__type__": "solar", "event": "sunrise"}},
        "nameless": {"schedule": 5},
        "negative": {"task": "a", "schedule": -5},
        "no object": 7,
    }
    file = tmp_path / "beat.json"
    file.write_text(text := json.dumps(schedule))
    before = time.time()
    ended = inside("import", "--from", "celery-beat-json", str(file), "--timezone", "Europe/Riga", "--json")
    after = time.time()
    rows, counts = told(ended)
    assert ended.code == 1
    assert {name for name, row in rows.items() if row["left_out"]} == {"solar", "nameless", "negative", "no object"}
    assert rows["object"]["why"] == ["its runs were rounded to the unit of the interval"]
    assert counts["new"] == 4
    tasks = tasks_of(redis_server, namespace)
    assert tasks["seconds"].every == 30.5
    assert before + 30.4 <= tasks["seconds"].next_run <= after + 30.6, "one interval from the import"
    assert tasks["text"].next_run > before
    assert tasks["text"].next_run % 60 == 0
    assert (tasks["crontab"].cron, tasks["crontab"].timezone) == ("*/5 8,9 * * sun", "Europe/Riga")
    assert json.loads(tasks["crontab"].data) == {"task": "a", "args": [], "kwargs": {"x": None}}
    again = command("import", "--from", "celery-beat-json", "-", "--on-conflict", "replace", "--json", given=text)
    assert told(again)[1]["replaced"] == 4
    file.write_text("{")
    assert inside("import", "--from", "celery-beat-json", str(file)).code == 2


@pytest.mark.parametrize("raw", [b"[]", b"5", b"", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_beat_schedule(raw: bytes) -> None:
    with pytest.raises(celery_beat.NoSchedule):
        celery_beat.read(raw, "UTC")


@pytest.mark.parametrize(("every", "cron"), [(60, None), (None, "* * * * *")])
def test_the_next_run_comes_after_this_moment(every: float | None, cron: str | None) -> None:
    assert next_run_of(IntervalTask("a", every=every, cron=cron), LATER) == LATER + 60
    with pytest.raises(CannotCarry):
        next_run_of(IntervalTask("a", every=every, cron=cron, until=LATER + 59), LATER)
    assert next_run_of(IntervalTask("a", every=every, cron=cron, start=LATER), LATER) == LATER, "a start counts"

"""Sentry and structlog around runs, as docs/observing.md has them: each report is of its own run, and nothing stays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.contrib.serving import PATIENCE_SECONDS
from tests.servers import RedisServer
from tests.stories.programs import EXAMPLES, ROOT, run

pytestmark = pytest.mark.asyncio

APPS = ROOT / "tests" / "contrib" / "apps"


async def _output(program: Path, server: RedisServer, namespace: str) -> str:
    done = await asyncio.to_thread(run, program, server.url, namespace, str(EXAMPLES), seconds=3 * PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_sentry_gets_each_failure_once_with_its_own_task(redis_server: RedisServer, namespace: str) -> None:
    told = json.loads(await _output(APPS / "with_sentry.py", redis_server, namespace))
    failed = [f"bad-{n}" for n in range(20)]
    # Once each, though the library logs them too; and no `Retry`, which no run is to be blamed for.
    assert sorted(event["tags"]["task"] for event in told["events"]) == sorted(failed)
    for event in told["events"]:
        task = event["tags"]["task"]
        assert event["tags"] == {"task": task, "seen": task}
        assert [each["message"] for each in event["breadcrumbs"]["values"]] == [f"crumb of {task}"]
        assert event["contexts"]["run"]["attempt"] == 1
        assert event["exception"]["values"][0]["value"] == f"failure of {task}"
        assert all("vars" not in frame for frame in event["exception"]["values"][0]["stacktrace"]["frames"])
    assert all(tags == {"task": task} for task, tags in told["before"])
    assert len(told["before"]) == 40
    assert told["left"] == {}


async def test_lines_of_structlog_tell_their_own_run(redis_server: RedisServer, namespace: str) -> None:
    lines = [
        json.loads(line)
        for line in (await _output(APPS / "with_structlog.py", redis_server, namespace)).split("\n")
        if line
    ]
    begun = [line for line in lines if line["event"] == "begins"]
    gone_on = [line for line in lines if line["event"] == "goes on"]
    assert len(begun) == len(gone_on) == 80
    for line in begun + gone_on:
        number = line["name"].partition("-")[2]
        assert (line["task"], line["attempt"], line["process"]) == (f"task-{number}", 1, "worker")
    assert all("of" not in line for line in begun), "some run left it behind"
    assert all(line["of"] == line["name"] for line in gone_on)
    outside = [line for line in lines if line["event"] in ("before", "after")]
    assert [set(line) for line in outside] == [{"event", "level", "process", "timestamp"}] * 2
    # The log of the library goes the same way, with its tracebacks, and without local variables.
    tracebacks = [line["exception"] for line in lines if line["event"].startswith("the run of task")]
    assert len(tracebacks) == 40
    assert not any("locals" in frame for trace in tracebacks for frame in trace[0]["frames"])

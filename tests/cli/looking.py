"""A namespace with something of everything to look at, and what commands that look are checked with."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.app import app
from interval_scheduler.cli.frame.exits import code_of
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.waiting import until

SCHEMAS: Final = Path(__file__).parents[2] / "docs" / "schemas"
#: An id with what would clear the screen, and an emoji; and how it is shown.
ODD_ID: Final = "gone\x1b[2J🎉"
ODD_ID_SHOWN: Final = "gone\\x1b[2J🎉"


def values_of(result: Result, schema: str) -> list[Any]:
    """The lines of JSON that a command wrote, each of which keeps to a schema."""
    from jsonschema import Draft202012Validator  # it takes seconds, and most processes that run tests need none of it

    rules = json.loads((SCHEMAS / f"{schema}.json").read_text())
    Draft202012Validator.check_schema(rules)
    check = Draft202012Validator(rules, format_checker=Draft202012Validator.FORMAT_CHECKER)
    values = [json.loads(line) for line in result.out.splitlines()]
    for value in values:
        check.validate(value)
    return values


async def seed(*urls: str, namespace: str) -> float:
    """Fill a namespace: five feeds and a task that fails wait, one is paused, two are dead, and a queue has one.

    Returns:
        The moment at which the first of the feeds is due.
    """
    due = time.time() + 3600
    async with Scheduler.from_url(*urls, namespace=namespace, actor="the test") as scheduler:
        feeds = (IntervalTask(f"feed:{n}", '{"n": 1}', every=900, start=due + n) for n in range(5))
        await scheduler.assign_tasks(reversed(list(feeds)))  # so that no list is in due order by chance
        await scheduler.assign_task(IntervalTask("rest", b"\xff", cron="0 9 * * *", timezone="Europe/Riga"))
        await scheduler.pause_task("rest", "too loud")
        await scheduler.queue("mail").assign_task(IntervalTask("letter", every=60, start=due))
        await scheduler.assign_tasks(
            [
                IntervalTask(ODD_ID, "no such 🎉 \x1b[31m file"),
                IntervalTask("lost", "no such host"),
                IntervalTask("again", "no such page", every=86_400, group="pages", history=2),
            ]
        )
        await scheduler.start_task_execute(_fail)
        await until(lambda: _are_set_aside(scheduler), DEADLINE_SECONDS)
    return due


async def _fail(payload: str) -> None:
    raise ValueError(payload)


async def _are_set_aside(scheduler: Scheduler) -> bool:
    overview = await scheduler.overview()
    return (overview.dead, overview.failing, overview.leased) == (2, 1, 0)


def run_here(*words: str, url: str, namespace: str) -> Result:
    """Run a command in this process, for what does not depend on its being one of its own: that is ten times faster."""
    environment = {"INTERVAL_SCHEDULER_REDIS": url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
    with ThreadPoolExecutor(1) as threads:  # this thread has an event loop already
        done = threads.submit(CliRunner(env=environment).invoke, app, list(words), standalone_mode=False).result()
    return Result(0 if done.exception is None else code_of(done.exception), done.stdout, done.stderr)


def run_on_terminal(*words: str, columns: int = 100, **environment: str) -> Result:
    """Run a command whose output is a terminal; the output is what the terminal was sent."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("INTERVAL_SCHEDULER_")}
    for unwanted in ("NO_COLOR", "COLUMNS", "FORCE_COLOR"):
        inherited.pop(unwanted, None)
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-m", "interval_scheduler.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**inherited, "TZ": "UTC", "TERM": "xterm-256color", **environment},
        ) as process:
            os.close(theirs)
            theirs = -1
            shown = _read_all(ours)
            assert process.stderr is not None
            said = process.stderr.read()
            code = process.wait(DEADLINE_SECONDS)
    finally:
        os.close(ours)
        if theirs != -1:
            os.close(theirs)
    return Result(code, shown.decode().replace("\r\n", "\n"), said.decode())


def _read_all(terminal: int) -> bytes:
    found = b""
    while True:
        try:
            some = os.read(terminal, 65_536)
        except OSError:  # so a terminal tells that nobody writes to it any more
            return found
        if not some:
            return found
        found += some

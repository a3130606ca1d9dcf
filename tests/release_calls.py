"""What is called in an environment that has the package and one extra: one entry for each extra of pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from interval_scheduler.cli.app import COMMANDS
from tests.cli.words import WORDS


class Call(NamedTuple):
    """A call, and how it must end.

    Attributes:
        words: a program of the environment and its arguments; `{redis}` stands for a server, `{backup}` for a file that
            is not there yet.
        code: its exit code.
        says: what its output must have.
    """

    words: tuple[str, ...]
    code: int = 0
    says: str = ""


def program(text: str, *words: str, says: str = "") -> Call:
    """A Python program."""
    return Call(("python", "-c", text, *words), says=says)


#: Assigns a task, and runs it.
RUNS: Final = """
import asyncio, sys
from interval_scheduler import IntervalTask, Scheduler
async def main():
    ran = asyncio.Event()
    async def executor(data):
        ran.set()
    async with Scheduler.from_url(sys.argv[1], namespace="release") as scheduler:
        await scheduler.start_task_execute(executor)
        await scheduler.assign_task(IntervalTask("a", "data"))
        await asyncio.wait_for(ran.wait(), 60)
asyncio.run(main())
print("it ran")
"""
#: Loads each public name, of the package that is installed.
NAMES: Final = """
import sys, interval_scheduler
assert interval_scheduler.__file__.startswith(sys.prefix), interval_scheduler.__file__
print(len([getattr(interval_scheduler, name) for name in interval_scheduler.__all__]), "names")
"""
CRON: Final = """
from interval_scheduler import IntervalTask, next_runs
(first,) = next_runs(IntervalTask("daily", cron="0 6 * * mon-fri", timezone="Europe/Riga"), 1)
print(first.minute, "minutes past the hour")
"""
WORKER: Final = """
import asyncio, sys
from dataclasses import dataclass
from interval_scheduler.worker import Worker
@dataclass
class Mail:
    to: str
worker = Worker(sys.argv[1], namespace="release-worker")
sent = asyncio.Event()
@worker.executor("mail")
async def send(mail: Mail) -> None:
    print("sent to", mail.to)
    sent.set()
async def main():
    async with worker.running():
        await send.assign("first", Mail("you"))
        await asyncio.wait_for(sent.wait(), 60)
asyncio.run(main())
"""
#: Starts a worker by the command, and ends it once it is up.
RUN: Final = """
import os, signal, subprocess, sys
with open("app.py", "w") as file:
    file.write("async def work(data):\\n    pass\\n")
command = [os.path.join(sys.prefix, "bin", "interval-scheduler"), "run", "app:work", "--redis", *sys.argv[1:]]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
    for line in process.stderr:
        if "is up" in line:
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stderr.read()
assert process.returncode == 0, rest
print("it was up")
"""

#: Beside each extra.
BASE: Final = (
    program(NAMES, says="names"),
    program(RUNS, "{redis}", says="it ran"),
)
#: Without an extra; the script is installed all the same.
ALONE: Final = (*BASE, Call(("interval-scheduler", "--version"), 78, "pip install 'interval-scheduler[cli]'"))
_CLI: Final = (
    Call(("interval-scheduler", "--version"), says="interval-scheduler, version "),
    Call(("python", "-m", "interval_scheduler.cli", "--help"), says="Operate"),
    *(Call(("interval-scheduler", name, "--help"), says="Usage: ") for name in COMMANDS),
    *(Call(("interval-scheduler", name, *words, "--redis", "{redis}"), code) for name, (words, code) in WORDS.items()),
    Call(("interval-scheduler", "completion", "bash"), says="_interval_scheduler"),
    Call(
        ("interval-scheduler", "demo", "--redis", "{redis}", "--tasks", "1000", "--seconds", "6", "--every", "1"),
    ),
    program(RUN, "{redis}", says="it was up"),
)

#: By the names of the extras. What is called stands in one place, whether an extra is alone or all are together.
CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "memory": (program(RUNS, "memory://", says="it ran"),),
    "cron": (program(CRON, says="0 minutes past the hour"),),
    "worker": (program(WORKER, "{redis}", says="sent to you"),),
    "cli": _CLI,
    "top": (program("import textual.app"),),
    "reload": (program("import watchfiles"),),
    "dashboard": (program("import jinja2, starlette, uvicorn"),),
    "local": (program(RUNS, "local://./data", says="it ran"),),
    "telemetry": (program("import opentelemetry.metrics, opentelemetry.trace"),),
}
#: Where all extras are together.
EVERYTHING: Final = (
    *BASE,
    program("import interval_scheduler.cli.top.screen"),
    program(RUN, "{redis}", "--reload", says="it was up"),
)
#: The most that may be installed, in millions of bytes with compiled files, the package and what it needs included.
LARGEST_MB: Final[Mapping[str, float]] = {"alone": 16, "cli": 35}

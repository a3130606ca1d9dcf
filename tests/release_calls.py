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

#: Serves the dashboard of an application, and gets a page, its figures, and a file that the page needs.
DASHBOARD: Final = """
import asyncio, json, sys, urllib.request
import uvicorn
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import dashboard
async def access(request):
    return "read"
async def main():
    async with Scheduler.from_url(sys.argv[1], namespace="release-dashboard") as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=3600))
        server = uvicorn.Server(uvicorn.Config(dashboard(scheduler, access=access), port=0, log_level="error"))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0.01)  # uvicorn tells nobody that it has begun
        port = server.servers[0].sockets[0].getsockname()[1]
        def get(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return answer.read().decode()
        page, figures = await asyncio.to_thread(get, "/"), await asyncio.to_thread(get, "/overview.json")
        script = await asyncio.to_thread(get, "/static/asking.js")
        assert "<main" in page, page
        assert json.loads(figures)["tasks"] == 1, figures
        assert "fetch(" in script, script
        server.should_exit = True
        await serving
asyncio.run(main())
print("it was served")
"""
#: Serves it by the command, opens it by the link that the command writes, and ends it.
DASHBOARD_ALONE: Final = """
import os, re, signal, subprocess, sys, urllib.request
from http.cookiejar import CookieJar
from interval_scheduler import BlockingScheduler, IntervalTask
with BlockingScheduler.from_url(sys.argv[1], namespace="release-alone") as scheduler:
    scheduler.assign_task(IntervalTask("a", every=3600))
command = [os.path.join(sys.prefix, "bin", "interval-scheduler"), "dashboard", "--redis", sys.argv[1]]
command += ["-n", "release-alone", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
    try:
        said = ""
        while not (link := re.search(r"http://\\S+token=\\S+", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        assert "<main" in browser.open(link[0], timeout=60).read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143, process.stdout.read()
    finally:
        process.kill()
print("it was served alone")
"""
#: Instruments a scheduler, with the API of OpenTelemetry alone: nothing is measured, and all goes on.
TELEMETRY: Final = """
import asyncio, sys
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument
async def main():
    ran = asyncio.Event()
    async def executor(data):
        ran.set()
    scheduler = Scheduler.from_url(sys.argv[1], namespace="release-telemetry")
    with instrument(scheduler, spans=True, propagate=True, storage=True):
        async with scheduler:
            await scheduler.start_task_execute(executor)
            await scheduler.assign_task(IntervalTask("a", "data"))
            await asyncio.wait_for(ran.wait(), 60)
asyncio.run(main())
print("it ran, instrumented")
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
    "dashboard": (program(DASHBOARD, "{redis}", says="it was served"),),
    "local": (program(RUNS, "local://./data", says="it ran"),),
    "telemetry": (program(TELEMETRY, "{redis}", says="it ran, instrumented"),),
}
#: Where all extras are together.
EVERYTHING: Final = (
    *BASE,
    program("import interval_scheduler.cli.top.screen"),
    program(RUN, "{redis}", "--reload", says="it was up"),
    program(DASHBOARD_ALONE, "{redis}", says="it was served alone"),
)
#: The most that may be installed, in millions of bytes with compiled files, the package and what it needs included.
LARGEST_MB: Final[Mapping[str, float]] = {"alone": 16, "cli": 35}

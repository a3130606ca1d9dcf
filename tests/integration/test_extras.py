"""An extra that is not installed is named at once, with the command that installs it; nothing hangs, nothing runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.integration.processes import ROOT
from tests.servers import RedisServer

CONNECTS = """
import asyncio
from interval_scheduler import ConfigurationError, IntervalTask, Scheduler
async def main():
    for call in ("connect", "start_task_accept"):
        scheduler = Scheduler.from_url("memory://")
        try:
            async with asyncio.timeout(10):
                await getattr(scheduler, call)()
        except ConfigurationError as error:
            print(type(error).__name__, error)
        await scheduler.close()
    print(len(asyncio.all_tasks()), "task left")
asyncio.run(main())
"""

MAKES = """
from interval_scheduler import IntervalTask, InvalidValue
try:
    IntervalTask("daily", cron="0 6 * * *", timezone="Europe/Riga")
except InvalidValue as error:
    print(error.field, "|", error)
"""

WORKS = """
import asyncio, logging, sys
from interval_scheduler import Scheduler
told = asyncio.Event()
class Telling(logging.Handler):
    def emit(self, record):
        if "pip install" in record.getMessage():
            print(record.getMessage())
            told.set()
logging.getLogger("interval_scheduler").addHandler(Telling())
async def executor(data):
    print("ran", data)
async def main():
    async with Scheduler.from_url(sys.argv[1], namespace=sys.argv[2], lease_seconds=0.5) as scheduler:
        await scheduler.start_task_execute(executor)
        async with asyncio.timeout(20):
            await told.wait()
        await asyncio.sleep(1.5)  # three leases: it must not come again, nor be told of again
        await scheduler.stop_task_execute(drain_seconds=0)
asyncio.run(main())
"""


def without(modules: tuple[str, ...], program: str, *arguments: str) -> list[str]:
    """The lines that a program prints in a process in which some modules are not installed."""
    hidden = f"import sys\nfor each in {modules!r}: sys.modules[each] = None\n"
    if "tzdata" in modules:
        hidden += "import zoneinfo\nzoneinfo.reset_tzpath(to=())\n"
    command = [sys.executable, "-c", hidden + program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("module", ["fakeredis", "lupa"])
def test_memory(module: str) -> None:
    error = "ConfigurationError url memory:// needs the embedded engine: pip install 'interval-scheduler[memory]'"
    assert without((module,), CONNECTS) == [error, error, "1 task left"]


def test_cron() -> None:
    assert without(("cronsim",), MAKES) == ["cron | cron needs a library: pip install 'interval-scheduler[cron]'"]


def test_time_zones() -> None:
    (line,) = without(("tzdata",), MAKES)
    assert line.startswith("timezone | timezone cannot be used, this system knows no time zones: pip install")


@pytest.mark.asyncio
async def test_a_worker_does_not_run_what_it_cannot_reschedule(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    """A daily task came again at the end of each lease."""
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("daily", "d", cron="0 6 * * *", start=time.time() - 86_400))
        lines = without(("cronsim",), WORKS, server.url, namespace)
        (line,) = lines  # told once
        assert "'daily'" in line
        assert "pip install 'interval-scheduler[cron]'" in line
        assert await scheduler.is_scheduled("daily") == "d"

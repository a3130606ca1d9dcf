"""An extra that is not installed is named at once, with the command that installs it; nothing hangs, nothing runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
            async with asyncio.timeout(60):
                await getattr(scheduler, call)()
        except ConfigurationError as error:
            print(type(error).__name__, error)
        await scheduler.close()
    print(len(asyncio.all_tasks()), "task left")
asyncio.run(main())
"""

WAYS = """
import asyncio
from interval_scheduler import BlockingScheduler, ConfigurationError, IntervalTask, Scheduler
from interval_scheduler.testing import time_machine
from interval_scheduler.worker import Worker
async def of_the_time_machine():
    async with time_machine() as clock:
        await clock.scheduler().start_task_accept()
async def in_the_time_machine():
    async with time_machine(), Scheduler.from_url("memory://") as scheduler:
        await scheduler.task_size()
async def that_looks_only():
    scheduler = Scheduler.from_url("memory://shared")
    try:
        await scheduler.connect(create=False)
    finally:
        await scheduler.close()
async def of_several_stores():
    async with Scheduler.from_url("memory://left?name=a", "memory://right?name=b") as scheduler:
        await scheduler.task_size()
async def of_a_worker():
    worker = Worker("memory://")
    @worker.executor
    async def refresh(data: str) -> None:
        print("ran")
    await worker.run()
async def that_blocks():
    with BlockingScheduler.from_url("memory://") as scheduler:
        scheduler.task_size()
for way in (of_the_time_machine, in_the_time_machine, that_looks_only, of_several_stores, of_a_worker, that_blocks):
    try:
        asyncio.run(asyncio.wait_for(way(), 60))
        print(way.__name__, "works")
    except ConfigurationError as error:
        print(way.__name__, error)
"""

COMMANDS = """
from interval_scheduler.cli import main
main()
"""

PLUGIN = """
import sys
import pytest
sys.exit(0 if pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", sys.argv[1], sys.argv[1]]) == 1 else 1)
"""

OF_PLUGIN = """
import pytest

@pytest.mark.asyncio
async def test_it(scheduler_clock):
    await scheduler_clock.scheduler().start_task_accept()
"""

#: What must be told whenever the embedded engine is asked for and not there.
NEEDED = "memory:// needs the embedded engine: pip install 'interval-scheduler[memory]'"

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
        async with asyncio.timeout(60):
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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("module", ["fakeredis", "lupa"])
def test_memory(module: str) -> None:
    error = f"ConfigurationError url {NEEDED}"
    assert without((module,), CONNECTS) == [error, error, "1 task left"]


def test_memory_at_every_way_in() -> None:
    """Where fakeredis is there without lupa, it knows no scripts: that must not come out as an unknown command."""
    lines = without(("lupa",), WAYS)
    assert [line.partition(" ")[2] for line in lines] == [f"url {NEEDED}"] * 6


@pytest.mark.parametrize("words", ["demo --redis memory://", "doctor --redis memory://"])
def test_memory_on_the_command_line(words: str) -> None:
    command = [sys.executable, "-c", f"import sys\nsys.modules['lupa'] = None\n{COMMANDS}", *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode > 0
    assert NEEDED in done.stderr
    assert "evalsha" not in (done.stdout + done.stderr).lower()
    assert "Traceback" not in done.stderr


def test_memory_in_the_fixture_of_pytest(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["interval_scheduler.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(OF_PLUGIN)
    lines = without(("lupa",), PLUGIN, str(tmp_path))
    assert any(NEEDED in line for line in lines)
    assert not any("evalsha" in line.lower() for line in lines)


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

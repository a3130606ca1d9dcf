"""The fixture and its marker where the plugin is named in a conftest.py, as users do, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import asyncio
import pytest
from interval_scheduler import IntervalTask, Scheduler

pytestmark = pytest.mark.asyncio

async def fails(data):
    assert data == "right"

async def play(clock):
    scheduler = Scheduler.from_url("memory://")
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(fails)
    await scheduler.assign_task(IntervalTask("a", "wrong"))
    await clock.advance(hours=1)
    await scheduler.close()

async def test_red(scheduler_clock):
    await play(scheduler_clock)

@pytest.mark.scheduler_clock(errors="log")
async def test_green(scheduler_clock):
    await play(scheduler_clock)

@pytest.mark.scheduler_clock(0, patience=0.3)
async def test_stuck(scheduler_clock):
    assert scheduler_clock.time() == 0
    await scheduler_clock.advance(1)
    await asyncio.sleep(1)  # the machine's time, which nobody moves

async def test_time_outs(scheduler_clock):
    async with asyncio.timeout(25):
        await scheduler_clock.advance(20)
"""


def test_the_plugin_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["interval_scheduler.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "-rA", "--rootdir=."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert "PASSED test_it.py::test_green" in done.stdout, done.stdout + done.stderr
    assert "PASSED test_it.py::test_time_outs" in done.stdout
    assert "FAILED test_it.py::test_red - AssertionError" in done.stdout
    assert "FAILED test_it.py::test_stuck" in done.stdout
    assert "test_stuck waits at" in done.stdout

"""A worker as a process: signals end it in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.servers import RedisServer
from tests.waiting import until

#: Beside other suites, a process takes longer.
DEADLINE_SECONDS = 60

pytestmark = pytest.mark.asyncio


async def _started(server: RedisServer, namespace: str, drain: float, hangs: str = "never") -> Process:
    program = (sys.executable, "-m", "tests.worker.program", server.url, namespace, str(drain), hangs)
    return await asyncio.create_subprocess_exec(*program, stdout=PIPE, stderr=PIPE)


def _catches(process: Process, number: signal.Signals) -> bool:
    """Whether a process handles a signal itself, as /proc tells."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (number - 1))


async def _line(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), DEADLINE_SECONDS)).decode().strip()


async def _rest(process: Process) -> tuple[str, str]:
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_SECONDS)
    return out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_runs_end(redis_server: RedisServer, namespace: str, number: signal.Signals) -> None:
    process = await _started(redis_server, namespace, 30)
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        mail = scheduler.queue("mail")
        await mail.assign_task(IntervalTask("m", "0.5"))
        assert [await _line(process), await _line(process)] == ["open", "begin 0.5"]
        process.send_signal(number)
        out, err = await _rest(process)
        assert (out.split("\n")[:3], process.returncode) == (["end 0.5", "closed", "well"], 0), err
        assert await mail.task_size() == 0


async def test_a_second_signal_cuts_runs_short(redis_server: RedisServer, namespace: str) -> None:
    process = await _started(redis_server, namespace, 60)
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        mail = scheduler.queue("mail")
        await mail.assign_task(IntervalTask("m", "60"))
        assert [await _line(process), await _line(process)] == ["open", "begin 60"]
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        out, err = await _rest(process)
        assert (out.split("\n")[:2], process.returncode) == (["closed", "well"], 0), err
        task = await mail.get_task("m")
        assert task is not None
        assert (task.state, task.attempt) == ("waiting", 1)


async def test_a_signal_ends_a_start_that_hangs(redis_server: RedisServer, namespace: str) -> None:
    process = await _started(redis_server, namespace, 60, "entering")
    assert await _line(process) == "entering"
    process.send_signal(signal.SIGTERM)
    out, err = await _rest(process)
    assert (out, process.returncode) == ("well\n", 0), err


async def test_a_second_signal_ends_a_lifespan_that_hangs(redis_server: RedisServer, namespace: str) -> None:
    process = await _started(redis_server, namespace, 60, "leaving")
    assert await _line(process) == "open"
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.queue("mail").assign_task(IntervalTask("m", "0"))
        assert [await _line(process), await _line(process)] == ["begin 0", "end 0"], "it has started"
    process.send_signal(signal.SIGTERM)
    assert await _line(process) == "leaving"
    process.send_signal(signal.SIGTERM)
    out, err = await _rest(process)
    assert (out, process.returncode) == ("well\n", 0), err


async def test_a_third_signal_ends_the_process(redis_server: RedisServer, namespace: str) -> None:
    process = await _started(redis_server, namespace, 60, "leaving")
    assert await _line(process) == "open"
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.queue("mail").assign_task(IntervalTask("m", "0"))
        assert [await _line(process), await _line(process)] == ["begin 0", "end 0"], "it has started"
    process.send_signal(signal.SIGTERM)
    assert await _line(process) == "leaving", "it has taken the first one"
    process.send_signal(signal.SIGINT)
    await until(lambda: not _catches(process, signal.SIGTERM))  # it has taken the second one
    process.send_signal(signal.SIGTERM)
    out, err = await _rest(process)
    assert (out, process.returncode) == ("", -signal.SIGTERM), err

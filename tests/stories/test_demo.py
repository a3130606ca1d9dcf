"""The demo, run as `make demo` runs it, with smaller numbers."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from interval_scheduler import RedisInstance, Scheduler, SchedulerOptions, StorageOptions
from tests.servers import RedisServer, free_port
from tests.stories.programs import EXAMPLES, ROOT, assert_succeeded, command, environment, run

DEMO = EXAMPLES / "demo.py"
SMALL = ("--tasks", "1000", "--seconds", "6", "--every", "1")


def test_nothing_is_lost(url: str) -> None:
    done = run(DEMO, url, *SMALL, seconds=60)
    assert_succeeded(done)
    output = done.stdout
    place = "the embedded engine, no server" if url.startswith("memory") else f"Redis at {url.removeprefix('redis://')}"
    assert f"1,000 tasks on {place}\n" in output
    assert "assigned 1,000 tasks" in output
    # 20 ms of work a run and 1,000 runs a second: about 20 tasks are claimed at each moment.
    held = re.search(r"scheduler [AB] killed with (\d+) tasks claimed; their leases end in 3 s", output)
    assert held is not None
    assert int(held[1]) > 0
    assert "scheduler C started" in output
    assert re.search(r"^taken over +[1-9]", output, re.MULTILINE)
    assert re.search(r"^lag p50 / p90 / p99 / max +\d+\.\d / \d+\.\d / \d+\.\d / \d+\.\d ms$", output, re.MULTILINE)
    assert re.search(r"^still scheduled at the end +1,000 of 1,000 tasks$", output, re.MULTILINE)
    assert re.search(r"^ran again after the kill +1,000 of 1,000 tasks$", output, re.MULTILINE)
    assert output.endswith("\nNothing was lost.\n")


@pytest.mark.asyncio
async def test_a_lost_task_is_noticed(redis_server: RedisServer) -> None:
    instance = RedisInstance(host="127.0.0.1", port=redis_server.port, name="demo")
    options = SchedulerOptions(storage=StorageOptions(instances=(instance,)), namespace="interval-scheduler-demo")
    arguments = command(DEMO, redis_server.url, "--tasks", "1000", "--seconds", "8", "--every", "1")
    demo = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, env=environment(), stdout=asyncio.subprocess.PIPE)
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(60), Scheduler(options) as saboteur:
            # A second or more after the kill, so that the task has run again: now it is only missing. The kill comes
            # when an interval begins, so that a task of its middle is not one of those that wait for leases to end.
            async for line in demo.stdout:
                if b"C started" in line:
                    break
            for _ in range(2):
                await demo.stdout.readline()
            assert await saboteur.remove_task("user:500")
            output = (await demo.communicate())[0].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            demo.kill()
    assert re.search(r"^still scheduled at the end +999 of 1,000 tasks$", output, re.MULTILINE)
    assert "Tasks were lost" in output
    assert demo.returncode == 1


def test_it_leaves_no_tasks_behind(redis_server: RedisServer) -> None:
    assert_succeeded(run(DEMO, redis_server.url, "--tasks", "10", "--seconds", "1", "--every", "0.5", seconds=60))
    with redis_server.client() as client:
        kinds = {str(key).rpartition(":")[2] for key in client.scan_iter("{interval-scheduler-demo*")}
    assert not kinds & {"tasks'", "due'", "leased'", "leases'", "attempts'", "dead'"}


def test_a_server_that_is_not_there() -> None:
    done = run(DEMO, f"redis://:secret@127.0.0.1:{free_port()}/0", seconds=30)
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "is offline" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("http://localhost",), ("--tasks", "0"), ("--seconds", "-1")])
def test_bad_arguments(arguments: tuple[str, ...]) -> None:
    done = run(DEMO, *arguments, seconds=30)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert "Traceback" not in done.stderr

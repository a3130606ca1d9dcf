"""Runs commands as processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.forked import run_forked
from tests.servers import RedisServer

#: A process takes longer beside other suites.
DEADLINE_SECONDS = 60


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: nothing of that of the tests is a setting of it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("INTERVAL_SCHEDULER_")}
    return {**inherited, "COLUMNS": "100", "TZ": "UTC", **more}


def run_command(*words: str, given: str | bytes = "", **environment: str) -> Result:
    """Run a command to its end, in a process of its own that has its modules already."""
    if any(name.startswith("PYTHON") for name in environment):
        return start_command(*words, **environment)  # what Python reads when it begins
    standard_input = given.encode() if isinstance(given, str) else given
    return Result(*run_forked(words, standard_input, _environment(environment), DEADLINE_SECONDS))


def start_command(*words: str, **environment: str) -> Result:
    """Do the same with a new interpreter, as a shell does it."""
    ended = subprocess.run(
        [sys.executable, "-m", "interval_scheduler.cli", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env=_environment(environment),
    )
    return Result(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@pytest.fixture
def command(redis_server: RedisServer, namespace: str) -> Callable[..., Result]:
    """Runs a command on the namespace of the test, on a real Redis."""

    def run(*words: str, given: str | bytes = "", **environment: Any) -> Result:
        settings = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
        return run_command(*words, given=given, **{**settings, **environment})

    return run


@pytest.fixture
def beside(command: Callable[..., Result]) -> Callable[..., Awaitable[Result]]:
    """The same while the event loop of the test goes on, so that its own schedulers keep their connections."""

    async def run(*words: str, **given: Any) -> Result:
        return await asyncio.to_thread(command, *words, **given)

    return run


@pytest.fixture
def inside(redis_server: RedisServer, namespace: str) -> Callable[..., Result]:
    """Does the same in this process, a hundred times as fast; without standard input."""
    from tests.cli.inside import run_inside

    def run(*words: str, **environment: str) -> Result:
        settings = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
        return run_inside(*words, **{**settings, **environment})

    return run

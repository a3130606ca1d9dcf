"""Standard streams that are closed, or take nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from tests.cli.conftest import DEADLINE_SECONDS
from tests.servers import RedisServer

Shell = Callable[[str], Any]


@pytest.fixture
def shell(redis_server: RedisServer, namespace: str) -> Shell:
    """Runs a command with redirections of a shell, on the namespace of the test."""
    settings = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}

    def run(words: str) -> Any:
        return subprocess.run(
            f"exec {sys.executable} -m interval_scheduler.cli {words}",
            shell=True,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
            text=True,
            env={**os.environ, **settings},
        )

    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        scheduler.assign_tasks(IntervalTask(f"t{n}", every=3600) for n in range(300))
    return run


def test_closed_streams_are_no_bug(shell: Shell) -> None:
    assert shell("list >&-").returncode == 0
    ended = shell("remove t1 nobody >&-")
    assert (ended.returncode, ended.stderr) == (1, "removed: 1, no such task: 1\n")
    assert shell("show t1 2>&-").returncode == 1, "it was removed"
    assert shell("list --redis-file - <&-").returncode == 78
    assert shell("pause - <&- >&- 2>&-").returncode == 0


def test_processes_that_are_started_have_no_closed_streams(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(
        "import os\nfrom interval_scheduler.worker import Worker\n"
        "def make():\n"
        "    with open('told', 'w') as told:\n"
        "        told.write(' '.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3)))\n"
        "    raise SystemExit\n"
    )
    words = f"run quiet:make <&- >&- 2>&- --namespace quiet # {tmp_path}"
    ended = subprocess.run(
        f"cd {tmp_path} && exec {sys.executable} -m interval_scheduler.cli {words}",
        shell=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ended.returncode == 78
    assert (tmp_path / "told").read_text() == "/dev/null /dev/null /dev/null"


def test_an_output_that_is_full_is_told(shell: Shell) -> None:
    for words in ("list", "list --json", "export", "export --gzip", "remove --help"):
        ended = shell(f"{words} > /dev/full")
        assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
            74,
            "The output cannot be written: No space left on device",
        )
    ids = " ".join(f"t{n}" for n in range(300))
    ended = shell(f"remove {ids} > /dev/full")
    assert (ended.returncode, "removed: 300" in ended.stderr) == (74, True), "the work is done to its end"
    assert shell("list --quiet").stdout == ""

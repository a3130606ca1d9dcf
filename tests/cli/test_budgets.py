"""What a command costs: processor time, beside that of Python loading the client of Redis; and what it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.app import COMMANDS
from tests.servers import RedisServer

_ROUNDS = 5
_RUN = "import sys\nfrom interval_scheduler.cli import main\nmain()"
#: Loads nothing that is only needed to do something.
_LOADS_LITTLE = (
    "import atexit, sys\nfrom interval_scheduler.cli import main\n"
    "heavy = {'redis', 'rich', 'anyio', 'textual', 'asyncio'}\n"
    "atexit.register(lambda: print(heavy & set(sys.modules), file=sys.stderr))\n"
    "main()\n"
)


def seconds_of(*arguments: str, **environment: str) -> float:
    """The processor time of a Python that runs to its end."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime


@pytest.mark.asyncio
async def test_a_look_costs_little_more_than_the_client(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    """Measured with nothing else to do: 1.55 times as much for `show`, and a third for the help."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", start=4e9))
    where = ("--redis", redis_server.url, "-n", namespace)
    programs = {
        "client": ("-c", "import redis.asyncio"),
        "show": ("-c", _RUN, "show", "a", *where),
        "help": ("-c", _RUN, "list", "--help"),
    }
    # Modules are compiled once, as where the package is installed, and not into the folder of the sources.
    cached = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    for program in programs.values():
        seconds_of(*program, **cached)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(_ROUNDS):  # by turns, so that a burst of other work meets all of them
        for name, program in programs.items():
            taken[name].append(seconds_of(*program, **cached))
    # The least: a busy machine makes processor time more, by its caches and by what else shares the cores.
    client, *others = (min(each) for each in taken.values())
    ratios = dict(zip(list(programs)[1:], (other / client for other in others), strict=True))
    assert ratios["show"] < 2.2, ratios
    assert ratios["help"] < 0.7, ratios


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_no_command_loads_a_client(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADS_LITTLE, name, "--help"], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("Usage: ")
    assert done.stderr == "set()\n"


def test_completion_loads_no_client() -> None:
    for words in ("interval-scheduler ", "interval-scheduler list --st", "interval-scheduler dead "):
        asked = {"_INTERVAL_SCHEDULER_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": "1"}
        done = subprocess.run(
            [sys.executable, "-c", _LOADS_LITTLE],
            env={**os.environ, **asked},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == "set()\n"

"""Importing the package loads no more than what the program uses, and hides nothing."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import interval_scheduler
from interval_scheduler.support.lazy import places_of
from tests.public import NAMES

STUB = Path(interval_scheduler.__file__).with_suffix(".pyi")
#: The processor time that an import of the package may take, ms, beside that of Python itself.
MOST_MS = 60
#: It is more on a busy machine, whose caches are full of other things: one of so many imports has to be as fast.
ATTEMPTS = 50
LINE = re.compile(r"from (\.[\w.]+) import (\w+) as \2\b")


def fresh(code: str) -> str:
    """What a new Python process writes that runs some code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(code: str) -> set[str]:
    """The packages that a new process has loaded in the end."""
    return set(fresh(f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})").split())


@pytest.mark.parametrize(
    "use",
    [
        "",
        "interval_scheduler.IntervalTask('a', every=60)",
        "interval_scheduler.Rate(5, per=60)",
        "dir(interval_scheduler)",
    ],
)
def test_a_process_that_connects_to_nothing_loads_no_client(use: str) -> None:
    loaded = loaded_by(f"import interval_scheduler\n{use}")
    assert "interval_scheduler" in loaded
    assert loaded.isdisjoint({"redis", "hiredis", "anyio", "asyncio", "fakeredis"})


def test_a_scheduler_loads_its_client() -> None:
    assert {"redis", "hiredis", "anyio"} <= loaded_by("from interval_scheduler import Scheduler")


@pytest.mark.parametrize("use", ["", "interval_scheduler.IntervalTask"])
def test_it_takes_little_processor_time(use: str) -> None:
    code = (
        "import time; began = time.process_time_ns(); import interval_scheduler\n"
        f"{use}\n"
        "print(time.process_time_ns() - began)"
    )
    assert any(int(fresh(code)) <= MOST_MS * 1_000_000 for _ in range(ATTEMPTS))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_names_the_package(name: str) -> None:
    thing = getattr(interval_scheduler, name)
    assert thing.__module__ == "interval_scheduler"
    assert pickle.loads(pickle.dumps(thing)) is thing


def test_the_star_brings_all() -> None:
    code = "import interval_scheduler as i; from interval_scheduler import *; print(*(set(i.__all__) - set(globals())))"
    assert fresh(code) == ""


def test_dir_tells_the_names_before_they_are_used() -> None:
    assert set(NAMES) <= set(fresh("import interval_scheduler; print(*dir(interval_scheduler))").split())


def test_what_comes_along_is_published_too() -> None:
    # Nobody asked the package for these classes; a traceback and a pickle name the public place all the same.
    code = (
        "from interval_scheduler import Scheduler\n"
        "from interval_scheduler.errors import LockTimeout\n"
        "from interval_scheduler.model.task import ScheduledTask\n"
        "print(LockTimeout.__module__, ScheduledTask.__module__)"
    )
    assert fresh(code) == "interval_scheduler interval_scheduler"


def test_a_pickle_is_read_where_nothing_is_loaded_yet() -> None:
    raw = pickle.dumps(interval_scheduler.IntervalTask("a", every=60))
    assert fresh(f"import pickle; print(pickle.loads({raw!r}).id)") == "a"


def test_threads_that_import_at_once_get_the_same() -> None:
    code = (
        "import threading, interval_scheduler as i, sys\n"
        "sys.setswitchinterval(1e-5)\n"
        "found = []\n"
        "names = ['BlockingScheduler', 'IntervalTask', 'Scheduler', 'Health', 'Lock', 'TaskRun'] * 3\n"
        "threads = [threading.Thread(target=lambda n=n: found.append((n, getattr(i, n)))) for n in names]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(len(found), {thing.__module__ for _, thing in found}, len({thing for _, thing in found}))"
    )
    assert fresh(code) == "18 {'interval_scheduler'} 6"


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'interval_scheduler' has no attribute 'Schedule'"):
        interval_scheduler.Schedule  # type: ignore[attr-defined]  # noqa: B018 - looking is what fails


def test_the_list_has_one_name_a_line() -> None:
    lines = [line for line in STUB.read_text().splitlines() if line.startswith("from")]
    assert all(LINE.fullmatch(line) for line in lines)
    assert lines == sorted(lines, key=lambda line: places_of(line).popitem()[::-1])
    assert sorted(places_of("\n".join(lines))) == NAMES
    assert len(lines) == len(NAMES), "no name is there twice"

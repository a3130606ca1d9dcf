"""The public API under mypy and pyright, both strict: right uses pass with the right types, wrong uses are refused."""

from __future__ import annotations

import ast
import fcntl
import inspect
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from mypy import api

import interval_scheduler
from interval_scheduler import Scheduler
from tests.public import NAMES

HERE = Path(__file__).parent
RIGHT = HERE / "public_api.py"
WRONG = HERE / "wrong_uses.txt"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> dict[str, dict[int, set[str]]]:
    """What mypy says of both programs in one go: error codes by file name and line."""
    folder = tmp_path_factory.mktemp("typing")
    for source, name in ((RIGHT, "right.py"), (WRONG, "wrong.py")):
        (folder / name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    # Its own settings, since users have their own; a cache that stays makes later runs fast.
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("mypy")
    with (cache / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # two processes that run tests may come here at once, and one has to wait
        out, err, _ = api.run(
            [
                "--strict",
                "--config-file=",
                f"--cache-dir={cache}",
                "--no-error-summary",
                "--hide-error-context",
                "--show-error-codes",
                "--enable-error-code=unused-coroutine",
                str(folder / "right.py"),
                str(folder / "wrong.py"),
            ]
        )
    assert err == ""
    found: dict[str, dict[int, set[str]]] = {"right.py": defaultdict(set), "wrong.py": defaultdict(set)}
    for line in out.splitlines():
        if match := re.match(r".*?(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", line):
            assert match[1] in found, f"the package itself has an error: {line}"
            found[match[1]][int(match[2])].add(match[3])
        else:
            assert ": note: " in line, line
    return found


def marked() -> dict[int, set[str]]:
    """The lines that have to be refused, and mypy's code for each."""
    return {
        number: {mark[1]}
        for number, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := re.search(r"# E: ([\w-]+)$", line))
    }


def test_right_uses_pass(reported: dict[str, dict[int, set[str]]]) -> None:
    assert dict(reported["right.py"]) == {}


def test_wrong_uses_are_refused(reported: dict[str, dict[int, set[str]]]) -> None:
    assert len(marked()) > 50
    assert dict(reported["wrong.py"]) == marked()


def test_pyright_refuses_the_same(tmp_path: Path) -> None:
    # `make check` has it look at the right uses. It counts the same lines as wrong, under names of its own.
    (tmp_path / "wrong.py").write_text(WRONG.read_text(encoding="utf-8"), encoding="utf-8")
    # The package is the one beside these tests, whichever is installed.
    settings = {
        "typeCheckingMode": "standard",
        "reportUnusedCoroutine": True,
        "extraPaths": [str(HERE.parents[1])],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", f"--pythonpath={sys.executable}"]
    done = subprocess.run(
        [*command, f"--project={tmp_path}"], cwd=HERE.parents[1], capture_output=True, text=True, check=False
    )
    refused = {each["range"]["start"]["line"] + 1 for each in json.loads(done.stdout)["generalDiagnostics"]}
    assert refused == set(marked())


def test_the_right_uses_are_the_whole_api() -> None:
    tree = ast.parse(RIGHT.read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    members = {name for name in dir(Scheduler) if not name.startswith("_")}
    assert members - used == set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    plain_errors = {
        name
        for name in NAMES
        if isinstance(thing := getattr(interval_scheduler, name), type) and issubclass(thing, Exception)
    }
    assert set(NAMES) - names - plain_errors == set()


def test_every_public_call_says_what_it_takes_and_returns() -> None:
    for name, thing in inspect.getmembers(Scheduler):
        function = getattr(thing, "fget", None) or getattr(thing, "__func__", None) or thing
        if not name.startswith("_") and callable(function):
            assert "return" in function.__annotations__, name

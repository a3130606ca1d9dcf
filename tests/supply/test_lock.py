"""The lock is complete, exact, hashed, and what is installed; checked without any network."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest

from supply.lock import LOCK, Pin, for_here, graph, missing, parse
from supply.sbom import ROOT, needs

HASH = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def pins() -> list[Pin]:
    return parse(LOCK.read_text())


@pytest.fixture(scope="module")
def wanted() -> list[str]:
    """All that pyproject.toml asks for: at run time, by extras, to develop, to build."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = content["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    asked = [
        *project["dependencies"],
        *extras,
        *content["dependency-groups"]["dev"],
        *content["build-system"]["requires"],
    ]
    return [str(text) for text in asked]


@pytest.mark.parametrize("name", ["dev.txt", "peers.txt"])
def test_every_line_is_an_exact_version_with_hashes(name: str) -> None:
    # So it names neither an index nor an address nor a path.
    assert len(parse((LOCK.parent / name).read_text())) > 50


@pytest.mark.parametrize(
    "line",
    [
        "redis",
        "redis==8.1.0",
        f"redis>=8 --hash={HASH}",
        f"redis==8.* --hash={HASH}",
        "redis==8.1.0 --hash=md5:0123456789abcdef",
        f"redis @ file:///tmp/redis.whl --hash={HASH}",
        f"./redis.whl --hash={HASH}",
        "--index-url https://packages.example/simple",
        "--find-links /tmp",
        "-e .",
        "# a comment",
        "",
    ],
)
def test_other_lines_are_noticed(line: str) -> None:
    good = f"anyio==4.16.0 \\\n    --hash={HASH} \\\n    --hash={HASH}\n"
    assert [pin.line for pin in parse(good)] == [f"anyio==4.16.0 --hash={HASH} --hash={HASH}"]
    with pytest.raises(ValueError, match="not an exact version with its hashes"):
        parse(f"{good}{line}\n{good}")


def test_it_is_complete(pins: list[Pin], wanted: list[str]) -> None:
    assert missing(for_here(pins), wanted, needs()) == []


@pytest.mark.parametrize("name", ["redis", "idna", "lupa", "hatchling"])
def test_what_it_lacks_is_noticed(pins: list[Pin], wanted: list[str], name: str) -> None:
    assert missing(for_here(pin for pin in pins if pin.name != name), wanted, needs())


def test_a_version_that_does_not_fit_is_noticed(pins: list[Pin], wanted: list[str]) -> None:
    older = [pin._replace(version="5.0.0") if pin.name == "redis" else pin for pin in pins]
    assert any("redis" in fault for fault in missing(for_here(older), wanted, needs()))


def test_nothing_is_pinned_that_nothing_needs(pins: list[Pin], wanted: list[str]) -> None:
    assert {pin.name for pin in pins} - set(graph(pins, wanted, needs())) == set()


def test_what_is_pinned_is_installed(pins: list[Pin]) -> None:
    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    assert {name: installed(name) for name in for_here(pins)} == {
        name: pin.version for name, pin in for_here(pins).items()
    }


def test_what_is_installed_fits_together() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

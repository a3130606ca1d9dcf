"""The table of other schedulers beside this one, from what `make bench-peers` measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from docs.making.parts import BadPage

_MEASURED: Final = Path(__file__).parents[2] / "benchmarks" / "results" / "peers.json"
_OURS: Final = "interval_scheduler"
_ACROSS: Final = "across"
_TIMES: Final = "\N{MULTIPLICATION SIGN}"

_Medians = Mapping[str, float]


def peers(*columns: str) -> str:
    """Return the table: a row for each scheduler that was measured, ours first, then the fastest.

    Args:
        columns: the names of its columns, as in `_COLUMNS`. With `across` as the first, the schedulers are the columns,
            and these are the rows.

    Raises:
        BadPage: there is no such column.
    """
    is_across = columns[:1] == (_ACROSS,)
    columns = columns[1:] if is_across else columns
    if unknown := set(columns) - set(_COLUMNS):
        raise BadPage(f"there is no column {', '.join(sorted(unknown))}; known: {', '.join(_COLUMNS)}")
    shown = [_COLUMNS[name] for name in columns]
    measured = json.loads(_MEASURED.read_text(encoding="utf-8"))
    medians: dict[str, _Medians] = measured["medians"]
    names = sorted(measured["about"], key=lambda name: (name != _OURS, -medians[name]["dispatch"]))
    rows = [["", *(title for title, _ in shown)]]
    for name in names:
        cells = [_called(name, measured["about"][name]), *(cell(medians[name], medians[_OURS]) for _, cell in shown)]
        rows.append([f"**{cell}**" for cell in cells] if name == _OURS else cells)
    head, *rest = zip(*rows, strict=True) if is_across else rows
    return "\n".join([_row(head), "|---" * len(head) + "|", *map(_row, rest)])


def _row(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def _called(name: str, about: dict[str, Any]) -> str:
    """A peer with its version; ours is what it is."""
    if name == _OURS:
        return name
    versions: dict[str, str] = about["versions"]
    itself = name.partition(" ")[0].lower()
    return next(f"{name} {text}" for package, text in versions.items() if package.lower().removeprefix("py") == itself)


def _rate(key: str) -> Callable[[_Medians, _Medians], str]:
    """A cell with a rate, and how many times as large ours is."""

    def cell(theirs: _Medians, ours: _Medians) -> str:
        text = f"{theirs[key]:,.0f}" if theirs[key] < 10_000 else f"{round(theirs[key], -2):,.0f}"
        return text if theirs is ours else f"{text} ({_TIMES}{_short(ours[key] / theirs[key])})"

    return cell


def _rate_of_two(theirs: _Medians, ours: _Medians) -> str:
    """The same for two processes; of those that run tasks twice, how many: their rate says nothing."""
    again = theirs["duplicates_two"]
    return f"{again:,.0f} tasks twice" if again else _rate("dispatch_two")(theirs, ours)


def _bytes(theirs: _Medians, _: _Medians) -> str:
    return f"{theirs['bytes_per_task']:,.0f}"


def _lag(theirs: _Medians, _: _Medians) -> str:
    early = -theirs["lag_min_ms"]
    note = f"; up to {_short(early)} ms early" if early >= 1 else ""
    return f"{_short(theirs['lag_p50_ms'])}, {_short(theirs['lag_p99_ms'])} ms{note}"


def _cpu(theirs: _Medians, _: _Medians) -> str:
    worker, redis = (theirs[f"{name}_cpu_per_1000"] * 1000 for name in ("worker", "redis"))
    return f"{_short(worker)}, {_short(redis)} µs"


def _short(value: float) -> str:
    """Two digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


_COLUMNS: Final = {
    "dispatch": ("runs a second, one process", _rate("dispatch")),
    "two": ("two processes", _rate_of_two),
    "assign": ("tasks added a second", _rate("assign")),
    "bytes": ("bytes of Redis a task", _bytes),
    "lag": ("lag at 1,000 runs a second: median, p99", _lag),
    "cpu": ("processor time of a run: worker, Redis", _cpu),
}

"""The columns of a list of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..options.durations import span_text
from .output import Colored
from .words import moment_of, repetition_of, rules_of

_COLORS: Final = {"leased": "green", "paused": "yellow"}


class Columns(click.ParamType[tuple[str, ...]]):
    """An option that names columns, with commas between."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names; fail with a usage error."""
        if isinstance(value, tuple):
            return value
        names = tuple(each.strip() for each in value.split(","))
        unknown = [each for each in names if each not in COLUMNS]
        if unknown:
            self.fail(f"there is no column {unknown[0]!r}: choose of {', '.join(COLUMNS)}", param, ctx)
        return names

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the columns with which what is typed can go on."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - it is needed for a completion only

        before, comma, begun = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}") for name in COLUMNS if name.startswith(begun)]


def _state(task: interval_scheduler.ScheduledTask) -> Any:
    return Colored(task.state, _COLORS[task.state]) if task.state in _COLORS else task.state


def _in(task: interval_scheduler.ScheduledTask) -> str:
    return span_text(task.next_run - datetime.now(UTC).timestamp())


#: How the cell of each column is made.
COLUMNS: Final[Mapping[str, Callable[[interval_scheduler.ScheduledTask], Any]]] = {
    "id": lambda task: task.id,
    "state": _state,
    "next": lambda task: moment_of(task.next_run),
    "in": _in,
    "runs": lambda task: repetition_of(task.every, task.cron, task.timezone),
    "rules": lambda task: rules_of(task) or None,
    "group": lambda task: task.group,
    "partition": lambda task: task.partition,
    "attempt": lambda task: task.attempt,
    "failures": lambda task: task.failures,
    "claimed": lambda task: moment_of(task.claimed_at),
    "failed": lambda task: moment_of(task.failed_at),
    "error": lambda task: None if task.last_error is None else Colored(task.last_error, "red"),
    "payload": lambda task: task.data,
}
#: Those that are shown unless others are asked for.
SHOWN: Final = ("id", "state", "next", "in", "runs")


def cells_of(task: interval_scheduler.ScheduledTask, names: tuple[str, ...]) -> list[Any]:
    """Return the cells of a task."""
    return [COLUMNS[name](task) for name in names]


def value_of(task: interval_scheduler.ScheduledTask, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what JSON shows of these columns."""
    cells = zip(names, cells_of(task, names), strict=True)
    return {name: cell.value if isinstance(cell, Colored) else cell for name, cell in cells}

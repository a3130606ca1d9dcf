"""Tasks that failed, as rows, and the groups of those that failed by the same error. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .. import DeadTask, ScheduledTask
from ..cli.output.words import moment_of

#: Stands for what differs from one task to the next.
_ELLIPSIS: Final = "…"
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
#: UUIDs, addresses in memory, digests, and numbers also with a sign, a fraction or a unit behind them.
_VARYING: Final = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d+(?:[.,:]\d+)*",
    re.IGNORECASE,
)
_NO_ERROR: Final = "no error is known"


@dataclass(frozen=True, slots=True)
class Setback:
    """A task whose last run failed.

    Attributes:
        id: its id.
        error: the error of that run.
        at: the moment at which it failed, or was set aside, in UTC; `None` if it is not known.
        attempts: of a dead task its attempts; of another one the number of its next attempt.
        failures: the number of its occurrences that failed in all their attempts; `None` for a dead task.
        next_run: the moment of its next run, in UTC; `None` for a dead task.
        state: `"dead"`, or the state of a scheduled task.
        partition: the name of its partition.
    """

    id: str
    error: str
    at: datetime | None
    attempts: int
    failures: int | None
    next_run: datetime | None
    state: str
    partition: str


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Tasks that failed by the same error.

    Attributes:
        error: their error, without what differs between them.
        count: how many they are.
        first: the earliest of the moments at which they failed, in UTC; `None` if none is known.
        last: the latest.
        tasks: the tasks, in the order of the page.
    """

    error: str
    count: int
    first: datetime | None
    last: datetime | None
    tasks: tuple[Setback, ...]


def of_failing(task: ScheduledTask) -> Setback:
    """Return the row of a task whose last run failed and that goes on."""
    return Setback(
        task.id,
        task.last_error or _NO_ERROR,
        moment_of(task.failed_at),
        task.attempt,
        task.failures,
        moment_of(task.next_run),
        task.state,
        task.partition,
    )


def of_dead(task: DeadTask) -> Setback:
    """Return the row of a task that was set aside."""
    return Setback(
        task.id, task.error or _NO_ERROR, moment_of(task.died_at), task.attempts, None, None, "dead", task.partition
    )


def same_error(error: str) -> str:
    """Return the first line of an error without the numbers, the ids and what is quoted in it.

    Two errors with one text are one group: `Timeout after 31.2 s` and `Timeout after 30.7 s`.
    """
    line = error.strip().partition("\n")[0].strip()
    return _VARYING.sub(_ELLIPSIS, _QUOTED.sub(lambda found: found[0][0] + _ELLIPSIS + found[0][-1], line))


def grouped(tasks: Iterable[Setback]) -> Sequence[ErrorGroup]:
    """Group tasks by their error: the largest group first, and of equal ones that with the first task."""
    found: dict[str, list[Setback]] = {}
    for task in tasks:
        found.setdefault(same_error(task.error), []).append(task)
    groups = [_group(error, members) for error, members in found.items()]
    return sorted(groups, key=lambda group: -group.count)


def _group(error: str, tasks: Sequence[Setback]) -> ErrorGroup:
    moments = [task.at for task in tasks if task.at is not None]
    return ErrorGroup(error, len(tasks), min(moments, default=None), max(moments, default=None), tuple(tasks))

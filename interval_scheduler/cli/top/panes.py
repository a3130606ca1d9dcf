"""The panes of a frame: tables of text, with the values by which their rows are sorted. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ... import CardRun, DeadTask, PartitionOverview, ScheduledTask, SchedulerCard
from ..options.durations import duration_text
from ..output.output import printable
from ..output.words import executes_of, repetition_of
from .reading import Reading

#: How a text is to be taken; a screen gives each a colour.
Tone = Literal["plain", "good", "warn", "bad", "dim"]

#: What a row is about: the id of a task, a dead task, a scheduler or a partition.
Subject = str | DeadTask | SchedulerCard | PartitionOverview

#: A run that takes longer is told apart, seconds.
_LONG_SECONDS: Final = 60.0
#: A scheduler that has not reported for longer may be gone, seconds.
_SILENT_SECONDS: Final = 11.0
#: The most characters of an error in a row.
_LONGEST: Final = 160
#: The most characters of an id in a row.
_LONGEST_ID: Final = 40


@dataclass(frozen=True)
class Column:
    """A column of a pane; numbers stand on the right."""

    name: str
    is_number: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a pane.

    Attributes:
        key: tells it from the other rows of the pane.
        cells: its texts.
        values: what it is sorted by, one for each cell: numbers, texts or `None`.
        tone: how it is to be taken.
        subject: what can be shown in full: the id of a task, a dead task, a scheduler or a partition.
    """

    key: str
    cells: tuple[str, ...]
    values: tuple[Any, ...]
    tone: Tone
    subject: Subject


@dataclass(frozen=True)
class Pane:
    """A pane of a frame.

    Attributes:
        name: its name, for programs.
        title: its title.
        columns: its columns.
        rows: its rows.
        total: how many there are of what it shows, which may be more than the rows; `None`: not known.
        is_filtered: True if only some rows are shown.
        sorted_by: the number of the column that it is sorted by, and if the largest comes first; `None`: it is as read.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int | None
    is_filtered: bool = False
    sorted_by: tuple[int, bool] | None = None


def panes_of(reading: Reading) -> Sequence[Pane]:
    """Return the panes of a reading, in their order."""
    overview = reading.overview
    return (
        _partitions(reading),
        _schedulers(reading),
        _runs(reading),
        Pane(
            "due",
            "Next due",
            _columns("task", "due", "runs", "#attempt", "group", "partition"),
            tuple(_due_row(each, reading.now) for each in (reading.due.tasks if reading.due else ())),
            overview.waiting if overview else None,
        ),
        Pane(
            "failing",
            "Failing",
            _columns("task", "failed", "#failures", "next", "error"),
            tuple(_failing_row(each, reading.now) for each in (reading.failing.tasks if reading.failing else ())),
            overview.failing if overview else None,
        ),
        Pane(
            "dead",
            "Dead",
            _columns("task", "died", "#attempts", "error"),
            tuple(_dead_row(each, reading.now) for each in (reading.dead.tasks if reading.dead else ())),
            overview.dead if overview else None,
        ),
    )


def _partitions(reading: Reading) -> Pane:
    columns = _columns(
        "partition", "state", "#tasks", "#due", "#running", "#paused", "#failing", "#dead", "late", "#hints"
    )
    rows = []
    for each in reading.overview.partitions if reading.overview else ():
        state, tone = _state(each.online, is_paused=each.pause is not None, moves=each.moving is not None)
        late = None if each.oldest_due is None else max(0.0, reading.now - each.oldest_due)
        counts = (each.waiting + each.leased + each.paused, each.due, each.leased, each.paused, each.failing, each.dead)
        values = (each.name, state, *(counts if each.online else (None,) * 6), late, each.hints)
        rows.append(_row(each.name, values, tone, each, spans={8}))
    return Pane("partitions", "Partitions", columns, tuple(rows), len(rows) if reading.overview else None)


def _state(online: bool, *, is_paused: bool, moves: bool) -> tuple[str, Tone]:  # noqa: FBT001 - the first question
    if not online:
        return "offline", "bad"
    if is_paused:
        return "paused", "warn"
    return ("moving", "warn") if moves else ("online", "plain")


def _schedulers(reading: Reading) -> Pane:
    columns = _columns(
        "host", "#pid", "executes", "#running", "#places", "longest run", "#runs", "#failed", "up", "seen"
    )
    rows = []
    for card in reading.cards or ():
        silent = reading.now - card.last_seen
        executes = executes_of(card) or "nothing"
        longest = card.longest[0] if card.longest else None
        cells = (card.host, str(card.pid), executes, f"{card.running:,}", f"{card.places:,}", "", "", "", "", "")
        values = (
            *(card.host, card.pid, executes, card.running, card.places),
            None if longest is None else _age(card, longest),
            *(card.runs, card.failures, reading.now - card.since, silent),
        )
        said = "" if longest is None else f"{_span(_age(card, longest))} {_short(longest.id)}"
        rest = (said, f"{card.runs:,}", f"{card.failures:,}", _span(values[8]), f"{_span(silent)} ago")
        tone: Tone = "warn" if silent > _SILENT_SECONDS else "plain"
        rows.append(Row(card.id, (*map(printable, cells[:5]), *rest), values, tone, card))
    return Pane("schedulers", "Schedulers", columns, tuple(rows), None if reading.cards is None else len(rows))


def _runs(reading: Reading) -> Pane:
    """Make the pane of the longest runs of all schedulers, each of which tells its 20 longest."""
    found = [(_age(card, run), run, card) for card in reading.cards or () for run in card.longest]
    rows = []
    for took, run, card in sorted(found, key=lambda each: -each[0]):
        values = (_short(run.id), took, run.queue, f"{card.host} {card.pid}")
        tone: Tone = "warn" if took > _LONG_SECONDS else "plain"
        rows.append(_row(f"{card.id} {run.queue} {run.id}", values, tone, run.id, spans={1}))
    total = None if reading.cards is None else sum(card.running for card in reading.cards)
    return Pane("runs", "Longest runs", _columns("task", "for", "queue", "scheduler"), tuple(rows), total)


def _age(card: SchedulerCard, run: CardRun) -> float:
    """Return how long a run had taken when its scheduler told of it; by now it may have ended."""
    return max(0.0, card.last_seen - run.since)


def _due_row(task: ScheduledTask, now: float) -> Row:
    left = task.next_run - now
    values = (
        *(task.id, left, repetition_of(task.every, task.cron, task.timezone), task.attempt, task.group, task.partition),
    )
    cells = (_short(task.id), _until(left), values[2], str(task.attempt), task.group or "", task.partition)
    return Row(task.id, tuple(map(printable, cells)), values, "warn" if left < -1 else "plain", task.id)


def _failing_row(task: ScheduledTask, now: float) -> Row:
    ago = None if task.failed_at is None else now - task.failed_at
    error = (task.last_error or "")[:_LONGEST]
    values = (task.id, ago, task.failures, task.next_run - now, error)
    cells = (_short(task.id), _ago(ago), f"{task.failures:,}", _until(task.next_run - now), error)
    return Row(task.id, tuple(map(printable, cells)), values, "plain", task.id)


def _dead_row(task: DeadTask, now: float) -> Row:
    error = " ".join(task.error.split())[:_LONGEST]
    values = (task.id, now - task.died_at, task.attempts, error)
    cells = (_short(task.id), _ago(now - task.died_at), f"{task.attempts:,}", error)
    return Row(task.id, tuple(map(printable, cells)), values, "plain", task)


def _row(key: str, values: tuple[Any, ...], tone: Tone, subject: Subject, *, spans: set[int]) -> Row:
    """Make a row whose cells are its values; `spans` are the columns with spans of seconds."""
    cells = [
        ""
        if each is None
        else _span(each)
        if at in spans
        else f"{each:,}"
        if isinstance(each, int)
        else printable(each)
        for at, each in enumerate(values)
    ]
    return Row(key, tuple(cells), values, tone, subject)


def _columns(*names: str) -> tuple[Column, ...]:
    """Make columns; those of numbers begin with `#`."""
    return tuple(Column(name.removeprefix("#"), name.startswith("#")) for name in names)


def _short(task_id: str) -> str:
    return task_id if len(task_id) <= _LONGEST_ID else task_id[: _LONGEST_ID - 1] + "…"


def _span(seconds: float) -> str:
    return duration_text(round(seconds, 1) if seconds < 10 else seconds)


def _until(seconds: float) -> str:
    if abs(seconds) < 1:
        return "now"
    return f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} late"


def _ago(seconds: float | None) -> str:
    return "" if seconds is None else f"{_span(max(0.0, seconds))} ago"

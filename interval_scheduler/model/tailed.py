"""`TailedRun`: a run that ended, as those who watch runs see it, and its wire form. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

from .checks import MAX_ID_BYTES
from .past import Outcome
from .wire import LATEST_MS

_VERSION: Final = 1
_OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
#: The longest error that is told of a run, in characters.
LONGEST_ERROR: Final = 200
_LONGEST_NAME: Final = 255
_MOST: Final = 1000
_LONGEST_MESSAGE: Final = 1 << 20
_GREATEST: Final = 10**15 - 1


class BadTail(ValueError):
    """The message on the channel tells of no runs."""


@dataclass(frozen=True, slots=True)
class TailedRun:
    """A run that ended just now, one of a sample.

    Attributes:
        id: the id of the task.
        partition: the name of the partition of the task.
        scheduler: the `SchedulerCard.id` of the scheduler that carried it out.
        ended: the moment of its end, by the clock of the server, in epoch seconds.
        lag: its start minus its due time, in seconds; never below 0.
        duration: the seconds that it took.
        attempt: the delivery of this occurrence that it was, from 1.
        outcome: how it ended, as `PastRun.outcome`.
        error: the error in one line, at most 200 characters; `None` for a run that was ok.
        stands_for: about how many runs it stands for, since that many times more ended than are shown; 1 if all are.
    """

    id: str
    partition: str
    scheduler: str
    ended: float
    lag: float
    duration: float
    attempt: int
    outcome: Outcome
    error: str | None
    stands_for: float

    @property
    def ended_at(self) -> datetime:
        """`ended` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.ended, UTC)


#: A run in wire form: id, end, lag and duration in ms, attempt, number of the outcome, error.
Told = tuple[str, int, int, int, int, int, str]


def tell(
    task_id: str, ended_ms: int, lag_ms: int, duration_ms: int, attempt: int, outcome: Outcome, error: str
) -> Told:
    """Return the wire form of a run."""
    return (
        task_id,
        ended_ms,
        max(0, lag_ms),
        max(0, duration_ms),
        attempt,
        _OUTCOMES.index(outcome),
        error[:LONGEST_ERROR],
    )


def encode(scheduler: str, seen: int, runs: Sequence[Told]) -> bytes:
    """Return the message about runs, of `seen` ones that ended."""
    return json.dumps([_VERSION, scheduler, seen, runs], separators=(",", ":")).encode()


def decode(partition: str, raw: bytes) -> list[TailedRun]:
    """Read a message, in the order of the ends of its runs; none if it is empty.

    Raises:
        BadTail: it cannot be read; anybody may publish.
    """
    if not raw:
        return []
    try:
        version, scheduler, seen, rows = json.loads(raw[:_LONGEST_MESSAGE])
        _check(version, rows)
        share = max(1.0, _number(seen) / max(1, len(rows)))
        found = [_run(partition, _text(scheduler, _LONGEST_NAME), share, row) for row in rows]
    except BadTail:
        raise
    except (ValueError, TypeError, IndexError, RecursionError) as problem:
        raise BadTail(f"it tells of no runs: {type(problem).__name__}") from None
    return sorted(found, key=lambda run: run.ended)


def _check(version: Any, rows: Any) -> None:
    if version != _VERSION or not isinstance(rows, list) or len(rows) > _MOST:
        raise BadTail("it is of another version")


def _run(partition: str, scheduler: str, share: float, row: Any) -> TailedRun:
    task_id, ended_ms, lag_ms, duration_ms, attempt, outcome, error = row
    ended = _OUTCOMES[_number(outcome)]
    return TailedRun(
        _text(task_id, MAX_ID_BYTES * 4),  # one that is no UTF-8 has escapes
        partition,
        scheduler,
        _number(ended_ms, LATEST_MS) / 1000,
        _number(lag_ms) / 1000,
        _number(duration_ms) / 1000,
        _number(attempt),
        ended,
        None if ended == "ok" else _text(error, LONGEST_ERROR),
        share,
    )


def _number(value: Any, greatest: int = _GREATEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= greatest:
        raise BadTail("a number of it cannot be read")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise BadTail("a text of it cannot be read")
    return value

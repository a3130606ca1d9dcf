"""`PastRun`: a run that ended, as the history of its task keeps it, and its wire form. Pure functions.

A worker tells 17 bytes of a run, in Base64, since they travel in a header::

    started (6)  lag (5)  duration (5)  outcome (1)        ms, the most significant byte first

In Redis, a run takes these 23 characters, its error, and the length of that on both sides (see `_history.lua`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from .wire import LATEST_MS

Outcome = Literal["ok", "failed", "timed out", "postponed", "crashed"]

#: The most runs that a task may ask to be kept.
MAX_HISTORY: Final = 100
#: All outcomes, in the order of their numbers.
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_TOLD: Final = 23
#: The longest lag and duration that are told.
LONGEST_MS: Final = (1 << 40) - 1


class BadHistory(ValueError):
    """The value in Redis is no list of runs."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that ended.

    Attributes:
        started: the moment at which its executor was called, by the server's clock, in epoch seconds.
        lag: its start minus its due time, in seconds; never below 0.
        duration: the seconds that it took.
        outcome: `"ok"`; `"failed"`: its executor raised; `"timed out"`: it took too long; `"postponed"`: it raised
            `Retry`; `"crashed"`: it was not started any more, since too many deliveries had ended without a result.
        error: the error in one line, at most 200 bytes; `None` for a run that was ok.
    """

    started: float
    lag: float
    duration: float
    outcome: Outcome
    error: str | None = None

    @property
    def started_at(self) -> datetime:
        """`started` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.started, UTC)


def tell(started_ms: int, lag_ms: int, duration_ms: int, outcome: Outcome) -> bytes:
    """Return what a worker tells of a run."""
    raw = b"".join(
        (
            min(max(started_ms, 0), (1 << 48) - 1).to_bytes(6),
            min(max(lag_ms, 0), LONGEST_MS).to_bytes(5),
            min(max(duration_ms, 0), LONGEST_MS).to_bytes(5),
            OUTCOMES.index(outcome).to_bytes(1),
        )
    )
    return base64.b64encode(raw).rstrip(b"=")


def read_runs(raw: bytes) -> tuple[PastRun, ...]:
    """Read runs as they stand in Redis, one behind the other.

    Raises:
        BadHistory: they cannot be read.
    """
    found = []
    at = 0
    while at < len(raw):
        told, text = at + 1, at + 1 + _TOLD
        end = text + raw[at]
        if len(raw) <= end or raw[end] != raw[at]:
            raise BadHistory("it is no list of runs")
        found.append(_read_run(raw[told:text], raw[text:end]))
        at = end + 1
    return tuple(found)


def read_history(raw: bytes) -> tuple[PastRun, ...]:
    """Read the history of a task, the latest run first.

    Raises:
        BadHistory: it cannot be read.
    """
    runs = read_runs(raw[1:])
    if not raw or raw[0] != len(runs):
        raise BadHistory("it has another number of runs than it says")
    return runs


def _read_run(told: bytes, text: bytes) -> PastRun:
    try:
        raw = base64.b64decode(told + b"=", validate=True)
        outcome = OUTCOMES[raw[16]]
    except (ValueError, IndexError):
        raise BadHistory("it is no list of runs") from None
    return PastRun(
        min(int.from_bytes(raw[:6]), LATEST_MS) / 1000,
        int.from_bytes(raw[6:11]) / 1000,
        int.from_bytes(raw[11:16]) / 1000,
        outcome,
        None if outcome == "ok" else text.decode(errors="replace"),
    )

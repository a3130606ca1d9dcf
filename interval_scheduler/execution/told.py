"""Tells of a run that ended to those who watch runs, and of the runs in progress on the card of a scheduler."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ..model.cards import MOST_RUNS, LongRun
from ..model.tailed import Told, tell
from ..support import clock
from ..support.text import describe
from . import outcome
from .run import TaskRun


def told_of(run: TaskRun, error: BaseException | None) -> Told:
    """Return what is told of a run that ends now."""
    started, ended = run.server_now_ms(run.started_at), run.server_now_ms(clock.monotonic())
    return tell(
        run.id,
        ended,
        started - run.due_ms,
        ended - started,
        run.attempt,
        "ok" if error is None else outcome.ended(error),
        "" if error is None else describe(error).partition("\n")[0],
    )


def longest(queue: str, running: Iterable[TaskRun]) -> list[LongRun]:
    """Return the longest of the runs in progress in a queue, the longest first."""
    first = heapq.nsmallest(MOST_RUNS, running, key=lambda run: run.started_at)
    return [LongRun(queue, run.id, run.server_now_ms(run.started_at)) for run in first]

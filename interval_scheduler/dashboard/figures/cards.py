"""The rows of schedulers. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ... import CardRun, SchedulerCard
from ...cli.output.words import executes_of, moment_of

#: A scheduler that has not told of itself for so long missed a report; reports come every five seconds.
_LATE_SECONDS: Final = 8.0

#: Makes the URL of the task of a run.
LinkTo = Callable[[CardRun], str]


def row_of(card: SchedulerCard, partitions: Iterable[str], now: float, link_to: LinkTo) -> dict[str, Any]:
    """Return what a page says of a scheduler.

    Args:
        card: its card.
        partitions: the names of all partitions.
        now: the present moment by the clock of a server, in epoch seconds.
        link_to: makes the URLs of the tasks of its runs.
    """
    age = max(0.0, now - card.last_seen)
    return {
        "id": card.id,
        "host": card.host,
        "pid": card.pid,
        "version": card.version,
        "since": moment_of(card.since),
        "last_seen": moment_of(card.last_seen),
        "age": age,
        "is_late": age > _LATE_SECONDS,
        "accepting": card.accepting,
        "executes": executes_of(card) or None,
        "places": card.places,
        "running": card.running,
        "runs": card.runs,
        "failures": card.failures,
        "longest": [
            {"id": run.id, "queue": run.queue, "seconds": max(0.0, now - run.since), "task_url": link_to(run)}
            for run in card.longest
        ],
        "partitions": card.partitions,
        "unreached": [name for name in partitions if name not in card.partitions],
    }

"""`queues`: the namespace and its queues in numbers."""

from __future__ import annotations

from typing import Any, Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..output.output import Colored, Output
from ..output.paging import tell_missing
from ..output.words import THE_NAMESPACE, pause_of

_COUNTS: Final = ("waiting", "leased", "paused", "dead", "failing", "due", "parked")


@click.command("queues")
@common
def queues(settings: Settings) -> None:
    """Show the namespace itself and each of its queues in numbers: tasks by state, those that are due, pauses.

    With --queue, that queue alone.
    """
    run_async(_queues(settings))


async def _queues(settings: Settings) -> None:
    out = Output(settings)
    found: list[tuple[str | None, interval_scheduler.Overview]] = []
    problem: interval_scheduler.PartitionOffline | None = None
    async with connected(settings) as scheduler:
        found.append((settings.queue, await scheduler.overview()))
        if settings.queue is None:
            try:
                found += [(name, await scheduler.queue(name).overview()) for name in await scheduler.queues()]
            except interval_scheduler.PartitionOffline as error:  # the master, which knows their names
                problem = error
    out.rows(
        ("queue", *_COUNTS, "on hold"),
        [_row(name, overview, out) for name, overview in found],
        [_value(name, overview) for name, overview in found],
        wide={"parked": 90},
    )
    if problem is not None:
        raise problem
    tell_missing({each.name for _, overview in found for each in overview.partitions if not each.online}, "tasks")


def _row(name: str | None, overview: interval_scheduler.Overview, out: Output) -> list[Any]:
    counts = [_count(count, getattr(overview, count)) for count in _COUNTS]
    return [
        name or THE_NAMESPACE,
        *counts,
        overview.pause and Colored(pause_of(overview.pause, out.moment), "yellow"),
    ]


def _count(name: str, value: int) -> Any:
    return Colored(value, "red") if value and name in ("dead", "failing") else value


def _value(name: str | None, overview: interval_scheduler.Overview) -> dict[str, Any]:
    return {
        "queue": name,
        "tasks": overview.tasks,
        **{count: getattr(overview, count) for count in _COUNTS},
        "oldest_due": overview.oldest_due,
        "next_due": overview.next_due,
        "pause": overview.pause,
        "rate": overview.rate,
        "offline": [each.name for each in overview.partitions if not each.online],
    }

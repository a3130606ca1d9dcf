"""A worker that has started, as it tells who runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import Scheduler, SchedulerOptions
from .kind import Kind


class Started(NamedTuple):
    """A worker whose executors are all at work."""

    scheduler: Scheduler
    """The scheduler of the namespace."""
    executing: Mapping[str, Scheduler]
    """The schedulers whose tasks it executes, by the names of their queues; the namespace itself is `""`."""
    drain_seconds: float
    """The longest time for which the end of any of them waits for runs in progress."""
    cancel_grace_seconds: float
    """The longest time that runs have to end after they were cancelled."""


def started(
    scheduler: Scheduler, executing: Sequence[Scheduler], kinds: Sequence[Kind[Any, Any]], options: Mapping[str, Any]
) -> Started:
    """Put together what a worker tells.

    Args:
        scheduler: the scheduler of the namespace.
        executing: the schedulers whose tasks it executes.
        kinds: what executes the tasks of each of these.
        options: the options of the worker, as far as they were given.
    """
    usual = SchedulerOptions()
    of_each = [{**options, **kind.options} for kind in kinds]
    return Started(
        scheduler,
        {kind.queue or "": each for kind, each in zip(kinds, executing, strict=True)},
        max(each.get("drain_seconds", usual.drain_seconds) for each in of_each),
        max(each.get("cancel_grace_seconds", usual.cancel_grace_seconds) for each in of_each),
    )

"""Queues that are looked at, and not asked for."""

from __future__ import annotations

from .. import Scheduler


def queue_of(scheduler: Scheduler, name: str) -> Scheduler:
    """Return the scheduler of a queue that exists. The application may still ask for it with options of its own.

    Nor does the queue count as one that this process uses, as it would after `scheduler.queue(name)`.
    """
    return scheduler._queue_to_see(name)  # noqa: SLF001 - who is no page has no use for it, so it has no public name

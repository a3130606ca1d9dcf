"""A source of metrics: one scheduler with its queues, in whatever thread they are read."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from .. import BlockingScheduler, Scheduler
from . import names
from .rows import Row, Series, rows_of

AnyScheduler = Scheduler | BlockingScheduler


class Source:
    """The rows of a scheduler, for as long as the application has it.

    Args:
        scheduler: the scheduler; it is not kept.
        stored: returns the rows of what Redis has.
    """

    def __init__(self, scheduler: AnyScheduler, stored: Callable[[], list[Row]]) -> None:
        self._scheduler = weakref.ref(scheduler)
        self._stored = stored
        self._greatest: dict[Series, float] = {}
        self._reading = threading.Lock()  # several exporters read at once

    @property
    def scheduler(self) -> AnyScheduler | None:
        """The scheduler; `None` once it is gone."""
        return self._scheduler()

    @property
    def counters(self) -> dict[Series, float]:
        """What the counters were when they were read last, also once the scheduler is gone."""
        with self._reading:
            return dict(self._greatest)

    def overlaps(self, other: Source) -> bool:
        """Tell if both tell of the same scheduler, or one of them tells of a queue of the other's."""
        one, another = self._scheduler(), other.scheduler
        return one is not None and another is not None and (_covers(one, another) or _covers(another, one))

    def rows(self) -> list[Row] | None:
        """Return all rows as they are now; `None` once the scheduler is gone."""
        scheduler = self._scheduler()
        if scheduler is None:
            return None
        rows = list(rows_of(scheduler.counts()))
        with self._reading:
            return [self._rising(row) for row in rows] + self._stored()

    def _rising(self, row: Row) -> Row:
        """Never let a counter go down: runs are counted while they are read, and a fall would look like a restart."""
        if names.OBSERVABLE[row.metric].kind != "counter":
            return row
        key = row.metric, row.attributes
        self._greatest[key] = max(self._greatest.get(key, 0), row.value)
        return row._replace(value=self._greatest[key])


def _covers(one: AnyScheduler, other: AnyScheduler) -> bool:
    """Tell if a scheduler is another one, or has it as a queue."""
    return one is other or any(one.queue(name) is other for name in one.counts().queues)

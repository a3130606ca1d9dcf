"""A source of metrics: one scheduler with its queues, in whatever thread they are read."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from .. import BlockingScheduler, Scheduler
from . import names
from .names import Attributes
from .rows import Row, rows_of

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
        self._greatest: dict[tuple[str, Attributes], float] = {}
        self._reading = threading.Lock()  # several exporters read at once

    @property
    def scheduler(self) -> AnyScheduler | None:
        """The scheduler; `None` once it is gone."""
        return self._scheduler()

    def rows(self) -> list[Row]:
        """Return all rows as they are now; none once the scheduler is gone."""
        scheduler = self._scheduler()
        if scheduler is None:
            return []
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

"""Reads what Redis has, in the event loop of the scheduler, in one process by a lock; exporters get the last values.

::

    scheduler online ──▶ tries the lock ──held elsewhere──▶ tries again later
                              │
                            held ──▶ reads, and again every `PERIOD` ──▶ not online, or lock lost ──▶ ends

The namespace and each of its queues have a lock of their own, since not every process uses every queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from .. import LockError, NotConnected, PartitionOffline, Scheduler
from .rows import Row, rows_of_storage

#: The seconds between two readings, and between two attempts to get the lock.
PERIOD: Final = 10.0
#: Values that are older are told no more: another process has the lock by then.
FRESH: Final = 2.5 * PERIOD
#: The time after which the lock is free again if its process dies, in seconds.
_HELD: Final = 15.0
#: How often it looks if the scheduler is still connected, and which queues there are; seconds.
_LOOK: Final = 0.5
_LOCK: Final = "interval_scheduler.telemetry"
#: The time that the forecast looks ahead, in seconds, and in how many pieces.
_AHEAD: Final = (3600, 12)
_log = logging.getLogger("interval_scheduler")


class Stored:
    """The values in Redis of a scheduler and its queues, as last read.

    Args:
        scheduler: the scheduler; it is not kept.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = weakref.ref(scheduler)
        self._read: dict[str, tuple[float, list[Row]]] = {}
        self._changing = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._off = scheduler.on("online", self._begin)
        self._is_over = False
        with contextlib.suppress(RuntimeError):  # no event loop runs here: then it is not connected here either
            asyncio.get_running_loop()
            if scheduler.online:
                self._begin()

    def rows(self) -> list[Row]:
        """Return the last values while they are fresh; in any thread."""
        with self._changing:
            return [row for at, rows in self._read.values() if time.monotonic() - at < FRESH for row in rows]

    def end(self) -> None:
        """Read no more, also if this is called in another thread."""
        self._off()
        self._is_over = True

    def _begin(self) -> None:
        """Begin to read, in the event loop of the scheduler."""
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._watch(), name="interval_scheduler telemetry")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Begin again if the scheduler came back while the reading ended, which may wait for the release of a lock."""
        if not task.cancelled() and self._goes_on():
            self._begin()

    def _goes_on(self) -> bool:
        scheduler = self._scheduler()
        return scheduler is not None and scheduler.online and not self._is_over

    async def _watch(self) -> None:
        """Have the namespace and each queue read, for as long as the scheduler is online."""
        reading: dict[str, asyncio.Task[None]] = {}
        is_over = asyncio.Event()
        try:
            while self._goes_on():
                for namespace, scheduler in self._all():
                    # Its reading ends if the scheduler is offline at that moment, which nobody may notice here.
                    if namespace not in reading or reading[namespace].done():
                        name = f"interval_scheduler telemetry of {namespace}"
                        reading[namespace] = asyncio.create_task(self._keep(namespace, scheduler, is_over), name=name)
                await asyncio.sleep(_LOOK)
        finally:
            is_over.set()
            for task in reading.values():
                task.cancel()  # once: what comes after is the release of the lock
            if reading:
                await asyncio.wait(reading.values())

    def _all(self) -> list[tuple[str, Callable[[], Scheduler | None]]]:
        scheduler = self._scheduler()
        if scheduler is None:
            return []
        counts = scheduler.counts()
        queues = [(each.namespace, weakref.ref(scheduler.queue(name))) for name, each in counts.queues.items()]
        return [(counts.namespace, self._scheduler), *queues]

    async def _keep(self, namespace: str, of: Callable[[], Scheduler | None], is_over: asyncio.Event) -> None:
        """Read one namespace whenever the lock can be had; whatever fails is tried again."""
        has_failed = False
        while (scheduler := of()) is not None and self._goes_on() and not is_over.is_set():
            try:
                async with scheduler.lock(_LOCK, _HELD, wait_seconds=0):
                    while True:
                        rows = await _rows_of(namespace, scheduler)
                        with self._changing:
                            self._read[namespace] = time.monotonic(), rows
                        has_failed = False
                        await asyncio.sleep(PERIOD)
            except LockError as error:
                _log.debug("what Redis has of %s is read by another process: %s", namespace, error)
            except (PartitionOffline, NotConnected) as error:  # that is told elsewhere
                _log.debug("what Redis has of %s cannot be read now: %s", namespace, error)
            except Exception as error:  # noqa: BLE001 - nothing may end this but its own end; told once
                if not has_failed:
                    _log.error("what Redis has of %s cannot be read: %s", namespace, error, exc_info=error)
                has_failed = True
            del scheduler  # it must not be kept while nothing is done with it
            if self._goes_on() and not is_over.is_set():  # a cancel may come out of the block as the loss of the lock
                await asyncio.sleep(PERIOD)


async def _rows_of(namespace: str, scheduler: Scheduler) -> list[Row]:
    overview = await scheduler.overview()
    schedulers = len(await scheduler.schedulers())
    forecast = await scheduler.forecast(*_AHEAD)
    demand = None if forecast.missing else forecast.demand  # without a partition it would be too low, and look well
    return list(rows_of_storage(namespace, overview, schedulers, demand))

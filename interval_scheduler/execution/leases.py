"""Keeping the leases of runs in progress, and cutting short the runs whose lease is in doubt.

::

    claimed ──▶ trusted until  request sent + lease − margin
                   │  ▲
        renewed ───┘  │ every 0.3 lease
                      │
    not renewed in time, or refused ──▶ lost: the run is cancelled

A lease is trusted from when its request was *sent*, since the server's deadline counts from some moment after that: so
a worker stops before its task can go to another, whatever happened to the reply. Two loops, because a renewal that
hangs must not keep the watch from looking.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import anyio
from anyio.abc import TaskGroup

from ..errors import StorageError
from ..storage.commands import lookup
from ..storage.commands import running as running_commands
from ..storage.commands.assigning import START_WINDOW_MS
from ..storage.partition.partition import Partition
from ..storage.requests.batching import MAX_BATCH
from ..storage.requests.session import Session
from ..support import clock
from ..support.log import Log
from .run import TaskRun

#: The share of a lease that is not relied on; covers how often the watch looks.
MARGIN: Final = 0.15
_LOOK: Final = 0.05
#: Of a lease: an event loop that stands still for longer is told.
_BLOCKED: Final = 0.5


class Leases:
    """The leases of one scheduler's runs in progress.

    Args:
        partitions: where the runs come from.
        running: the runs in progress; a live view.
        lease_seconds: how long a lease lasts from its last renewal.
        renewal_seconds: how often leases are renewed.
        log: where lost leases are told.
    """

    def __init__(
        self,
        partitions: Iterable[Partition],
        running: set[TaskRun],
        *,
        lease_seconds: float,
        renewal_seconds: float,
        log: Log,
    ) -> None:
        self._running = running
        self._lease_seconds = lease_seconds
        self._renewal_seconds = renewal_seconds
        self._log = log
        self._sessions = [(partition, Session(partition, renewal_seconds)) for partition in partitions]

    def start(self, group: TaskGroup) -> None:
        """Run the loops in `group`: one watch, and one renewal a partition."""
        group.start_soon(self._watch)
        for partition, session in self._sessions:
            group.start_soon(self._keep, partition, session)

    def trusted_until(self, sent_at: float) -> float:
        """Until when a lease whose request was sent at that moment is relied on, monotonic seconds."""
        return sent_at + (1 - MARGIN) * self._lease_seconds

    async def renew_once(self, partition: Partition, session: Session) -> None:
        """Renew the leases of the runs in progress of one partition."""
        mine = [run for run in self._running if run.is_leased and run.partition == partition.name]
        for start in range(0, len(mine), MAX_BATCH):
            runs = mine[start : start + MAX_BATCH]
            sent_at = clock.monotonic()
            held = await running_commands.renew(session, partition.keys, round(1000 * self._lease_seconds), runs)
            for run, still_held in zip(runs, held, strict=True):
                if still_held:
                    run.trusted_until = self.trusted_until(sent_at)
                elif run in self._running and not await self._was_removed(partition, run):
                    self._lose(run, "another worker has the task")

    def look_once(self) -> None:
        """Cut short the runs whose lease is no longer relied on."""
        now = clock.monotonic()
        for run in [run for run in self._running if now >= run.trusted_until]:
            self._lose(run, "the lease was not renewed in time")

    async def _was_removed(self, partition: Partition, run: TaskRun) -> bool:
        """A removed task's run may end in peace: nobody else can have it."""
        if (await lookup.look(partition, [run.raw_id]))[0] is not None:
            return False
        run.trusted_until = float("inf")
        return True

    def _lose(self, run: TaskRun, why: str) -> None:
        if run.cut_short is None:
            self._log.warning("the run of task %r was cancelled: %s", run.id, why)
            run.cut("its lease was lost")

    async def _watch(self) -> None:
        # A run that begins later is relied on for most of a lease from when its claim was sent, so that no look is
        # needed before.
        longest = (1 - MARGIN) * self._lease_seconds - START_WINDOW_MS / 1000
        while True:
            began = clock.monotonic()
            earliest = min((run.trusted_until for run in self._running), default=math.inf) - began
            asked = max(_LOOK * self._lease_seconds, min(earliest, longest))
            await anyio.sleep(asked)
            late = clock.monotonic() - began - asked
            if late > _BLOCKED * self._lease_seconds:
                self._log.warning(
                    "the event loop was blocked for %.1f s, of a lease of %g s: leases cannot be renewed meanwhile; "
                    "call blocking code with asyncio.to_thread",
                    late,
                    self._lease_seconds,
                )
            self.look_once()

    async def _keep(self, partition: Partition, session: Session) -> None:
        while True:
            await anyio.sleep(self._renewal_seconds)
            if self._running:
                try:
                    await self.renew_once(partition, session)
                except StorageError as error:
                    self._log.warning("leases could not be renewed: %s", error)

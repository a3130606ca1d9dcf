"""The heartbeat of a scheduler: every five seconds, it reports to each partition what was counted, and that it lives.

::

    waits ──five seconds, or one after a change──▶ reports ──▶ waits
      └── somebody watches runs: once a second ──▶ tells runs ──▶ waits

Each partition has a loop of its own, so that one that hangs holds up no other. A scheduler that neither accepts nor
executes tasks, and has counted nothing, sends nothing, nor does one that closes within a second. A queue has no card:
that of its namespace tells of it, so an idle queue sends nothing either.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import anyio

from ..errors import PartitionOffline, StorageError
from ..model import tailed
from ..model.cards import Card, encode
from ..storage.reports import Reports
from ..support import clock
from ..support.log import GuardedLog
from .connected import Connected

#: The time between two reports, seconds.
BEAT_SECONDS: Final = 5.0
#: The time after a change of what the card tells, seconds: several changes are one report.
_SOON_SECONDS: Final = 1.0
#: The time between two samples of runs, seconds.
_SAMPLE_SECONDS: Final = 1.0
#: The time that a stop waits for the last report, seconds.
_LAST_SECONDS: Final = 1.0
#: The same, where a stop is not to wait.
_SHORTEST_SECONDS: Final = 0.1

#: Makes the card of a scheduler from the number of the report, and when it connected, in ms; `None`: it has none.
MakeCard = Callable[[int, int], Card | None]


class Heartbeat:
    """The heartbeat of one scheduler.

    Args:
        make_card: makes its card.
        retry_for_seconds: how long a report in doubt is sent again at once.
        log: the log for partitions that refuse reports.
        outer: the heartbeat of the namespace, of a queue: its card tells of the runs of the queue. Default: it is none.
    """

    def __init__(
        self, make_card: MakeCard, retry_for_seconds: float, log: GuardedLog, outer: Heartbeat | None = None
    ) -> None:
        self._make_card = make_card
        self._retry_for_seconds = retry_for_seconds
        self._log = log
        self._outer = outer
        self._connected: Connected | None = None
        self._reports: Sequence[Reports] = ()
        self._id = ""
        self._number = self._since_ms = self._hurries = 0
        self._hurried = asyncio.Event()
        self._has_ended = False
        self._refused: set[str] = set()

    @property
    def id(self) -> str:
        """The id of the card, that of the namespace for a queue; of a namespace without a heartbeat there is none."""
        return (self._outer.id if self._outer is not None else "") or self._id

    def start(self, connected: Connected) -> None:
        """Report from now on, until the group of a connection ends."""
        self._connected, self._has_ended = connected, False
        self._id, self._since_ms = secrets.token_hex(8), int(1000 * time.time())
        self._hurried = asyncio.Event()
        self._refused.clear()
        self._reports = [
            Reports(partition, connected.tallies[partition.name], self._retry_for_seconds)
            for partition in connected.partitions.all
        ]
        for reports in self._reports:
            connected.group.start_soon(self._keep, reports)

    def hurry(self) -> None:
        """Report soon: what the card tells has changed."""
        self._hurries += 1
        self._hurried.set()

    def forget(self) -> None:
        """Give everything up: the event loop is closed."""
        self._connected, self._reports = None, ()
        self._hurried = asyncio.Event()

    async def report(self, seconds: float) -> None:
        """Report to all partitions now, and wait for that: as long as a drain may take, and a second at the most.

        Args:
            seconds: the time of the drain. Where there is none, a tenth of a second is waited.
        """
        reports = [one for one in self._reports if one.partition.state == "online"]
        if reports:
            # Not by a scope of anyio: what a group of calls raises when it is cancelled may not look like its cancel.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(_SHORTEST_SECONDS, min(_LAST_SECONDS, seconds))):
                    await asyncio.gather(*map(self._report, reports))

    async def end(self, seconds: float) -> None:
        """Report for the last time, and take the card off; `seconds` as for `report`."""
        self._has_ended = True
        await self.report(seconds)
        self._reports = ()

    async def _keep(self, reports: Reports) -> None:
        due, hurries = clock.monotonic() + BEAT_SECONDS, self._hurries
        while True:
            if hurries != self._hurries:
                hurries = self._hurries
                due = min(due, clock.monotonic() + _SOON_SECONDS)
            is_watched = self._is_watched(reports)
            pause = due - clock.monotonic()
            self._hurried.clear()  # whoever else waits has its own count
            with anyio.move_on_after(min(pause, _SAMPLE_SECONDS) if is_watched else pause):
                await self._hurried.wait()
            if is_watched:
                await self._tell_runs(reports)
            if clock.monotonic() >= due:
                await self._report(reports)
                due = clock.monotonic() + BEAT_SECONDS

    def _is_watched(self, reports: Reports) -> bool:
        return self._connected is not None and self._connected.sampling.covers(reports.partition.name)

    async def _report(self, reports: Reports) -> None:
        """Report to one partition if there is something to tell, and learn if anybody watches runs there."""
        if self._connected is None or reports.partition.state != "online":
            return
        card = None if self._has_ended else self._make_card(self._number + 1, self._since_ms)
        if card is None and not reports.is_due:
            return
        self._number += 1
        try:
            heard = await reports.tell(self._id.encode(), b"" if card is None else encode(card))
        except StorageError as error:
            self._refuse(reports.partition.name, error)
            return
        self._refused.discard(reports.partition.name)
        if heard is not None:
            self._connected.sampling.turn(reports.partition.name, on=heard > 0 and not self._has_ended)

    async def _tell_runs(self, reports: Reports) -> None:
        if self._connected is None:
            return
        sampling, name = self._connected.sampling, reports.partition.name
        seen, runs = sampling.take(name)
        if not runs:
            return
        try:
            heard = await reports.tell_runs(tailed.encode(self.id, seen, runs))
        except StorageError as error:
            self._log.debug("runs are not told to those who watch: %s", error)
            return
        if not heard:
            sampling.turn(name, on=False)

    def _refuse(self, name: str, error: StorageError) -> None:
        """Tell once that a partition refuses reports; that it is offline is told elsewhere."""
        if not isinstance(error, PartitionOffline) and name not in self._refused:
            self._refused.add(name)
            self._log.warning("counts cannot be reported, they go with a later report: %s", error)

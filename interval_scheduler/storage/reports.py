"""The reports of a scheduler to one partition: what it counted there since the last one, its card, and runs.

::

    counted ──report──▶ in flight ──reply──▶ told
                 ▲          │
                 │   lost ──┴──▶ in doubt ──the next report repeats it first, under its number──▶ told
                 └── refused: the counts go with the next one

The counts only go up here, and a report tells by how much: so nothing that was counted is lost but what a process that
was killed had not told, and nothing is told twice.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..model.tally import WIRE_NAMES, Tally
from .commands import reporting
from .commands.reporting import Report
from .partition.partition import Partition
from .requests.session import Session

__all__ = ["Reports"]


class Reports:
    """The reports to one partition.

    Args:
        partition: the partition.
        tally: what is counted of it.
        retry_for_seconds: how long a report in doubt is sent again at once.
    """

    def __init__(self, partition: Partition, tally: Tally, retry_for_seconds: float) -> None:
        self.partition: Final = partition
        self._tally = tally
        self._session = Session(partition, retry_for_seconds)
        self._told = [0] * len(WIRE_NAMES)
        self._in_doubt: Report | None = None
        #: The id of the card that the partition has; empty: it has none.
        self._shown = b""
        self._turn = asyncio.Lock()

    @property
    def is_due(self) -> bool:
        """True if there is something to tell beside a card."""
        return self._in_doubt is not None or bool(self._shown) or self._tally.counts() != self._told

    async def tell(self, scheduler: bytes, card: bytes) -> int | None:
        """Tell what was counted, and the card.

        Args:
            scheduler: the id of the scheduler.
            card: its card; empty if it has none, or none any more.

        Returns:
            How many watch runs there; `None` if there was nothing to tell.

        Raises:
            StorageError: the partition was lost or refused; it is told with the next report.
        """
        async with self._turn:
            heard = None
            if self._in_doubt is not None:
                heard = await self._send(self._in_doubt)
            # A run that was counted may turn out to be none only later: then its place is taken by the next one.
            grown = [max(0, now - told) for now, told in zip(self._tally.counts(), self._told, strict=True)]
            if card:
                return await self._send(Report(grown, scheduler, card))
            if self._shown or any(grown):
                return await self._send(Report(grown, self._shown))
            return heard

    async def _send(self, told: Report) -> int:
        self._in_doubt = told
        try:
            heard = await reporting.report(self._session, self.partition.keys, told)
        finally:
            if not self._session.in_doubt:
                self._in_doubt = None
        self._told = [before + grown for before, grown in zip(self._told, told.grown, strict=True)]
        self._shown = told.scheduler if told.card else b""
        return heard

    async def tell_runs(self, message: bytes) -> int:
        """Tell those who watch runs of some; return how many heard it.

        Raises:
            StorageError: the partition was lost or refused; these runs are not told.
        """
        return await reporting.tell_runs(self.partition, message)

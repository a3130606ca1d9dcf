"""Applies hints that other schedulers wrote for a partition which this one never lost.

It gets an announcement of the first hint, and also checks from time to time, since an announcement may be missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import anyio

from ...errors import NotConnected, StorageError
from ...support.log import Log
from ..commands import handoff
from ..partition.partition import Partition
from .handoff import Handoff

_PAUSE_SECONDS: Final = 0.05


class HintReplay:
    """Checks for waiting hints, at an interval and after an announcement, and applies them.

    Args:
        master: the master.
        handoffs: the handoff of each of the other partitions.
        interval_seconds: the time between checks without an announcement.
        log: the log for failed checks.
    """

    def __init__(self, master: Partition, handoffs: Sequence[Handoff], interval_seconds: float, log: Log) -> None:
        self._master = master
        self._handoffs = handoffs
        self._interval_seconds = interval_seconds
        self._log = log
        self._told = asyncio.Event()
        self._names = {b"", *(each.name.encode() for each in handoffs)}
        master.hint_messages.subscribe(self._on_hint_waiting)

    def _on_hint_waiting(self, partition: bytes) -> None:
        if partition in self._names:
            self._told.set()

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            with anyio.move_on_after(self._interval_seconds):
                await self._told.wait()
            self._told.clear()
            await self.run_once()
            await anyio.sleep(_PAUSE_SECONDS)  # announcements may be forged, and come in any number

    async def run_once(self) -> None:
        """Check once, and apply the hints that can be applied."""
        try:
            counts = await handoff.hint_counts(self._master, [each.keys for each in self._handoffs])
        except (StorageError, NotConnected) as error:
            self._log.debug("hints cannot be looked for: %s", error)
            return
        async with anyio.create_task_group() as group:
            for each, count in zip(self._handoffs, counts, strict=True):
                if count > 0:
                    each.note_waiting()
                group.start_soon(self._apply, each)

    async def _apply(self, one: Handoff) -> None:
        try:
            await one.apply_waiting()
        except StorageError as error:
            self._log.warning("hints wait: %s", error)

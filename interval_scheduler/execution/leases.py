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
from collections.abc import Callable, Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup

from ..errors import StorageError
from ..model.trust import TRUSTED_SHARE
from ..storage.claims import MAX_BATCH, START_WINDOW_SECONDS, LeaseChannel
from ..support import clock
from ..support.log import Log
from .blocks import Blocks
from .run import Cut, TaskRun
from .runner import Runner

_CHECK_SHARE: Final = 0.05
#: Of a lease: an event loop that stands still for longer is told.
_BLOCKED: Final = 0.5


class Leases:
    """The leases of one scheduler's runs in progress.

    Args:
        channels: renew leases, one a partition.
        runner: has the runs in progress, and cuts them short.
        lease_seconds: how long a lease lasts from its last renewal.
        renewal_seconds: how often leases are renewed.
        obey: called with a run that is cancelled, and with the letter that tells it.
        blocks: counts how many times the event loop was blocked.
        log: where lost leases are told.
    """

    def __init__(
        self,
        channels: Sequence[LeaseChannel],
        runner: Runner,
        lease_seconds: float,
        renewal_seconds: float,
        obey: Callable[[TaskRun, str], object],
        blocks: Blocks,
        log: Log,
    ) -> None:
        self._runner = runner
        self._running = runner.running
        self._lease_seconds = lease_seconds
        self._renewal_seconds = renewal_seconds
        self._obey = obey
        self._blocks = blocks
        self._log = log
        self._channels = channels
        self._trusted_seconds = TRUSTED_SHARE * lease_seconds

    def start(self, group: TaskGroup) -> None:
        """Run the loops in `group`: one watch, and one renewal a partition."""
        group.start_soon(self._watch)
        for channel in self._channels:
            group.start_soon(self._keep, channel)

    async def renew_once(self, channel: LeaseChannel) -> None:
        """Renew the leases of the runs in progress of one partition.

        The tasks whose leases are held no more are looked up afterwards, all together: so very many that were removed
        at once keep no other lease waiting.
        """
        refused: list[TaskRun] = []
        mine = [run for run in self._running if run.is_leased and run.partition == channel.name and not run.is_given_up]
        for start in range(0, len(mine), MAX_BATCH):
            runs = mine[start : start + MAX_BATCH]
            sent_at = clock.monotonic()
            for run, told in zip(runs, await channel.renew(runs), strict=True):
                if told == "0":
                    refused.append(run)
                    continue
                run.trust_until(sent_at + self._trusted_seconds)
                if told != "1":
                    self._obey(run, told)
        for start in range(0, len(refused), MAX_BATCH):
            runs = refused[start : start + MAX_BATCH]
            scheduled = await channel.are_scheduled([run.raw_id for run in runs])
            for run, is_scheduled in zip(runs, scheduled, strict=True):
                if not is_scheduled:
                    run.trust_until(math.inf)  # it was removed: the run may end in peace, nobody else can have the task
                elif run in self._running and channel.was_taken(run):
                    run.trust_until(math.inf)  # no other run of it goes on, and this one is told by `_lose`
                    self._lose(run, "it was removed and assigned anew", "replaced")
                elif run in self._running:
                    self._lose(run, "it was removed and assigned anew, or another worker has it")

    def check_once(self) -> None:
        """Cut short the runs whose lease is no longer relied on."""
        now = clock.monotonic()
        for run in [run for run in self._running if now >= run.trusted_until]:
            self._lose(run, "the lease was not renewed in time")

    def _lose(self, run: TaskRun, why: str, cut: Cut = "its lease was lost") -> None:
        if run.cut_short is None:
            self._log.warning(self._runner.LOST, run.id, why)
            self._runner.cut(run, cut)

    async def _watch(self) -> None:
        # A run that begins later is relied on for most of a lease from when its claim was sent, so that no look is
        # needed before.
        longest = self._trusted_seconds - START_WINDOW_SECONDS
        while True:
            began = clock.monotonic()
            earliest = min((run.trusted_until for run in self._running), default=math.inf) - began
            asked = max(_CHECK_SHARE * self._lease_seconds, min(earliest, longest))
            await anyio.sleep(asked)
            late = clock.monotonic() - began - asked
            if late > _BLOCKED * self._lease_seconds:
                self._blocks.afterwards()
                self._log.warning(
                    "the event loop was blocked for %.1f s, of a lease of %g s: call blocking code with "
                    "asyncio.to_thread",
                    late,
                    self._lease_seconds,
                )
            self._blocks.looked()
            self.check_once()

    async def _keep(self, channel: LeaseChannel) -> None:
        while True:
            await anyio.sleep(self._renewal_seconds)
            if self._running:
                try:
                    await self.renew_once(channel)
                except StorageError as error:
                    self._log.warning("leases could not be renewed: %s", error)

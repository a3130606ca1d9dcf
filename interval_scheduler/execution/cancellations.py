"""Cancels runs that somebody wants cancelled, wherever they are: in progress here, or claimed and not started.

::

    cancel_run ──▶ mark in the lease ──────────────▶ the next renewal tells it ──▶ cut, or withdrawn
                          └─ announced on the channel ──▶ renewed at once ──▲

The mark decides, since anybody may publish on the channel, and a message can be lost: an announcement only has the
lease of that run renewed at once. The mark belongs to the lease of one claim, so that no later run of the task is hit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from anyio.abc import TaskGroup

from ..errors import StorageError
from ..storage.claims import MAX_BATCH, LeaseChannel, Partition
from ..support.log import Log
from .run import TaskRun
from .runner import Runner
from .runs import Runs

#: The letter by which a renewal tells that a run is cancelled and to be handed back; any other: it counts as failed.
_HAND_BACK: Final = "h"


class Cancellations:
    """The runs of one execution that are to be cancelled.

    Args:
        partitions: where their leases are.
        lease_seconds: how long a lease lasts from its last renewal.
        retry_for_seconds: how long a renewal in doubt is sent again.
        runner: has the runs.
        runs: ends those that were not started.
        log: where it is told.
    """

    def __init__(
        self,
        partitions: Sequence[Partition],
        lease_seconds: float,
        retry_for_seconds: float,
        runner: Runner,
        runs: Runs,
        log: Log,
    ) -> None:
        self._partitions = partitions
        self._channels = [LeaseChannel(partition, lease_seconds, retry_for_seconds) for partition in partitions]
        self._runner = runner
        self._runs = runs
        self._log = log
        self._announced: list[asyncio.Queue[TaskRun]] = [asyncio.Queue() for _ in partitions]
        #: The runs in these queues, each once, whoever repeats an announcement.
        self._waiting: set[TaskRun] = set()

    def start(self, group: TaskGroup) -> None:
        """Obey announcements in `group`."""
        for channel, announced in zip(self._channels, self._announced, strict=True):
            group.start_soon(self._look, channel, announced)

    def listen(self) -> list[Callable[[], None]]:
        """Listen to announcements. Return functions that end this."""
        return [
            partition.cancels.subscribe(self._listener(partition, announced))
            for partition, announced in zip(self._partitions, self._announced, strict=True)
        ]

    def obey(self, run: TaskRun, told: str) -> None:
        """Cancel a run of which a renewal told that it is cancelled, if it goes on or waits."""
        if run.cut_short is not None:
            return  # it was told before, and goes on until it ends, or its batch
        if run in self._runner.running:
            self._runner.cut(run, "cancelled, to be handed back" if told == _HAND_BACK else "cancelled")
        elif not self._runner.withdraw(run):
            return
        else:
            self._runs.withdrawn(run, hand_back=told == _HAND_BACK)
        self._log.info("the run of task %r is cancelled, as it was asked for", run.id)

    def _listener(self, partition: Partition, announced: asyncio.Queue[TaskRun]) -> Callable[[bytes], None]:
        def heard(note: bytes) -> None:
            token, _, raw_id = note.partition(b" ")
            for run in (*self._runner.queued, *self._runner.running):
                is_meant = run.raw_id == raw_id and run.lease.startswith(token + b" ")
                if is_meant and run.partition == partition.name and run not in self._waiting:
                    self._waiting.add(run)
                    announced.put_nowait(run)

        return heard

    async def _look(self, channel: LeaseChannel, announced: asyncio.Queue[TaskRun]) -> None:
        while True:
            runs = [await announced.get()]
            while not announced.empty() and len(runs) < MAX_BATCH:
                runs.append(announced.get_nowait())
            self._waiting.difference_update(runs)
            try:
                told = await channel.renew(runs)
            except StorageError as error:
                self._log.warning("runs that are said to be cancelled go on until leases are renewed: %s", error)
                continue
            for run, letter in zip(runs, told, strict=True):
                if letter not in "01":
                    self.obey(run, letter)

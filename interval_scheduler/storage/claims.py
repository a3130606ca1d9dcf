"""The face of the storage for claiming tasks and renewing their leases.

::

    claim ──▶ in flight ──reply──▶ Claimed
                 │  ▲
            lost │  │ claim again, the same number
                 ▼  │
               in doubt

A claim in doubt is repeated under the same number, so that tasks that it took are not lost until their leases end.
Times count from when the claim was first sent, since the server may have granted it then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..config.options import SchedulerOptions
from ..support import clock
from .commands import lookup, running
from .commands.assigning import START_WINDOW_MS
from .commands.running import MAX_CLAIM_BYTES, Claimed, ClaimedTask
from .partition.partition import Partition
from .requests.batching import MAX_BATCH
from .requests.session import Session

__all__ = [
    "MAX_BATCH",
    "MAX_CLAIM_BYTES",
    "START_WINDOW_SECONDS",
    "ClaimChannel",
    "Claimed",
    "ClaimedTask",
    "LeaseChannel",
    "Partition",
]

#: The time after a claim was sent in which its runs may start; later ones are handed back. A removal that waits this
#: long after the claim therefore knows that no run starts. The same for all schedulers of a namespace.
START_WINDOW_SECONDS: Final = START_WINDOW_MS / 1000


class ClaimChannel:
    """The claims of one poller on one partition.

    Args:
        partition: the partition.
        options: the scheduler's options.
    """

    def __init__(self, partition: Partition, options: SchedulerOptions) -> None:
        self._partition = partition
        self._keys = partition.keys
        self._session = Session(partition, 0)
        self._claim = running.claim if options.delivery == "at-least-once" else running.claim_once
        self._lease_ms = round(1000 * options.lease_seconds)
        # Each partition counts its own runs and has a share of the limit, so that together they keep it.
        storage = options.storage
        self._group_limit = (options.group_concurrency or 0) // (len(storage.instances) + len(storage.leaving))
        #: The time at which the last answered claim was first sent, monotonic seconds.
        self.sent_at = 0.0

    @property
    def name(self) -> str:
        """The name of the partition."""
        return self._partition.name

    @property
    def in_doubt(self) -> bool:
        """True if the next claim repeats one that got no answer."""
        return self._session.in_doubt

    async def claim(self, limit: int, places: int, weight: int) -> Claimed:
        """Claim up to `limit` due tasks with records of up to `weight` bytes, or one task with a heavier record.

        The first `places` of them begin at once.

        After a claim in doubt, return the tasks of that claim.

        Raises:
            OutcomeUnknown: the partition was lost; the next claim learns the result.
            StorageError: the partition refused; nothing was claimed.
        """
        if not self._session.in_doubt:
            self.sent_at = clock.monotonic()
        return await self._claim(self._session, self._keys, limit, self._lease_ms, self._group_limit, weight, places)

    async def wait_online(self) -> None:
        """Wait until the partition is online."""
        await self._partition.wait_online()

    def report_lost(self) -> None:
        """Report that the partition does not answer, so that it reconnects."""
        self._partition.report_lost()

    def on_due(self, listener: Callable[[int], object]) -> Callable[[], None]:
        """Call `listener` with each due time in ms that may be earlier than those known before; 0: look now.

        Returns:
            A function that takes the listener off again.
        """
        return self._partition.due_times.subscribe(listener)


class LeaseChannel:
    """The renewals of the leases on one partition.

    Args:
        partition: the partition.
        lease_seconds: how long a lease lasts from its renewal.
        retry_for_seconds: how long a renewal in doubt is sent again.
    """

    def __init__(self, partition: Partition, lease_seconds: float, retry_for_seconds: float) -> None:
        self._partition = partition
        self._lease_ms = round(1000 * lease_seconds)
        self._session = Session(partition, retry_for_seconds)

    @property
    def name(self) -> str:
        """The name of the partition."""
        return self._partition.name

    async def renew(self, runs: Sequence[ClaimedTask]) -> str:
        """Extend the leases of at most a batch of runs.

        Return for each `1` (it is held), `0` (it is held no more), `x` (it is held, and its run is cancelled) or `h`
        (the same, and the run is to be handed back).

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await running.renewed(self._session, self._partition.keys, self._lease_ms, runs)

    async def are_scheduled(self, ids: Sequence[bytes]) -> list[bool]:
        """Tell of each of at most a batch of tasks if it is scheduled.

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await lookup.are_scheduled(self._partition, ids)

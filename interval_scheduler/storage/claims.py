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
        self._at_least_once = options.delivery == "at-least-once"
        self._lease_ms = round(1000 * options.lease_seconds)
        # Each partition counts its own runs and has a share of the limit, so that together they keep it.
        storage = options.storage
        self._group_limit = (options.group_concurrency or 0) // (len(storage.instances) + len(storage.leaving))
        #: The time at which the last answered claim was first sent, monotonic seconds.
        self.sent_at = 0.0
        self._sent_before = 0.0
        #: At most once: the token of the last reply, and how many tasks it brought if there may be more of its claim.
        self._token, self._had = b"", -1

    @property
    def name(self) -> str:
        """The name of the partition."""
        return self._partition.name

    @property
    def goes_on(self) -> bool:
        """True if the next claim repeats one that got no answer, or may bring the rest of it."""
        return self._session.in_doubt or self._had >= 0

    async def claim(self, limit: int, places: int, weight: int) -> Claimed:
        """Claim up to `limit` due tasks with records of up to `weight` bytes, or one task with a heavier record.

        The first `places` of them begin at once.

        After a claim in doubt, return the tasks of that claim. At most once, these may be a part, since they must not
        be too heavy: then the next claims return the others.

        Raises:
            OutcomeUnknown: the partition was lost; the next claim learns the result.
            StorageError: the partition refused; nothing was claimed.
        """
        is_again = self._session.in_doubt
        if not is_again:
            self._sent_before, self.sent_at = self.sent_at, clock.monotonic()
        asked = self._session, self._keys, limit, self._lease_ms, self._group_limit, weight, places
        if self._at_least_once:
            return await running.claim(*asked)
        claimed = await running.claim_once(*asked, self._had)
        if self._had >= 0 and claimed.ids and claimed.token == self._token:
            self.sent_at = self._sent_before  # it is the rest of a claim: the server granted it then
            is_again = True
        self._token, self._had = claimed.token, len(claimed.ids) if is_again else -1
        return claimed

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

    async def renew(self, runs: Sequence[ClaimedTask]) -> list[bool]:
        """Extend the leases of at most a batch of runs. Return for each if it was still held.

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await running.renew(self._session, self._partition.keys, self._lease_ms, runs)

    async def are_scheduled(self, ids: Sequence[bytes]) -> list[bool]:
        """Tell of each of at most a batch of tasks if it is scheduled.

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await lookup.are_scheduled(self._partition, ids)

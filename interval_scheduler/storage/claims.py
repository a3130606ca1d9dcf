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
from ..model.quotas import encode_caps
from ..support import clock
from .commands import lookup, running
from .commands.assigning import START_WINDOW_MS
from .commands.running import MAX_CLAIM_BYTES, Claimed, ClaimedTask
from .partition.partition import Partition
from .requests.batching import MAX_BATCH
from .requests.session import Session
from .tokens import USABLE_SECONDS, Tokens

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
        tokens: where the tokens of a rate are taken; `None`: the only partition keeps them itself.
    """

    def __init__(self, partition: Partition, options: SchedulerOptions, tokens: Tokens | None = None) -> None:
        self._partition = partition
        self._keys = partition.keys
        self._session = Session(partition, 0)
        self._claim = running.claim if options.delivery == "at-least-once" else running.claim_once
        self._lease_ms = round(1000 * options.lease_seconds)
        self._group_limit = encode_caps(options.group_concurrency)
        self._source = tokens
        # The tokens that the next claim brings, or the one in doubt; and when they were asked for, monotonic seconds.
        self._tokens, self._tokens_from = 0, 0.0
        #: The time at which the last answered claim was first sent, monotonic seconds.
        self.sent_at = 0.0
        #: The same, or when its tokens were asked for: its runs start within a second of that.
        self.starts_from = 0.0

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
        if self._source is not None:
            return await self._claim_with_tokens(limit, places, weight)
        if not self._session.in_doubt:
            self.sent_at = self.starts_from = clock.monotonic()
        return await self._claim(self._session, self._keys, limit, self._lease_ms, self._group_limit, weight, places)

    async def _claim_with_tokens(self, limit: int, places: int, weight: int) -> Claimed:
        """Claim with the tokens that were taken for it. Its runs start as soon after these as after a claim."""
        if not self._session.in_doubt:
            self.sent_at = clock.monotonic()
            if self._tokens and self.sent_at > self._tokens_from + USABLE_SECONDS:
                self.put_back()
            self.starts_from = self._tokens_from if self._tokens else self.sent_at
        claimed = await self._claim(
            self._session, self._keys, limit, self._lease_ms, self._group_limit, weight, places, self._tokens
        )
        self._tokens -= len(claimed.ids) if claimed.waits_ms is not None else 0
        self.put_back()
        return claimed

    async def take_tokens(self, wanted: int, timeout_seconds: float) -> None:
        """Wait for tokens for the next claim, at most that long."""
        if self._source is not None:
            self._tokens, self._tokens_from = await self._source.take(wanted, timeout_seconds)

    def put_back(self) -> None:
        """Put the tokens back that no claim used."""
        if self._source is not None:
            self._source.put_back(self._tokens)
        self._tokens = 0

    def hurry(self) -> None:
        """Ask for tokens at once, since the rate may be another."""
        if self._source is not None:
            self._source.hurry()

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

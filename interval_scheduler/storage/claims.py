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
from .taken import Held, was_taken
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
        self._at_least_once = options.delivery == "at-least-once"
        self._lease_ms = round(1000 * options.lease_seconds)
        self._group_limit = encode_caps(options.group_concurrency)
        self._source = tokens
        # The tokens that the next claim brings, or the one in doubt; and when they were asked for, monotonic seconds.
        self._tokens, self._tokens_from = 0, 0.0
        #: The time at which the last answered claim was first sent, monotonic seconds.
        self.sent_at = 0.0
        #: The same, or when its tokens were asked for: its runs start within a second of that.
        self.starts_from = 0.0
        self._began_before = 0.0, 0.0
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
        is_again, is_rest = self._session.in_doubt, False
        if not is_again:
            self._began_before = self.sent_at, self.starts_from
            self.sent_at = self.starts_from = clock.monotonic()
            self._use_tokens()
        tokens = b"" if self._source is None else self._tokens
        asked = self._session, self._keys, limit, self._lease_ms, self._group_limit, weight, places, tokens
        if self._at_least_once:
            claimed = await running.claim(*asked)
        else:
            claimed = await running.claim_once(*asked, self._had)
            if self._had >= 0 and claimed.ids and claimed.token == self._token:
                self.sent_at, self.starts_from = self._began_before  # of the claim of which this is the rest
                is_rest = True
            self._token, self._had = claimed.token, len(claimed.ids) if is_again or is_rest else -1
        self._settle(claimed, is_again=is_again, is_rest=is_rest)
        return claimed

    def _use_tokens(self) -> None:
        """Claim with the tokens that were taken for it. Its runs start as soon after these as after a claim."""
        if self._tokens and self.sent_at > self._tokens_from + USABLE_SECONDS:
            self.put_back()
        if self._tokens:
            self.starts_from = self._tokens_from

    def _settle(self, claimed: Claimed, *, is_again: bool, is_rest: bool) -> None:
        """Put the tokens back that a claim did not use. Those of the rest of a claim went with the first part."""
        if is_again and not self._at_least_once:
            self._tokens = 0
        elif claimed.waits_ms is not None and not is_rest:
            self._tokens -= len(claimed.ids)
        self.put_back()

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

    def note_clock_jump(self) -> None:
        """Tell that the clock of the server jumped: leases may have ended early."""
        self._partition.unbroken.note_break()

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

    def was_taken(self, run: Held) -> bool:
        """Tell if a lease that was just refused had not ended: its task was removed or replaced during the run."""
        return was_taken(self._partition, run)

    async def are_scheduled(self, ids: Sequence[bytes]) -> list[bool]:
        """Tell of each of at most a batch of tasks if it is scheduled.

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await lookup.are_scheduled(self._partition, ids)

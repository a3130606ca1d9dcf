"""The poller: claims the due tasks of one partition, and sleeps exactly until the next.

::

    wait for room ──▶ claim ──▶ feed the runner  ──┬─ got all it asked for ─▶ (at once again)
         ▲                                         └─ less ─▶ sleep ──┐
         └────────────────────────────────────────────────────────────┘

The sleep ends when the next task is due by the server's clock, when a nearer one is announced (`on_due`), or after
`check_tasks_every_seconds`. An announcement during a claim is not lost: what is planned is reset before the claim is
sent. A claim in flight is never cancelled by a stop, or its tasks would wait for their leases to end. A claim in doubt
gives its permits back, and is repeated under the same number once the partition can be reached: so what it may have
taken is not stranded, and a dead partition holds no room that the others need.

At most once, each partition has a second poller. It sleeps until the first gets all that it asks for, and then claims
in turn with it: while the reply to one claim is being read, Redis works on the other.

Many idle schedulers know of the same next task, and only one can have it. One that comes in vain, because others claim,
looks a little later next time, up to 0.1 s; one that gets something is on time again. So a few do the work, the others
cost next to nothing, and where those few are late the others step in.

Due tasks may wait for tokens of a rate. Then nothing that becomes due ends the sleep before there are some; a change of
the rate does. With several partitions, the poller waits until it has taken some from the master.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from itertools import repeat
from typing import Final

import anyio

from ..config.options import SchedulerOptions
from ..errors import PartitionOffline, StorageError
from ..model.trust import TRUSTED_SHARE
from ..storage.claims import START_WINDOW_SECONDS, ClaimChannel, Claimed
from ..storage.completions import Completions
from ..support import clock
from ..support.backoff import delays
from ..support.log import Log
from .claim_weight import AT_ONCE_SECONDS, SLOW, ClaimWeight
from .clock_jumps import ClockJumps
from .grant import Grant
from .run import TaskRun
from .runner import Runner

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
_SHORTEST_IDLE_BACKOFF: Final = 0.002
_LONGEST_IDLE_BACKOFF: Final = 0.1
#: Looks in vain, each soon after the one before, after which the next ones come later.
_VAIN_LOOKS: Final = 16

_pauses: Final = functools.partial(delays, _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)


class _Load:
    """The load of a partition, as its two pollers learn it from their claims."""

    def __init__(self) -> None:
        #: Set while claims get all that they ask for.
        self.is_high = anyio.Event()
        #: The delay of a look after its time, in seconds.
        self.idle_backoff = 0.0
        #: Notices jumps of the server's clock; shared by both pollers.
        self.clock = ClockJumps()
        #: The bytes that a claim may bring; shared by both pollers.
        self.weight = ClaimWeight()
        self._last_token: int | None = None
        #: The number of looks in a row that were in vain, and the moment of the last one, in monotonic seconds.
        self._vain, self._last_vain = 0, -math.inf

    def note(self, claimed: Claimed, *, got_all: bool) -> None:
        """Learn from a claim and whether it got all that it asked for."""
        if got_all:
            self.is_high.set()
        elif self.is_high.is_set():
            self.is_high = anyio.Event()
        token = int(claimed.token)
        # A claim that left work to the next one was not in vain, even if it only moved tasks out of the way.
        if claimed.ids or 0 <= claimed.next_claim_ms <= claimed.now_us // 1000:
            self.idle_backoff, self._vain = 0.0, 0
        elif self._count_in_vain(clock.monotonic()) or (
            self._last_token is not None and token > self._last_token
        ):  # others claim; without that, the task that this came for was removed
            self.idle_backoff = min(max(2 * self.idle_backoff, _SHORTEST_IDLE_BACKOFF), _LONGEST_IDLE_BACKOFF)
        self._last_token = max(token, self._last_token or 0)

    @property
    def is_misled(self) -> bool:
        """True after too many looks in vain in a row, as when somebody forges announcements."""
        return self._vain > _VAIN_LOOKS

    def _count_in_vain(self, now: float) -> bool:
        self._vain = self._vain + 1 if now - self._last_vain < 2 * _LONGEST_IDLE_BACKOFF else 0
        self._last_vain = now
        return self.is_misled


class Poller:
    """Claims the due tasks of one partition for the runner.

    Args:
        claims: claims from the partition.
        runner: what carries the tasks out.
        completions: waits when too many are undelivered.
        options: the scheduler's options.
        log: where faults are told.
        on_clock_jump: called with the partition's name and the seconds by which its clock jumped.
        first: the first poller of the partition, for the second; `None` for the first.
    """

    def __init__(
        self,
        claims: ClaimChannel,
        runner: Runner,
        completions: Completions,
        options: SchedulerOptions,
        log: Log,
        on_clock_jump: Callable[[str, float], None],
        first: Poller | None = None,
    ) -> None:
        self._claims = claims
        self._is_first = first is None
        self._load: _Load = _Load() if first is None else first._load  # noqa: SLF001 - of its own class
        self._runner = runner
        self._completions = completions
        self._log = log
        self._on_clock_jump = on_clock_jump
        self._at_least_once = options.delivery == "at-least-once"
        self._trusted_seconds = TRUSTED_SHARE * options.lease_seconds
        self._longest_sleep = options.check_tasks_every_seconds
        self._failures, self._pauses = 0, _pauses()
        #: The refusal of the last claim; `None`: it was not refused.
        self.refusal: StorageError | None = None
        self._stopping = False
        self._pause = anyio.CancelScope()
        self._nudged = anyio.Event()
        self._next_claim_ms: float = math.inf
        # No claim gets anything before there are tokens of a rate, in monotonic seconds.
        self._tokens_from = -math.inf
        # Turns the server's ms into monotonic seconds; never too early, since the server read its clock before.
        self._local: Callable[[float], float] = lambda _: 0.0

    @property
    def partition(self) -> str:
        """The name of the partition."""
        return self._claims.name

    def listen(self) -> Callable[[], None]:
        """Hear of nearer due times; returns a function that ends that."""
        return self._claims.on_due(self._on_due)

    def _on_due(self, due_ms: int) -> None:
        if due_ms < self._next_claim_ms:
            self._next_claim_ms = due_ms
            if due_ms == 0:  # look now: a rate may be another
                self._tokens_from = -math.inf
                self._claims.hurry()
            self._nudged.set()

    def stop(self) -> None:
        """Claim no more; a claim in flight is still finished and fed to the runner."""
        self._stopping = True
        self._pause.cancel()

    async def run(self) -> None:
        """Claim until stopped."""
        try:
            await self._run()
        finally:
            self._claims.put_back()

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self.run_once()
                if self._failures:
                    self._failures, self._pauses = 0, _pauses()
            except StorageError as error:
                self._failures += 1
                self.refusal = None if isinstance(error, PartitionOffline) else error
                self._log.warning("no tasks can be claimed: %s", error)
                if self._failures > 1:  # the first may have been one stale connection
                    if isinstance(error, PartitionOffline):
                        self._claims.report_lost()
                    with self._waiting():
                        await anyio.sleep(next(self._pauses))

    async def run_once(self) -> None:
        """Claim once, and sleep until the next claim."""
        permits = 0
        with self._waiting():
            await self._claims.wait_online()
            await self._completions.room()
            permits = await self._runner.room.reserve()
        if self._stopping:
            self._runner.room.give_back(permits)
            return
        self._next_claim_ms, self._tokens_from = math.inf, -math.inf
        fed = 0
        try:
            claimed = await self._claim(permits)
            self.refusal = None
            fed = len(claimed.ids)
            self._runner.room.overdraw(max(0, fed - permits))
            self._feed(claimed, clock.monotonic())
        finally:
            self._runner.room.give_back(max(0, permits - fed))
        waits_ms = claimed.waits_ms
        # A claim that was full in tasks, or in bytes: the head of the schedule is due already.
        got_all = not waits_ms and (
            fed == permits or (fed > 0 and 0 <= claimed.next_claim_ms <= claimed.now_us // 1000)
        )
        self._load.note(claimed, got_all=got_all)
        if got_all:
            return
        if waits_ms:
            if waits_ms < 0 and self._is_first:
                with self._waiting():
                    await self._claims.take_tokens(-waits_ms, self._longest_sleep)
                return
            if self._next_claim_ms != 0:  # else there may be tokens since, or another rate, as it was told meanwhile
                self._tokens_from = self._local(claimed.now_us / 1000 + waits_ms)
        if claimed.next_claim_ms >= 0:
            self._next_claim_ms = min(self._next_claim_ms, claimed.next_claim_ms)
        with self._waiting():
            await (self._sleep() if self._is_first else self._load.is_high.wait())

    async def _claim(self, permits: int) -> Claimed:
        """Claim up to as many tasks as there are permits, and no heavier than the link has carried in time."""
        weight = self._load.weight
        is_again = self._claims.goes_on
        try:
            claimed = await self._claims.claim(permits, self._runner.room.places(permits), weight.goal)
        except PartitionOffline:
            weight.note_lost()
            raise
        if not is_again:  # else its time says nothing about the link
            seconds = clock.monotonic() - self._claims.sent_at
            # A claim that was full in tasks, and came at once, says nothing; nearly all are of this kind.
            says_something = len(claimed.ids) < permits or seconds > AT_ONCE_SECONDS
            if says_something and weight.note(sum(map(len, claimed.records)), seconds):
                self._log.warning(SLOW, self._claims.name, seconds, weight.goal >> 10)
        return claimed

    def _feed(self, claimed: Claimed, received_at: float) -> None:
        """Give what was claimed to the runner."""
        server_now = claimed.now_us / 1e6
        if jump := self._load.clock.note(server_now, self._claims.sent_at, received_at):
            self._claims.note_clock_jump()
            self._on_clock_jump(self._claims.name, jump)
        self._local = lambda ms: received_at + (ms / 1000 - server_now)
        if not claimed.ids:
            return
        self._completions.tally.note_claim(claimed.now_us // 1000, claimed.dues)
        # Moments count from when the claim was first sent: a repeated one may have been granted then.
        sent_at = self._claims.sent_at
        trusted_until = sent_at + self._trusted_seconds
        start_by = min(self._claims.starts_from + START_WINDOW_SECONDS, trusted_until)
        grant = Grant(
            self._claims.name,
            claimed.token,
            server_now,
            received_at,
            start_by,
            trusted_until,
            is_leased=self._at_least_once,
            is_rated=claimed.waits_ms is not None,
            tally=self._completions.tally,
        )
        failed = claimed.failed or repeat(None)
        # One call of C for all of them: a loop in Python costs some 0.1 µs more a task.
        self._runner.feed(map(TaskRun, repeat(grant), claimed.ids, claimed.dues, claimed.records, failed))

    async def _sleep(self) -> None:
        began = clock.monotonic()
        latest = began + self._longest_sleep
        earliest = began if self._load.is_misled else -math.inf
        while True:
            self._nudged = anyio.Event()
            idle_backoff = self._load.idle_backoff * random.uniform(0.5, 1)
            on_time = max(self._local(self._next_claim_ms), earliest, self._tokens_from)
            seconds = min(on_time + idle_backoff, latest) - clock.monotonic()
            if seconds <= 0:
                return
            with anyio.move_on_after(seconds):
                await self._nudged.wait()

    def _waiting(self) -> anyio.CancelScope:
        """Return a scope that `stop` cancels."""
        self._pause = anyio.CancelScope()
        if self._stopping:
            self._pause.cancel()
        return self._pause

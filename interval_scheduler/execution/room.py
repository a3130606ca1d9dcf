"""The room of an execution: how many tasks may be claimed now.

Every claimed task holds one permit from the moment when its claim is sent until its run ends. There are
`concurrency + prefetch window` permits, so memory is bounded. The prefetch window is the number of tasks that may be
claimed beyond the running ones. It begins at 0, and is always as many as the places that quick runs leave in a fifth of
a second, as far as was seen in the last second; `prefetch` at the most. So fast tasks are claimed ahead to hide the
round trip, and slow ones are left to whoever is free.

At most once, what is claimed ahead cannot be handed back. Then only runs below a twentieth of a second are quick, as
many are claimed ahead as start within that time, and the window is 0 as soon as a run in progress proves slower, or
when none began for a while: the next ones may be others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sized
from typing import Final, NamedTuple

from ..support import clock
from .run import TaskRun

#: A run that takes less is quick: its place is free again while a task that is claimed ahead may still start.
_QUICK_SECONDS: Final = 0.25
#: The time for which tasks are claimed ahead, and the time over which the quick runs are counted.
_AHEAD_SECONDS: Final = 0.2
_SEEN_SECONDS: Final = 1.0
#: The least of the latter: at the beginning little was seen, and it may have been luck.
_SHORTEST_SEEN_SECONDS: Final = _AHEAD_SECONDS
#: Both, and the time between two looks for slow runs in progress, where what was claimed cannot be handed back.
_FINAL_SECONDS: Final = 0.05
_LOOK_SECONDS: Final = 0.01
#: The most tasks of one claim: keeps the script within a few milliseconds.
MAX_CLAIM: Final = 500


class Limits(NamedTuple):
    """The most that an execution may hold at once.

    Attributes:
        concurrency: the most runs at once.
        prefetch: the most tasks claimed beyond the running ones.
        sources: the number of partitions that share the room.
        is_final: True if what was claimed cannot be handed back.
    """

    concurrency: int
    prefetch: int
    sources: int
    is_final: bool = False


class Room:
    """The permits of one execution.

    Args:
        limits: the most that may be claimed and run at once.
        queue: the claimed tasks that have not started; a live view.
        running: the runs in progress; a live view.
    """

    def __init__(self, limits: Limits, queue: Sized, running: Iterable[TaskRun] = ()) -> None:
        self._limits = limits
        self._queue = queue
        self._running = running
        self._window = 0
        # When the window was worked out, and when to look for slow runs in progress; monotonic seconds.
        self._adapted_at = self._look_at = 0.0
        #: The time below which a run is quick, in seconds; and the number of quick runs so far: the runner counts them.
        self.quick_seconds: Final = _FINAL_SECONDS if limits.is_final else _QUICK_SECONDS
        self._ahead_seconds: Final = _FINAL_SECONDS if limits.is_final else _AHEAD_SECONDS
        self.quick = 0
        # Two moments, the later one half of the time after the other, and how many quick runs there were by then.
        self._mark = self._before = (clock.monotonic(), 0)
        #: The permits that are held.
        self.taken = 0
        #: Those who wait for room.
        self.asking: Final[deque[asyncio.Future[None]]] = deque()
        self._is_closed = False
        self._given_back = asyncio.Event()

    async def reserve(self) -> int:
        """Wait for room, and take permits for one claim: a fair share of the free ones. Give each back in the end."""
        while not self._wants_more() or (permits := self._share()) == 0:
            waiter = asyncio.get_running_loop().create_future()
            self.asking.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self.asking:
                    self.asking.remove(waiter)
        self.taken += permits
        self.offer()
        return permits

    def places(self, permits: int) -> int:
        """Tell how many runs of a claim that reserved some permits find a free place at once."""
        return max(0, self._limits.concurrency - (self.taken - permits))

    def overdraw(self, permits: int) -> None:
        """Take permits without waiting: a claim that was in doubt got more than is reserved now."""
        self.taken += permits

    def give_back(self, permits: int) -> None:
        """Free permits that were reserved and not needed, or whose tasks are held no more."""
        self.taken -= permits
        self._given_back.set()
        self.offer()

    def offer(self) -> None:
        """Wake one who waits for room, if there is some."""
        if self.asking and self._wants_more() and self._share() > 0:
            waiter = self.asking.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Give out no permits until `reopen`."""
        self._is_closed = True

    def reopen(self) -> None:
        """Give out permits again."""
        self._is_closed = False
        self.offer()

    async def shrunk_to(self, running: Sized) -> None:
        """Wait until nothing but the running tasks holds a permit. The room must be closed."""
        while self.taken > len(running):  # claims are in flight
            self._given_back.clear()
            await self._given_back.wait()

    def adapt(self, now: float) -> None:
        """Claim as many tasks ahead as may start soon, to judge by the quick runs of the last second.

        Args:
            now: monotonic seconds.
        """
        age = now - self._mark[0]
        if age >= _SEEN_SECONDS / 2:
            self._before = self._mark if age < _SEEN_SECONDS else (now, self.quick)
            self._mark = (now, self.quick)
        began, quick = self._before
        seen_seconds = max(now - began, _SHORTEST_SEEN_SECONDS)
        may_start = int(max(0, self.quick - quick) * self._ahead_seconds / seen_seconds)
        self._window = min(self._limits.prefetch, may_start)
        self._adapted_at = now
        self.offer()

    def claim_nothing_ahead(self) -> None:
        """Begin anew: a claimed task waited until it was too late to start, or might have to."""
        self._window = 0
        self._mark = self._before = (clock.monotonic(), self.quick)

    def note_slow(self) -> None:
        """Note that a run ended which was not quick: what cannot be handed back is not claimed ahead now."""
        if self._window and self._limits.is_final:
            self.claim_nothing_ahead()

    def _reconsider(self, now: float) -> None:
        """Claim nothing ahead that cannot be handed back, unless all runs of late were quick."""
        if now - self._adapted_at > _AHEAD_SECONDS:
            self.claim_nothing_ahead()
        elif now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            if any(now - run.started_at > self.quick_seconds for run in self._running):
                self.claim_nothing_ahead()

    def _wants_more(self) -> bool:
        """Tell if so few tasks are queued that more are claimed; only then it matters if there are slow runs."""
        if self._is_closed or len(self._queue) > self._window // 2:
            return False
        if self._window and self._limits.is_final:
            self._reconsider(clock.monotonic())
            return len(self._queue) <= self._window // 2
        return True

    def _share(self) -> int:
        concurrency, _, sources, _ = self._limits
        free = concurrency + self._window - self.taken
        if free <= 0:
            return 0
        # A share of what is free, even if nobody else asks: a claim that hangs must not hold all the room.
        return min(MAX_CLAIM, max(1, free // sources))

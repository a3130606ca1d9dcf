"""The tokens of a rate, which claims on several partitions take from the master.

::

    poller ──take──▶ waits in line ──a request for all who wait──▶ master
       ▲                                                             │
       └────────── tokens, in equal shares, the first in line first ─┘

The bucket of a namespace stands on the master, so that its rate holds over all partitions. Those who wait share one
request, and while there are no tokens one waits for all. A token is used within half a second, or put back: so runs
start as soon after their tokens were taken as after a claim. Tokens whose request or claim is lost are lost with it:
then there are fewer starts, and never more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import anyio

from ..errors import PartitionOffline, StorageError
from ..support import clock
from ..support.backoff import delays
from ..support.log import Log
from .commands import quotas
from .partition.partition import Partition
from .requests.batching import MAX_BATCH
from .requests.session import Session

__all__ = ["Tokens"]

#: The time after the request for a token in which a claim may use it.
USABLE_SECONDS: Final = 0.5
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0


class _Waiting:
    """One who waits for tokens."""

    __slots__ = ("arrived", "asked_at", "tokens", "wanted")

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.tokens = 0
        #: When the tokens that it has were asked for, monotonic seconds.
        self.asked_at = 0.0
        self.arrived = asyncio.Event()


class Tokens:
    """The tokens that the pollers of one execution take.

    Args:
        master: the partition that keeps the bucket.
        retry_for_seconds: how long a request in doubt is sent again; after that its tokens are lost.
        log: the log for faults.
    """

    def __init__(self, master: Partition, retry_for_seconds: float, log: Log) -> None:
        self._master = master
        self._session = Session(master, retry_for_seconds)
        self._log = log
        self._line: deque[_Waiting] = deque()
        self._unused, self._wakes = 0, False
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()

    async def take(self, wanted: int, timeout_seconds: float) -> tuple[int, float]:
        """Wait for tokens: at least one, unless the time is over, and at most `wanted`.

        Returns:
            The number of tokens, and when they were asked for, in monotonic seconds.
        """
        waiting = _Waiting(wanted)
        self._line.append(waiting)
        self._work.set()
        try:
            with anyio.move_on_after(timeout_seconds):
                await waiting.arrived.wait()
        except BaseException:
            self.put_back(waiting.tokens)
            raise
        finally:
            if waiting in self._line:
                self._line.remove(waiting)
        return waiting.tokens, waiting.asked_at

    def put_back(self, tokens: int) -> None:
        """Put tokens back that were not used."""
        if tokens > 0:
            self._unused += tokens
            self._work.set()
            self._hurry.set()

    def give_back(self, tokens: int) -> None:
        """Put tokens back of runs that did not start. The pollers here look again, since others may start."""
        self._wakes = self._wakes or tokens > 0
        self.put_back(tokens)

    def hurry(self) -> None:
        """Ask the master at once: the rate may be another."""
        self._hurry.set()

    async def run(self) -> None:
        """Take tokens for those who wait, until cancelled."""
        pauses = delays(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        while True:
            await self._work.wait()
            try:
                seconds = await self._take()
                pauses = delays(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            except StorageError as error:
                seconds = next(pauses)
                self._log.warning("no tokens of the rate can be taken: %s", error)
                if isinstance(error, PartitionOffline):
                    await self._master.wait_online()
            if seconds > 0:
                with anyio.move_on_after(seconds):
                    await self._hurry.wait()

    async def _take(self) -> float:
        """Take tokens for all who wait. Return after how many seconds there may be more."""
        self._work.clear()
        self._hurry.clear()
        wanted = min(sum(one.wanted for one in self._line), MAX_BATCH * len(self._line))
        back, self._unused = self._unused, 0
        if wanted == back == 0:
            return 0.0
        # Those that come back while this request is under way go with the next one, and wake the pollers then.
        wakes, self._wakes = self._wakes, False
        asked_at = clock.monotonic()
        try:
            taken = await quotas.take_tokens(self._session, self._master, wanted, back)
        except BaseException:
            self._wakes = self._wakes or wakes  # they may have come back all the same
            raise
        if wakes:
            self._master.announce(0)
        self._share(taken.tokens, asked_at)
        if self._line:
            self._work.set()
        return taken.wait_ms / 1000

    def _share(self, tokens: int, asked_at: float) -> None:
        """Give tokens out in equal shares; those who come first in line get what does not divide.

        Args:
            tokens: how many there are.
            asked_at: when they were asked for, in monotonic seconds.
        """
        while tokens > 0 and (open_ones := [one for one in self._line if one.tokens < one.wanted]):
            share = max(1, tokens // len(open_ones))
            for one in open_ones:
                given = min(share, one.wanted - one.tokens, tokens)
                one.tokens += given
                tokens -= given
        for one in [one for one in self._line if one.tokens > 0]:
            self._line.remove(one)
            one.asked_at = asked_at  # the next request may go out before it goes on
            one.arrived.set()
        self.put_back(tokens)

"""Ending claims off the workers' path: completions, hand-backs and quarantine of one partition, in batches.

A completion that cannot be delivered is repeated for as long as the lease lasts, across reconnects; then the task is
due again by itself. What is undelivered is bounded: beyond that the partition is not claimed from, and only that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from ..storage import commands
from ..storage.batching import Lane
from ..storage.commands import Ended, Held
from ..storage.session import Session

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from ..log import Log
    from ..storage.partition import Partition


#: Claims beyond so many undelivered completions of a partition wait.
MAX_UNDELIVERED: Final = 2000


class Completions:
    """The lanes on which the claims of one partition end.

    Args:
        partition: the partition.
        lease_seconds: how long a lane repeats a batch in doubt.
        log: where stale and undelivered completions are told.
    """

    def __init__(self, partition: Partition, lease_seconds: float, log: Log) -> None:
        self._partition = partition
        self._log = log
        keys = partition.keys
        sessions = {name: Session(partition, lease_seconds) for name in ("complete", "release", "quarantine")}

        async def complete(runs: Sequence[Held]) -> Sequence[bool]:
            return self._announce(await commands.complete(sessions["complete"], keys, runs))

        async def release(runs: Sequence[Held]) -> Sequence[bool]:
            return self._announce(await commands.release(sessions["release"], keys, runs))

        async def quarantine(runs: Sequence[Held]) -> Sequence[bool]:
            return await commands.quarantine(sessions["quarantine"], keys, runs)

        self._room = asyncio.Event()
        self._complete = self._lane("completed", complete)
        self._release = self._lane("handed back", release)
        self._quarantine = self._lane("set aside", quarantine)
        self.complete: Final = self._complete.put
        self.release: Final = self._release.put
        self.quarantine: Final = self._quarantine.put

    def __len__(self) -> int:
        """How many ended claims are not answered yet."""
        return len(self._complete) + len(self._release) + len(self._quarantine)

    async def room(self) -> None:
        """Wait until so little is undelivered that more may be claimed."""
        while len(self) >= MAX_UNDELIVERED:
            self._room.clear()
            await self._room.wait()

    def start(self, group: TaskGroup) -> None:
        """Run the lanes in `group`."""
        for lane in (self._complete, self._release, self._quarantine):
            group.start_soon(lane.run)

    async def flushed(self) -> None:
        """Wait until every claim that ended so far was answered or given up."""
        for lane in (self._complete, self._release, self._quarantine):
            await lane.flushed()

    def _announce(self, ended: Ended) -> Sequence[bool]:
        if ended.earliest_ms >= 0:
            self._partition.on_due(ended.earliest_ms)
        return ended.held

    def _lane(self, done: str, send: Callable[[Sequence[Held]], Awaitable[Sequence[bool]]]) -> Lane[Held, bool]:
        def settle(runs: Sequence[Held], results: Sequence[bool] | Exception) -> None:
            if len(self) < MAX_UNDELIVERED:
                self._room.set()
            if isinstance(results, Exception):
                self._log.warning(
                    "%d runs could not be %s, they are due again when their leases end: %s", len(runs), done, results
                )
            elif not all(results):
                for run, held in zip(runs, results, strict=True):
                    if not held:
                        self._log.info(
                            "task %r was not %s: it was removed meanwhile, or its lease ended",
                            run.raw_id.decode(errors="replace"),
                            done,
                        )

        return Lane(self._partition.name, send, settle)

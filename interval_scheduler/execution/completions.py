"""Ending claims off the workers' path: completions, hand-backs and quarantine of one partition, in batches.

A completion that cannot be delivered is repeated for as long as the lease lasts, across reconnects; then the task is
due again by itself. Each ended claim gives its place back to the workers, delivered or not.
"""

from __future__ import annotations

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


class Completions:
    """The lanes on which the claims of one partition end.

    Args:
        partition: the partition.
        lease_seconds: how long a lane repeats a batch in doubt.
        give_back: called with the number of claims that ended.
        log: where stale and undelivered completions are told.
    """

    def __init__(self, partition: Partition, lease_seconds: float, give_back: Callable[[int], None], log: Log) -> None:
        self._partition = partition
        self._give_back = give_back
        self._log = log
        keys = partition.keys
        sessions = {name: Session(partition, lease_seconds) for name in ("complete", "release", "quarantine")}

        async def complete(runs: Sequence[Held]) -> Sequence[bool]:
            return self._announce(await commands.complete(sessions["complete"], keys, runs))

        async def release(runs: Sequence[Held]) -> Sequence[bool]:
            return self._announce(await commands.release(sessions["release"], keys, runs))

        async def quarantine(runs: Sequence[Held]) -> Sequence[bool]:
            return await commands.quarantine(sessions["quarantine"], keys, runs)

        self._complete = self._lane("completed", complete)
        self._release = self._lane("handed back", release)
        self._quarantine = self._lane("set aside", quarantine)
        self.complete: Final = self._complete.put
        self.release: Final = self._release.put
        self.quarantine: Final = self._quarantine.put

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
            self._give_back(len(runs))
            if isinstance(results, Exception):
                self._log.warning(
                    "%d runs could not be %s, they are due again when their leases end: %s", len(runs), done, results
                )
            elif not all(results):
                for run, held in zip(runs, results, strict=True):
                    if not held:
                        self._log.info(
                            "task %r was not %s: it was removed meanwhile, or its lease ended",
                            run.id.decode(),
                            done,
                        )

        return Lane(self._partition.name, send, settle)

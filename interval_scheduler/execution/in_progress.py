"""The runs in progress: waits for their end, and gives up those that do not end although they were cancelled.

::

    in progress ──ended──▶ (out)
        │
    cancelled, and did not end within the grace ──▶ given up: left to its lease ──ended──▶ (out)
                                                        │
                                                 the execution ends ──▶ abandoned ──ended──▶ (out)
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..support.log import Log
from .run import TaskRun, named

#: Runs that were abandoned and go on all the same: asyncio itself keeps no task from being collected.
_abandoned: Final[set[TaskRun]] = set()
#: Why a run was cancelled that the runner did not cut short.
_ENDED: Final = "the scheduler ended"


class InProgress:
    """The runs in progress of one runner.

    Args:
        grace: the time that a cancelled run may take to end, in seconds.
        log: where runs that do not end are told.
    """

    def __init__(self, grace: float, log: Log) -> None:
        self._grace = grace
        self._log = log
        #: The runs.
        self.runs: Final[set[TaskRun]] = set()
        self._all_ended = asyncio.Event()
        self._waiting: asyncio.Timeout | None = None

    def all_ended(self) -> None:
        """Tell those who wait that no run is left."""
        self._all_ended.set()

    async def ended_within(self, seconds: float) -> bool:
        """Wait until no run is left, for at most that time, or less if that is hastened; return whether it came so."""
        self._waiting = asyncio.timeout(seconds)
        try:
            return await self._ended_before(self._waiting)
        finally:
            self._waiting = None

    async def _ended_before(self, end: asyncio.Timeout) -> bool:
        if self.runs:
            self._all_ended.clear()
            try:
                async with end:
                    await self._all_ended.wait()
            except TimeoutError:
                return False
        return True

    def hasten(self, seconds: float) -> None:
        """Let a wait that is under way end within a shorter time from now."""
        until = asyncio.get_running_loop().time() + seconds
        if self._waiting is not None and until < (self._waiting.when() or 0):
            self._waiting.reschedule(until)

    async def ended_within_grace(self) -> bool:
        """Wait as long for the end of cancelled runs as they may take."""
        return await self._ended_before(asyncio.timeout(self._grace))

    def give_up(self, *runs: TaskRun) -> None:
        """Renew the lease of a run no more, or those of a batch, that goes on although it was cancelled."""
        left = [run for run in runs if run in self.runs and not run.is_given_up]
        for run in left:
            run.is_given_up = True
        if len(left) == 1:
            (run,) = left
            message = "the run of task %r did not end within %g s of being cancelled (%s): it is left to its lease"
            self._log.error(message, run.id, self._grace, run.cut_short or _ENDED)
        elif left:
            message = (
                "a batch did not end within %g s of being cancelled (%s): its %d runs are left to their leases: %s"
            )
            why = next((run.cut_short for run in left if not run.lost), left[0].cut_short) or _ENDED
            self._log.error(message, self._grace, why, *named(left))

    def give_up_all(self) -> None:
        """Give up every run that is left, and wait for none of them any more."""
        for run in list(self.runs):
            self.give_up(run)
            self._abandon(run)
        self._all_ended.set()

    def abandon_given_up(self) -> None:
        """Wait no more for the runs that were given up."""
        for run in [run for run in self.runs if run.is_given_up]:
            self._abandon(run)
        if not self.runs:
            self._all_ended.set()

    def _abandon(self, run: TaskRun) -> None:
        self.runs.discard(run)
        _abandoned.add(run)


def was_abandoned(run: TaskRun) -> bool:
    """Tell if a run that ends now was abandoned, and forget it."""
    if run not in _abandoned:
        return False
    _abandoned.discard(run)
    return True

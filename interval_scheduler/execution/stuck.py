"""Notices that an execution is stuck: no further run can be started, and none has ended for long.

No further run can be started while all places are taken, or while one run goes on alone.

::

    some places free ──none is left───▶ full ──no run ended for `stuck_after_seconds`──▶ stuck: told
            ▲                            │                                                │ told again whenever
            └────────a run ended─────────┴────────────────────a run ended─────────────────┘ the time has doubled

Nothing is looked at while places are free, so that an idle scheduler sleeps.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from ..model.health import Finding
from ..support import clock
from ..support.log import GuardedLog
from .run import TaskRun, named
from .runner import Runner


class StuckWatch:
    """Watches the places of one runner.

    Args:
        runner: the runner.
        places: the number of its places.
        after: the time after which it is stuck if no run ended, in seconds.
        log: the log; a warning names the longest runs.
        on_stuck: called with the number of runs, the longest of them, and its seconds.
    """

    def __init__(
        self,
        runner: Runner,
        places: int,
        after: float,
        log: GuardedLog,
        on_stuck: Callable[[int, TaskRun, float], None],
    ) -> None:
        self._runner = runner
        self._places = places
        self._after = after
        self._log = log
        self._on_stuck = on_stuck

    @property
    def finding(self) -> Finding | None:
        """The finding for `check_health`, if the execution is stuck now."""
        seconds = self._seconds()
        return None if seconds < self._after else Finding("stuck", "warning", self._words(seconds))

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self._runner.is_full.wait()
            self._runner.is_full.clear()
            await self._watch()

    async def _watch(self) -> None:
        tell_at = self._after
        await anyio.sleep(tell_at)
        while (seconds := self._seconds()) >= 0:
            if seconds < self._after:
                tell_at = self._after  # a run has ended since it was told
            if seconds >= tell_at:
                tell_at = 2 * seconds
                self._log.warning("%s", self._words(seconds))
                longest = min(self._runner.running, key=lambda run: run.started_at)
                self._on_stuck(len(self._runner.running), longest, clock.monotonic() - longest.started_at)
            # No longer than `after` at once, or it would not be seen that a run has ended meanwhile.
            await anyio.sleep(min(max(tell_at - seconds, 0.1 * self._after), self._after))

    def _seconds(self) -> float:
        """Return the seconds for which the same runs have kept others from being started; -1 if one can be."""
        running = self._runner.running
        if not running or (self._runner.places_taken < self._places and not self._runner.is_alone):
            return -1
        return clock.monotonic() - max(run.started_at for run in running)

    def _words(self, seconds: float) -> str:
        _, shown = named(self._runner.running)
        taken = f"{self._runner.places_taken} of {self._places} places are taken"
        if self._runner.is_alone:
            taken = "a task runs alone, since its deliveries before ended without a result"
        return (
            f"{taken}, and no run has ended for {seconds:.0f} s: due tasks have to wait; the longest runs are those "
            f"of {shown}"
        )

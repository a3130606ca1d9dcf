"""Keeps the leases of runs while one of them blocks the event loop, from a thread.

::

    event loop answers ──no answer for a while──▶ blocked: told, leases renewed ──answers again──▶ event loop answers
                                                     │
                                                     └─ for `MOST_LEASES` leases ──▶ given up: told, renewed no more

A run that blocks the event loop, for example by `time.sleep` or a driver that is not asynchronous, keeps it from
renewing any lease, and from telling Redis of runs that ended just before. Without this thread, another scheduler would
take all these tasks after a lease, and run them a second time. The thread asks the event loop for a sign of life only
while there are runs. It gives up in the end, so that a process that will never go on does not keep its tasks. It cannot
help where a C extension keeps all threads of Python from running.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import Final

from ..model.trust import TRUSTED_SHARE
from ..storage.claims import MAX_BATCH, ClaimedTask
from ..storage.completions import Completions
from ..storage.spare_renewals import SpareRenewals
from ..support import clock
from ..support.log import Log
from .blocks import Blocks
from .run import TaskRun
from .runner import Runner

#: The leases for which a blocked event loop keeps its tasks.
MOST_LEASES: Final = 20
#: Of a lease: how long the thread waits before it asks for a sign of life, how long for that, and between renewals.
_PAUSE_SHARE: Final = 0.15
_ANSWER_SHARE: Final = 0.25
_RENEWAL_SHARE: Final = 0.3
#: The calls of the blocked thread that are shown, the innermost ones.
_CALLS_SHOWN: Final = 4


class BlockedWatch:
    """The thread that keeps the leases of one scheduler's runs while its event loop is blocked.

    Args:
        renewals: renew leases, one a partition.
        runner: has the runs in progress.
        completions: have the runs that ended and are not delivered, by the name of their partition.
        lease_seconds: how long a lease lasts from its last renewal.
        blocks: counts how many times the event loop was blocked.
        log: the log of a blocked event loop.
    """

    def __init__(
        self,
        renewals: Sequence[SpareRenewals],
        runner: Runner,
        completions: Mapping[str, Completions],
        lease_seconds: float,
        blocks: Blocks,
        log: Log,
    ) -> None:
        self._renewals = [each for each in renewals if each.is_possible]
        self._running = runner.running
        self._completions = completions
        self._lease_seconds = lease_seconds
        self._blocks = blocks
        self._log = log
        self._ended = threading.Event()
        self._lives = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0

    async def run(self) -> None:
        """Watch this event loop until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        if not self._renewals:
            return
        # A daemon, so that a renewal under way does not keep the process from ending.
        threading.Thread(target=self._watch, name="interval_scheduler renewals", daemon=True).start()
        try:
            await asyncio.Event().wait()
        finally:
            self._ended.set()
            self._lives.set()

    def _watch(self) -> None:
        """Watch in a thread of its own."""
        while not self._ended.wait(_PAUSE_SHARE * self._lease_seconds):
            if any(run.is_leased for run in list(self._running)) and not self._answers(_ANSWER_SHARE):
                self._keep()

    def _answers(self, share: float) -> bool:
        """Ask the event loop for a sign of life; tell if it gave one within a share of a lease."""
        assert self._loop is not None  # noqa: S101 - for the type checker: `run` has set it
        self._lives.clear()
        try:
            self._loop.call_soon_threadsafe(self._lives.set)
        except RuntimeError:  # it is closed
            self._ended.set()
            return True
        return self._lives.wait(share * self._lease_seconds) or self._ended.is_set()

    def _keep(self) -> None:
        """Renew the leases until the event loop answers."""
        began = clock.monotonic()
        self._blocks.meanwhile()
        asyncio.run(self._renew_all())
        # Only now: a handler of the log may wait for the blocked thread, and this one with it.
        self._log.warning(
            "the event loop is blocked, at the moment by %s: call blocking code with asyncio.to_thread; a thread "
            "renews the leases of its runs meanwhile, for %d leases of %g s at the most",
            self._where(),
            MOST_LEASES,
            self._lease_seconds,
        )
        while not self._answers(_RENEWAL_SHARE):
            if clock.monotonic() - began > MOST_LEASES * self._lease_seconds:
                break
            asyncio.run(self._renew_all())
        else:
            return
        self._log.error(
            "the event loop is blocked for %.0f s, at the moment by %s: the leases of its runs are renewed no more, "
            "and other schedulers take its tasks",
            clock.monotonic() - began,
            self._where(),
        )
        self._lives.wait()  # it was asked already

    async def _renew_all(self) -> None:
        """Renew the leases on all partitions at once: one that does not answer holds up no other."""
        await asyncio.gather(*map(self._renew, self._renewals))

    async def _renew(self, renewals: SpareRenewals) -> None:
        """Renew the leases on one partition: of its runs, and of those that ended and are not delivered."""
        try:
            runs: list[ClaimedTask] = [
                run
                for run in list(self._running)
                if run.is_leased and run.partition == renewals.name and not run.is_given_up
            ]
            runs += self._completions[renewals.name].undelivered
            async with asyncio.timeout(_RENEWAL_SHARE * self._lease_seconds):
                for start in range(0, len(runs), MAX_BATCH):
                    sent_at = clock.monotonic()
                    batch = runs[start : start + MAX_BATCH]
                    held = await renewals.renew(batch)
                    self._trust(batch, held, sent_at + TRUSTED_SHARE * self._lease_seconds)
        except Exception as error:  # noqa: BLE001 - nothing may end the thread
            self._log.warning("leases could not be renewed: %s", str(error) or "no answer in time")

    @staticmethod
    def _trust(runs: Sequence[ClaimedTask], held: Sequence[bool], until: float) -> None:
        """Rely on the leases that were held. Those that were not are left to the renewal in the event loop."""
        for run, still_held in zip(runs, held, strict=True):
            if still_held and isinstance(run, TaskRun):
                run.trust_until(until)

    def _where(self) -> str:
        """Say in which calls the event loop is, the innermost one first."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - documented, for just this
        calls = traceback.extract_stack(frame)[-_CALLS_SHOWN:] if frame is not None else []
        shown = [f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(calls)]
        return ", called by ".join(shown) or "nothing"

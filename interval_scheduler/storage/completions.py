"""Ending claims beside the runs: completions, failures, hand-backs and quarantine of one partition, in batches.

A completion that cannot be delivered is repeated for as long as the lease lasts, across reconnects; then the task is
due again by itself. The number of undelivered completions is limited: at the limit, claims wait on this partition only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from anyio.abc import TaskGroup

from ..errors import SchedulerError
from ..model.ending import Failure
from ..model.tally import Tally
from ..model.wire import readable
from ..support.log import GuardedLog
from ..support.text import describe
from .commands import running
from .commands.running import ClaimedTask, CompleteReply, HandedBack, SetAside
from .partition.partition import Partition
from .requests.batching import Batcher
from .requests.session import Session
from .taken import Held, was_taken

__all__ = ["MAX_UNDELIVERED", "ClaimedTask", "Completions"]


class HeldTask(ClaimedTask, Held, Protocol):
    """A claimed task, and what its holder knows of its lease."""


Ended = TypeVar("Ended", HandedBack, SetAside)

#: The number of undelivered completions of a partition at which its claims wait.
MAX_UNDELIVERED: Final = 2000


class Completions:
    """The batchers on which the claims of one partition end.

    Args:
        partition: the partition.
        lease_seconds: how long a batcher repeats a batch in doubt.
        log: the log for stale and undelivered completions.
        tally: what counts the runs of the partition. Default: one that nobody reads.
    """

    def __init__(self, partition: Partition, lease_seconds: float, log: GuardedLog, tally: Tally | None = None) -> None:
        self._partition = partition
        #: Counts the runs of the partition: here by batch, not run by run.
        self.tally: Final = tally or Tally()
        self._log = log
        keys = partition.keys
        sessions = {name: Session(partition, lease_seconds) for name in ("complete", "fail", "release", "quarantine")}

        async def complete(runs: Sequence[HeldTask]) -> Sequence[bool]:
            return self._announce(await running.complete(sessions["complete"], keys, runs))

        async def fail(failures: Sequence[Failure]) -> Sequence[str]:
            results, earliest_ms = await running.fail(sessions["fail"], keys, failures)
            if earliest_ms >= 0:
                partition.announce(earliest_ms)
            return results

        async def release(runs: Sequence[HandedBack]) -> Sequence[bool]:
            delays = [b"%d%s" % (one.delay_ms, b"" if one.has_started else b"u") for one in runs]
            released = await running.released(sessions["release"], keys, [one.run for one in runs], delays)
            for one, result in zip(runs, released.results, strict=True):
                if result == "x":
                    self.on_cancelled(one.run, has_started=one.has_started)
            return self._announce(CompleteReply([result != "0" for result in released.results], released.earliest_ms))

        async def quarantine(runs: Sequence[SetAside]) -> Sequence[bool]:
            problems = [one.problem for one in runs]
            return await running.quarantine(sessions["quarantine"], keys, [one.run for one in runs], problems)

        #: Called with each run that was to be handed back, but is cancelled: it has to be ended as failed.
        self.on_cancelled: Callable[..., object] = _ignore
        self._room = asyncio.Event()
        self._complete: Batcher[HeldTask, bool] = Batcher(partition.name, complete, self._report_completed)
        self._release: Batcher[HandedBack, bool] = self._batcher("handed back", release)
        self._quarantine: Batcher[SetAside, bool] = self._batcher("set aside", quarantine)
        self._fail: Batcher[Failure, str] = Batcher(
            partition.name, fail, self._report_failures, lambda one: len(one.error)
        )
        self._batchers = (self._complete, self._fail, self._release, self._quarantine)

    def __len__(self) -> int:
        """Count the ended claims that Redis has not confirmed yet."""
        return len(self._complete) + len(self._fail) + len(self._release) + len(self._quarantine)

    @property
    def undelivered(self) -> list[ClaimedTask]:
        """The runs that ended, and of which Redis has not confirmed it yet."""
        return [*self._complete.items, *self._fail.items]

    def complete(self, run: HeldTask) -> None:
        """End a run: reschedule a recurring task, delete a one-shot."""
        self._complete.put(run)

    def fail(self, failure: Failure) -> None:
        """End a run that failed."""
        self._fail.put(failure)

    def release(self, run: ClaimedTask, delay_ms: int = 0, *, has_started: bool = False) -> None:
        """Hand a claimed task back whose run did not end; nobody may claim it within the delay."""
        self._release.put(HandedBack(run, delay_ms, has_started))

    def quarantine(self, run: ClaimedTask, problem: str) -> None:
        """Set aside a claimed task that cannot be read, for a reason that names a key."""
        key = self._partition.keys.tasks.decode()
        self.tally.dead += 1
        self._quarantine.put(SetAside(run, f"the record is corrupt ({key}): {problem}"))

    async def room(self) -> None:
        """Wait until few enough completions are undelivered that more tasks may be claimed."""
        while len(self) >= MAX_UNDELIVERED:
            self._room.clear()
            await self._room.wait()

    def start(self, group: TaskGroup) -> None:
        """Run the batchers in `group`."""
        for batcher in self._batchers:
            group.start_soon(batcher.run)

    async def flushed(self) -> None:
        """Wait until Redis has confirmed every claim that ended so far, or its delivery was given up."""
        for batcher in (self._release, *self._batchers):  # a run that could not be handed back may have failed by that
            await batcher.flushed()

    def _announce(self, ended: CompleteReply) -> Sequence[bool]:
        if ended.earliest_ms >= 0:
            self._partition.announce(ended.earliest_ms)
        return ended.held

    def _report_failures(self, failures: Sequence[Failure], results: Sequence[str] | Exception) -> None:
        self._make_room()
        tally = self.tally
        if isinstance(results, Exception):
            tally.lost_leases += len(failures)
            self._give_up(len(failures), "ended", results)
            return
        tally.dead += results.count("d")
        self._look_if_none([result != "0" for result in results])
        for failure, result in zip(failures, results, strict=True):
            if result == "d":
                task_id = readable(failure.raw_id)
                self._log.error("task %r is dead, its last attempt failed: %s", task_id, failure.error)
            elif result == "0":
                self._refused(failure, failure.raw_id)
            elif result == "r" and failure.charge:
                tally.retries += 1

    def _report_completed(self, runs: Sequence[HeldTask], results: Sequence[bool] | Exception) -> None:
        self._make_room()
        self.tally.runs += len(runs)
        if isinstance(results, Exception):
            self.tally.lost_leases += len(runs)
            self._give_up(len(runs), "completed", results)
        elif not all(results):
            self._look_if_none(results)
            for run, held in zip(runs, results, strict=True):
                if not held:
                    self._refused(run, run.raw_id)

    def _refused(self, run: Held, raw_id: bytes) -> None:
        """Count a run whose end Redis refused: its task was removed or replaced, or may have run elsewhere as well."""
        if was_taken(self._partition, run):
            self.tally.gone += 1
            self._log.info("task %r was not ended: it was removed or replaced meanwhile", readable(raw_id))
        else:
            self.tally.lost_leases += 1
            self._log.info("task %r was not ended: its lease was lost", readable(raw_id))

    def _look_if_none(self, held: Sequence[bool]) -> None:
        """Have the partition looked at if no lease of a batch was held: its data may be lost, which a claim hears."""
        if not any(held):
            self._partition.announce(0)

    def _make_room(self) -> None:
        if len(self) < MAX_UNDELIVERED:
            self._room.set()

    def _give_up(self, count: int, done: str, error: Exception) -> None:
        words = "%d runs could not be %s, they are due again when their leases end: %s"
        if isinstance(error, SchedulerError):
            self._log.warning(words, count, done, error)
        else:
            self._log.error(words, count, done, describe(error), exc_info=error)  # a bug

    def _batcher(self, done: str, send: Callable[[Sequence[Ended]], Awaitable[Sequence[bool]]]) -> Batcher[Ended, bool]:
        def report(runs: Sequence[Ended], results: Sequence[bool] | Exception) -> None:
            self._make_room()
            if isinstance(results, Exception):
                self._give_up(len(runs), done, results)
            elif not all(results):
                self._look_if_none(results)
                for run, held in zip(runs, results, strict=True):
                    if not held:
                        words = "task %r was not %s: it was removed or replaced meanwhile, or its lease ended"
                        self._log.info(words, readable(run.raw_id), done)

        return Batcher(self._partition.name, send, report)


def _ignore(_: ClaimedTask) -> None:
    """Leave a run to its lease."""

"""The runs of one execution: lets them start or not, and tells Redis how they ended.

`outcome.py` decides, `storage/completions.py` tells Redis; here both are put together, with the log and the events.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence

from ..config.options import SchedulerOptions
from ..errors import NotConnected, RunCancelled, RunTimeout, StorageError, TooManyCrashes
from ..model.records import CorruptRecord
from ..model.trust import TRUSTED_SHARE
from ..storage.beginnings import Beginnings
from ..storage.completions import Completions
from ..support import clock
from ..support.events import Events
from ..support.log import GuardedLog
from ..support.sampling import Sampling
from ..support.text import describe
from . import outcome
from .executor import Retry
from .observers import Observers
from .run import TaskRun, named
from .run_handler import Admission
from .told import told_of
from .unworkable import Unworkable


class Runs:
    """The `RunHandler` of an execution.

    Args:
        completions: where the claims of each partition end, by its name.
        beginnings: where it is told that runs begin, by the name of the partition.
        options: the scheduler's options.
        events: where `run`, `run-error` and `run-skipped` go.
        log: where faults are told.
        put_back: called with the number of tokens of a rate that runs took which did not start. Default: nothing.
        sampling: the runs that are told to those who watch. Default: none are.
        observers: those who measure runs. Default: nobody does.
    """

    def __init__(
        self,
        completions: Mapping[str, Completions],
        beginnings: Mapping[str, Beginnings],
        options: SchedulerOptions,
        events: Events,
        log: GuardedLog,
        put_back: Callable[[int], object] = bool,
        sampling: Sampling | None = None,
        observers: Observers | None = None,
    ) -> None:
        self._sampling = sampling or Sampling(0)
        self._samples = (observers or Observers.of(options.namespace, log)).samples
        self._completions = completions
        for each in completions.values():
            each.on_cancelled = self.cancelled
        self._put_back = put_back
        self._beginnings = beginnings
        self._trusted_seconds = TRUSTED_SHARE * options.lease_seconds
        #: The tasks that cannot be worked out here.
        self.unworkable = Unworkable(log)
        self._at_least_once = options.delivery == "at-least-once"
        self._max_crashes = options.max_crashes
        self._events = events
        self._run_listeners = events.listening("run")
        self._log = log
        #: The numbers of runs that failed, and of those that were handed back.
        self.failed = self.handed_back = 0
        self._ended_before = self._ended()

    @property
    def ended(self) -> int:
        """The number of runs that ended by themselves and are told to Redis, which counts them by batch."""
        return self._ended() - self._ended_before

    def _ended(self) -> int:
        return sum(each.tally.runs for each in self._completions.values())

    def admit(self, run: TaskRun) -> Admission:
        """Decide whether a run that has begun is carried out; one that is not is dealt with."""
        try:
            verdict = outcome.judge(run, clock.monotonic(), self._max_crashes)
        except Exception as error:  # noqa: BLE001 - of a library, or of a time zone: anything
            self._put_off(run, error)
            return "no"
        # At most once, what is queued beside it cannot be handed back.
        if verdict == "run" or (verdict == "run alone" and not self._at_least_once):
            return "yes"
        if verdict == "run alone":
            self._log.warning("task %r runs alone: %d deliveries ended without a result", run.id, run.charged)
            return "alone"
        if verdict == "late":
            self.hand_back(run)
        elif verdict == "crashes":
            self._give_up_token(run)
            self._failed(run, TooManyCrashes(run.charged), has_started=False)
        else:
            tally = run.grant.tally
            tally.skipped += 1
            if verdict == "skip":
                self._tell_skipped(run)
            self._give_up_token(run)
            if run.is_leased:
                tally.runs -= 1  # its completion is counted as one
                self._complete(run, ran=False)
        return "no"

    def _tell_skipped(self, run: TaskRun) -> None:
        told = self._log.info if run.recurs else self._log.warning
        told(
            "the run of task %r was skipped: it could not start within its start deadline, it is %.3f s late%s",
            run.id,
            run.lag,
            "" if run.recurs else "; the task is over",
        )
        self._events.emit("run-skipped", run)

    async def begins(self, run: TaskRun) -> bool:
        """Tell that a run begins which was delivered before; return whether it may."""
        if not run.is_leased:
            return True
        sent_at = clock.monotonic()
        try:
            is_held = await self._beginnings[run.partition].tell(run)
        except StorageError as error:
            self._log.warning("the run of task %r does not begin, since it cannot be told: %s", run.id, error)
            return False
        except NotConnected:  # the scheduler is being closed: another one carries the run out
            return False
        if is_held:
            run.trust_until(sent_at + self._trusted_seconds)
        # One that has become too late meanwhile is handed back, and skipped by the next claim.
        return is_held and not outcome.is_too_late(run, clock.monotonic())

    def is_suspect(self, run: TaskRun) -> bool:
        """Tell if a run that has begun may be what processes die of."""
        return outcome.is_suspect(run, self._max_crashes)

    async def begin(self, runs: Sequence[TaskRun]) -> Sequence[bool]:
        """Tell that runs begin which were delivered before; return which of them may."""
        return await asyncio.gather(*map(self.begins, runs))

    def tell_failed(self, runs: Sequence[TaskRun], error: BaseException) -> None:
        """Log the one error of several runs of a batch."""
        count, shown = named(runs)
        self._log.error("%d runs of a batch failed: %s: %s", count, describe(error), shown, exc_info=error)

    def finish(self, run: TaskRun, error: BaseException | None) -> None:
        """End a run that ended by itself, with its error if it failed."""
        if error is not None:
            run.grant.tally.runs += 1
            self._failed(run, error)
        elif run.is_plain and self._at_least_once:  # counted with its batch
            self._completions[run.partition].complete(run)
        elif run.is_plain or not run.is_leased:  # over for Redis since the claim
            run.grant.tally.runs += 1
        else:
            self._complete(run)
        if self._sampling.is_on or self._run_listeners:
            self._show(run, error)
        if (samples := self._samples).is_on:  # not a call: most runs are passed over
            samples.left -= 1
            if samples.left < 0:
                samples.take(run, error)

    def finish_told(self, run: TaskRun, error: BaseException) -> None:
        """End a run that failed with an error that is in the log already."""
        run.grant.tally.runs += 1
        self._failed(run, error, is_told=True)
        self._show(run, error)
        if (samples := self._samples).is_on:  # not a call: most runs are passed over
            samples.left -= 1
            if samples.left < 0:
                samples.take(run, error)

    def _show(self, run: TaskRun, error: BaseException | None) -> None:
        """Show a run that ended to those who watch."""
        if self._sampling.is_on and (place := self._sampling.place(run.partition)) is not None:
            self._sampling.put(run.partition, place, told_of(run, error))
        if self._run_listeners:
            run.end(error)
            self._events.emit("run", run)

    def hand_back(self, run: TaskRun, *, has_started: bool = False) -> None:
        """Hand back a run that never started, or one that has, and was cut short."""
        if not has_started:
            self._give_up_token(run)
        self._count_handed_back(run)
        if not self._at_least_once and not run.header:
            with contextlib.suppress(CorruptRecord):
                run.read()  # it may be one of those that are leased all the same
        if run.is_leased:
            # Else it would start again at once, where somebody had it cancelled.
            is_put_off = run.cut_short == "cancelled, to be handed back"
            delay_ms = run.policy.backoff_ms if is_put_off else 0
            self._completions[run.partition].release(run, delay_ms, has_started=has_started)
        else:
            self._log.warning("the run of task %r was given up: delivery is at most once", run.id)

    def _count_handed_back(self, run: TaskRun) -> None:
        self.handed_back += 1
        tally = run.grant.tally
        if run.cut_short == "its lease was lost":
            tally.lost_leases += 1
        elif run.cut_short == "replaced":
            tally.gone += 1
        else:
            tally.handed_back += 1

    def withdrawn(self, run: TaskRun, *, hand_back: bool) -> None:
        """End a run that has not started, and is cancelled: hand it back, or let it fail."""
        self._give_up_token(run)
        if not hand_back:
            self.cancelled(run, has_started=False)
            return
        self._count_handed_back(run)
        with contextlib.suppress(CorruptRecord):
            run.read()  # for its backoff; one that cannot be read is set aside when it is claimed again
        self._completions[run.partition].release(run, run.policy.backoff_ms)

    def cancelled(self, run: TaskRun, *, has_started: bool = True) -> None:
        """End a run as cancelled that was not carried out, or not to its end."""
        if not run.header:
            try:
                run.read()
            except CorruptRecord as error:
                self._quarantine(run, error)
                return
        run.started_at = run.started_at or clock.monotonic()
        run.grant.tally.runs += 1
        self._failed(run, RunCancelled(), has_started=has_started)

    def set_aside(self, run: TaskRun, error: CorruptRecord) -> None:
        """Set aside a run that cannot start, since its record is corrupt."""
        self._give_up_token(run)
        self._quarantine(run, error)

    def _quarantine(self, run: TaskRun, error: CorruptRecord) -> None:
        self._log.error("task %r cannot be run, its record is corrupt: %s", run.id, error)
        # At most once too: it may have been leased. If not, there is no lease, and this changes nothing.
        self._completions[run.partition].quarantine(run, str(error))

    async def flushed(self) -> None:
        """Wait until Redis knows of every claim that ended so far."""
        for completions in self._completions.values():
            await completions.flushed()

    def _give_up_token(self, run: TaskRun) -> None:
        """Put the token of the namespace back of a run that did not start; the scripts do that for its group."""
        if run.is_rated:
            self._put_back(1)

    def _complete(self, run: TaskRun, *, ran: bool = True) -> None:
        try:
            run.ends_with(outcome.ending_header(run, run.server_now_ms(clock.monotonic()), ran=ran))
        except Exception as error:  # noqa: BLE001 - see _leave
            run.grant.tally.runs += 1  # if it was none, that was taken off
            self._leave(run, error)
        else:
            self._completions[run.partition].complete(run)

    def _failed(self, run: TaskRun, error: BaseException, *, is_told: bool = False, has_started: bool = True) -> None:
        run.end(error)
        tally = run.grant.tally
        if isinstance(error, Retry):
            tally.postponed += 1
            self._log.debug("the run of task %r asks to try again after %g s", run.id, error.after)
        else:
            self.failed += 1
            if isinstance(error, TooManyCrashes):
                tally.crashed += 1
            else:
                tally.failures += 1
                tally.timeouts += isinstance(error, RunTimeout)
            if not is_told:
                self._log.error("the run of task %r failed: %s", run.id, describe(error), exc_info=error)
            self._events.emit("run-error", run, error)
        if run.is_leased:
            try:
                now_ms = run.server_now_ms(clock.monotonic())
                failure = outcome.failure(run, error, now_ms, random.random(), has_started=has_started)
            except Exception as problem:  # noqa: BLE001 - see _leave
                self._leave(run, problem)
            else:
                self._completions[run.partition].fail(failure)
        elif isinstance(error, Retry):
            self._log.warning("the run of task %r cannot be tried again: delivery is at most once", run.id)

    def _leave(self, run: TaskRun, error: Exception) -> None:
        """Leave a task to its lease: its run ended, and how it goes on cannot be worked out any more."""
        self._log.error(
            "how task %r goes on cannot be worked out here, it is due again when its lease ends: %s",
            run.id,
            describe(error),
            exc_info=error,
        )

    def _put_off(self, run: TaskRun, error: Exception) -> None:
        """Hand a run back that cannot be worked out here; another process may be able to."""
        delay = self.unworkable.put_off(run, error)
        self._give_up_token(run)
        self._count_handed_back(run)
        if run.is_leased:
            self._completions[run.partition].release(run, round(1000 * delay))

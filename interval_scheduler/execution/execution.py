"""An execution: everything between `start_task_execute` and `stop_task_execute`, put together.

::

    poller (one a partition) ──feed──▶ workers ──▶ completions (one a partition) ──▶ Redis
                                          │
                                       leases (renewal, watch)
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence

import anyio

from ..config.options import SchedulerOptions
from ..errors import TooManyCrashes
from ..model.records import CorruptRecord
from ..storage.partition.partition import Partition
from ..support import clock
from ..support.events import Events
from ..support.log import Log
from . import outcome
from .completions import Completions
from .executor import Executor, Retry
from .leases import Leases
from .poller import Poller
from .run import End, TaskRun
from .workers import Admission, Workers


class Execution:
    """One execution.

    Args:
        partitions: where tasks are claimed.
        options: the scheduler's options.
        executor: what is called with each payload.
        concurrency: the most runs at once.
        events: where run errors go.
        log: where faults are told.
    """

    def __init__(
        self,
        partitions: Sequence[Partition],
        options: SchedulerOptions,
        executor: Executor,
        concurrency: int,
        events: Events,
        log: Log,
    ) -> None:
        self._options = options
        self._events = events
        self._run_handlers = events.listening("run")
        self._log = log
        self._workers = Workers(
            executor,
            concurrency=concurrency,
            prefetch=options.prefetch,
            sources=len(partitions),
            timeout=options.run_timeout_seconds,
            admit=self._admit,
            finish=self._finish,
            hand_back=self._hand_back,
            set_aside=self._set_aside,
            settle=self._settle,
        )
        self._leases = Leases(
            partitions,
            self._workers.running,
            lease_seconds=options.lease_seconds,
            renewal_seconds=options.renewal_seconds,
            log=log,
        )
        self._completions = {
            partition.name: Completions(partition, options.lease_seconds, log) for partition in partitions
        }
        self._at_least_once = options.delivery == "at-least-once"
        self._firsts = [self._poller(partition, None) for partition in partitions]
        # At least once, Redis works on completions while a claim is being read; else a second claim fills the gap.
        seconds = [] if self._at_least_once else [self._poller(first.partition, first) for first in self._firsts]
        self._pollers = [*self._firsts, *seconds]
        self._pollers_running = len(self._pollers)
        self._pollers_done = anyio.Event()
        self._stopped = anyio.Event()
        self._ended = anyio.Event()

    def _poller(self, partition: Partition, first: Poller | None) -> Poller:
        completions = self._completions[partition.name]
        return Poller(
            partition, self._options, self._workers, self._leases, completions, self._log, self._on_jump, first
        )

    def _on_jump(self, partition: Partition, seconds: float) -> None:
        self._log.warning(
            "the clock of partition %r jumped by %+.1f s: what is due and how long leases last went with it",
            partition.name,
            seconds,
        )
        self._events.emit("clock-jump", partition.name, seconds)

    async def run(self) -> None:
        """Execute until `stop` is through, or cancelled."""
        for poller in self._firsts:
            poller.partition.on_due = poller.on_due
        try:
            async with anyio.create_task_group() as group:
                self._workers.start(group)
                self._leases.start(group)
                for completions in self._completions.values():
                    completions.start(group)
                for poller in self._pollers:
                    group.start_soon(self._poll, poller)
                await self._stopped.wait()
                group.cancel_scope.cancel()
        finally:
            self._workers.close()
            for poller in self._firsts:
                if poller.partition.on_due == poller.on_due:
                    poller.partition.on_due = lambda _: None
            self._pollers_done.set()
            self._ended.set()

    async def stop(self, drain_seconds: float) -> None:
        """Claim no more, hand back what has not started, wait for runs in progress, then cut them short.

        Even if cancelled half-way, nothing goes on afterwards; what was not handed back is due when its lease ends.
        """
        try:
            for poller in self._pollers:
                poller.stop()
            # A claim in flight ends by itself within the lease at the latest; a drain does not wait longer than asked.
            with anyio.move_on_after(max(drain_seconds, self._options.storage.operation_timeout_seconds)):
                await self._pollers_done.wait()
            await self._workers.drain(drain_seconds)
            with anyio.move_on_after(self._options.storage.operation_timeout_seconds):
                await self._settle()
        finally:
            self._stopped.set()
        await self._ended.wait()

    async def _poll(self, poller: Poller) -> None:
        await poller.run()
        self._pollers_running -= 1
        if self._pollers_running == 0:
            self._pollers_done.set()

    async def _settle(self) -> None:
        """Wait until Redis knows of all that was ended or handed back."""
        for completions in self._completions.values():
            await completions.flushed()

    def _admit(self, run: TaskRun) -> Admission:
        """Whether a run is to be carried out; one that is not is dealt with."""
        try:
            verdict = outcome.judge(run, clock.monotonic(), self._options.max_crashes)
        except Exception as error:  # noqa: BLE001 - see _leave
            self._leave(run, error)
            return "no"
        # At most once, what is queued beside it cannot be handed back.
        if verdict == "run" or (verdict == "run alone" and not self._at_least_once):
            return "yes"
        if verdict == "run alone":
            self._log.warning("task %r runs alone: %d deliveries ended without a result", run.id, run.attempt - 1)
            return "alone"
        if verdict == "late":
            self._hand_back(run)
        elif verdict == "crashes":
            self._failed(run, TooManyCrashes(run.attempt - 1))
        elif run.is_leased:
            self._complete(run, ran=False)
        return "no"

    def _finish(self, run: TaskRun, error: BaseException | None) -> None:
        if error is not None:
            self._failed(run, error)
        elif run.is_plain:
            if self._at_least_once:
                self._completions[run.partition].complete(run)
        elif run.is_leased:
            self._complete(run)
        if self._run_handlers:
            self._end(run, error)
            self._events.emit("run", run)

    def _complete(self, run: TaskRun, *, ran: bool = True) -> None:
        try:
            run.header = outcome.ending_header(run, run.server_now_ms(clock.monotonic()), ran=ran)
        except Exception as error:  # noqa: BLE001 - see _leave
            self._leave(run, error)
        else:
            self._completions[run.partition].complete(run)

    def _failed(self, run: TaskRun, error: BaseException) -> None:
        self._end(run, error)
        if isinstance(error, Retry):
            self._log.debug("the run of task %r asks to %s", run.id, error)
        else:
            self._log.error("the run of task %r failed: %s", run.id, outcome.describe(error))
            self._events.emit("run-error", run, error)
        if run.is_leased:
            try:
                failure = outcome.failure(run, error, run.server_now_ms(clock.monotonic()), random.random())
            except Exception as problem:  # noqa: BLE001 - see _leave
                self._leave(run, problem)
            else:
                self._completions[run.partition].fail(failure)
        elif isinstance(error, Retry):
            self._log.warning("the run of task %r cannot be tried again: delivery is at most once", run.id)

    def _leave(self, run: TaskRun, error: Exception) -> None:
        """Leave a task to its lease: here, but perhaps not elsewhere, its cron expression cannot be worked out."""
        self._log.error(
            "how task %r goes on cannot be worked out here, it is due again when its lease ends: %s", run.id, error
        )

    @staticmethod
    def _end(run: TaskRun, error: BaseException | None) -> None:
        run.ended = End(clock.monotonic() - run.started_at, error)

    def _hand_back(self, run: TaskRun) -> None:
        if not self._at_least_once and not run.header:
            with contextlib.suppress(CorruptRecord):
                run.read()  # it may be one of those that are leased all the same
        if run.is_leased:
            self._completions[run.partition].release(run)
        else:
            self._log.warning("the run of task %r was given up: delivery is at most once", run.id)

    def _set_aside(self, run: TaskRun, error: CorruptRecord) -> None:
        self._log.error("task %r cannot be run, its record is corrupt: %s", run.raw_id.decode(errors="replace"), error)
        # At most once too: it may have been leased. If not, there is no lease, and this changes nothing.
        self._completions[run.partition].quarantine(run)

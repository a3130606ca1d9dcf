"""An execution: everything between `start_task_execute` and `stop_task_execute`, put together.

::

    poller (one a partition) ──feed──▶ runner ──▶  completions (one a partition) ──▶ Redis
                                          │
                                       leases (renewal, watch)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextvars import copy_context
from typing import Final

import anyio

from ..config.options import SchedulerOptions
from ..errors import StorageError
from ..model.health import Finding
from ..model.tally import Tally
from ..storage.beginnings import Beginnings
from ..storage.claims import ClaimChannel, LeaseChannel, Partition
from ..storage.completions import Completions
from ..storage.spare_renewals import SpareRenewals
from ..storage.tokens import Tokens
from ..support import clock
from ..support.events import Events
from ..support.finishing import to_its_end
from ..support.log import GuardedLog
from ..support.sampling import Sampling
from .batches import BatchRunner
from .blocked import BlockedWatch
from .cancellations import Cancellations
from .executor import AnyCall
from .leases import Leases
from .observers import Observers
from .poller import Poller
from .room import Limits
from .run import TaskRun
from .runner import Runner
from .runs import Runs
from .stuck import StuckWatch


class Execution:
    """One execution.

    Args:
        partitions: where tasks are claimed.
        master: the partition that keeps the tokens of a rate.
        options: the scheduler's options.
        executor: what is called with each payload, or with each batch of runs.
        concurrency: the most calls of it at once.
        batch: the most runs of a batch; `None` for single runs.
        events: where run errors go.
        log: where faults are told.
        tallies: what counts the runs of each partition, by its name. Default: they are counted for nobody.
        sampling: the runs that are told to those who watch. Default: none are.
        observers: those who observe it. Default: nobody does.
    """

    def __init__(
        self,
        partitions: Sequence[Partition],
        master: Partition,
        options: SchedulerOptions,
        executor: AnyCall,
        concurrency: int,
        batch: int | None,
        events: Events,
        log: GuardedLog,
        tallies: Mapping[str, Tally] | None = None,
        sampling: Sampling | None = None,
        observers: Observers | None = None,
    ) -> None:
        self._observers = observers = observers or Observers.of(options.namespace, log)
        #: The most calls of the executor at once.
        self.places: Final = concurrency
        #: The context in which each run starts.
        self.context = copy_context()
        self._options = options
        self._events = events
        self._log = log
        known = tallies or {}
        self._completions = {
            partition.name: Completions(partition, options.lease_seconds, log, known.get(partition.name))
            for partition in partitions
        }
        retry_for = options.renewal_seconds
        self._beginnings = {
            partition.name: Beginnings(partition, options.lease_seconds, retry_for) for partition in partitions
        }
        self._tokens = Tokens(master, options.storage.operation_timeout_seconds, log)
        self._is_divided = len(partitions) > 1
        self._runs = Runs(
            self._completions, self._beginnings, options, events, log, self._tokens.give_back, sampling, observers
        )
        new_runner = Runner if batch is None else functools.partial(BatchRunner, size=batch)
        self._runner: Runner = new_runner(
            observers.hooks.around(observers.namespace, executor, in_batches=batch is not None),
            limits=Limits(concurrency, options.prefetch, len(partitions), options.delivery == "at-most-once"),
            timeout=options.run_timeout_seconds,
            grace=options.cancel_grace_seconds,
            runs=self._runs,
            context=self.context,
            log=log,
        )
        channels = [LeaseChannel(partition, options.lease_seconds, options.renewal_seconds) for partition in partitions]
        self._cancellations = Cancellations(partitions, options.lease_seconds, retry_for, self._runner, self._runs, log)
        obey = self._cancellations.obey
        self._leases = Leases(
            channels, self._runner, options.lease_seconds, options.renewal_seconds, obey, observers.blocks, log
        )
        spares = [SpareRenewals(partition, options, log) for partition in partitions]
        self._blocked = BlockedWatch(
            spares, self._runner, self._completions, options.lease_seconds, observers.blocks, log
        )
        self.stuck: Final = StuckWatch(
            self._runner, concurrency, options.stuck_after_seconds, log, lambda *what: events.emit("stuck", *what)
        )
        self._firsts = [self._poller(partition, None) for partition in partitions]
        self._pollers = [*self._firsts]
        if options.delivery == "at-most-once":
            # At least once, Redis works on completions while a claim is being read; else a second claim fills the gap.
            self._pollers += map(self._poller, partitions, self._firsts)
        self._pollers_running = len(self._pollers)
        self._pollers_done = anyio.Event()
        self._stopped = anyio.Event()
        #: When a drain is over at the latest, in monotonic seconds.
        self._drained_by = math.inf
        self._ended = anyio.Event()

    def _poller(self, partition: Partition, first: Poller | None) -> Poller:
        return Poller(
            ClaimChannel(partition, self._options, self._tokens if self._is_divided else None),
            self._runner,
            self._completions[partition.name],
            self._options,
            self._log,
            self._on_clock_jump,
            first,
        )

    def _on_clock_jump(self, partition: str, seconds: float) -> None:
        self._log.warning(
            "the clock of partition %r jumped by %+.1f s: what is due and how long leases last went with it",
            partition,
            seconds,
        )
        self._observers.jumps[partition] += 1
        self._events.emit("clock-jump", partition, seconds)

    @property
    def running(self) -> AbstractSet[TaskRun]:
        """The runs in progress; a live view."""
        return self._runner.running

    @property
    def places_used(self) -> int:
        """The number of calls of the executor in progress."""
        return self._runner.places_taken

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The facts about it that its users should know."""
        return tuple(each for each in (self.stuck.finding, self._runs.unworkable.finding) if each is not None)

    @property
    def refusals(self) -> Mapping[str, StorageError]:
        """The partitions that refused the last claim, by name, and how."""
        return {poller.partition: poller.refusal for poller in self._pollers if poller.refusal is not None}

    async def run(self) -> None:
        """Execute until `stop` is through, or cancelled."""
        self._runner.start()
        unsubscribes = [poller.listen() for poller in self._firsts] + self._cancellations.listen()
        try:
            async with anyio.create_task_group() as group:
                self._leases.start(group)
                self._cancellations.start(group)
                group.start_soon(self._blocked.run)
                group.start_soon(self.stuck.run)
                group.start_soon(self._tokens.run)
                for beginnings in self._beginnings.values():
                    group.start_soon(beginnings.run)
                for completions in self._completions.values():
                    completions.start(group)
                for poller in self._pollers:
                    group.start_soon(self._poll, poller)
                await self._stopped.wait()
                group.cancel_scope.cancel()
        finally:
            try:
                await to_its_end(self._runner.end())
            finally:
                for unsubscribe in unsubscribes:
                    unsubscribe()
                self._observers.samples.flush()
                self._pollers_done.set()
                self._ended.set()

    async def stop(self, drain_seconds: float) -> None:
        """Claim no more, hand back what has not started, wait for runs in progress, then cut them short.

        Even if cancelled half-way, nothing goes on afterwards; what was not handed back is due when its lease ends.
        """
        began = clock.monotonic()
        left = f"{len(self.running)} run{'' if len(self.running) == 1 else 's'}"
        self._log.info("no more tasks are executed: %s may end within %g s", left, drain_seconds)
        try:
            for poller in self._pollers:
                poller.stop()
            # A claim in flight ends by itself within the lease at the latest; a drain does not wait longer than asked.
            with anyio.move_on_after(max(drain_seconds, self._options.storage.operation_timeout_seconds)):
                await self._pollers_done.wait()
            await self._runner.drain(max(0.0, min(drain_seconds, self._drained_by - clock.monotonic())))
            with anyio.move_on_after(self._options.storage.operation_timeout_seconds):
                await self._runs.flushed()
        finally:
            self.end()
        await self._ended.wait()
        runs = self._runs
        self._log.info(
            "executing tasks ended after %.1f s: %d runs ended in all, of these %d failed; %d were handed back",
            clock.monotonic() - began,
            runs.ended,
            runs.failed,
            runs.handed_back,
        )

    def hasten(self, seconds: float) -> None:
        """Let the drain, which may not have begun, wait for runs in progress no longer than that from now."""
        self._drained_by = min(self._drained_by, clock.monotonic() + seconds)
        self._runner.hasten(seconds)

    def end(self) -> None:
        """End now, without a drain, unless it has ended."""
        self._stopped.set()

    async def _poll(self, poller: Poller) -> None:
        await poller.run()
        self._pollers_running -= 1
        if self._pollers_running == 0:
            self._pollers_done.set()

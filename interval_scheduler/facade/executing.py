"""The part of the facade that starts and stops an execution; see `scheduler.py` for each call.

::

    stopped ──start──▶ executing ──stop──▶ draining ──▶ stopped
                           └─ ends unasked: logged, emitted, told by health and wait_stopped ─▶ stopped

A start during a drain waits for its end; a second start while executing is refused. A stop from inside of a run cannot
wait for that run: it goes on in the background, and the run ends as a run.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Self

from anyio.abc import TaskStatus

from ..config.options import SchedulerOptions, check_concurrency
from ..errors import AlreadyExecuting, ExecutionEnded
from ..execution.batch_room import check_batch
from ..execution.execution import Execution
from ..execution.executor import BatchExecutor, Executor, check_executor
from ..execution.observers import Observers
from ..execution.run import TaskRun, runs_of_caller
from ..model.checks import check_wait
from ..model.health import Finding, PartitionHealth, claims_refused
from ..services.lifespan import Lifespan
from ..services.unasked import in_words
from ..support.events import Events
from ..support.guests import ends_process
from ..support.log import GuardedLog
from ..support.loops import LoopLock
from ..support.text import describe


class Executing:
    """The part that runs at most one execution at a time.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        options: the scheduler's options.
        events: the events; each execution emits its own there.
        observers: those who observe its executions.
        log: the log, for starts and stops, and for an execution that ends by an error.
    """

    def __init__(
        self, lifespan: Lifespan, options: SchedulerOptions, events: Events, observers: Observers, log: GuardedLog
    ) -> None:
        self._lifespan = lifespan
        self._options = options
        self._events = events
        self._observers = observers
        self._log = log
        self._execution: Execution | None = None
        self._draining: Execution | None = None
        self._changing = LoopLock()
        self._in_background: set[asyncio.Task[None]] = set()
        self._outcome = _Outcome.of_nothing()
        #: Called once tasks are executed; and before a stop ends, which waits for it.
        self.on_start: Callable[[], object] = _nothing
        self.on_stop: Callable[[float], Awaitable[object]] = _nothing_more

    @property
    def current(self) -> Execution | None:
        """The execution, or the one that drains; `None` if there is none."""
        return self._execution or self._draining

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the connection, or else the last execution, without being asked to; `None` for none."""
        return self._lifespan.failure or self._outcome.error

    @property
    def is_on(self) -> bool:
        """True while tasks are being executed."""
        return self._execution is not None

    def is_in_progress(self, run: TaskRun) -> bool:
        """Tell if a run is one of this scheduler, has not ended, and holds its lease."""
        return any(run in each.running for each in (self._execution, self._draining) if each) and run.is_trusted

    def is_called_inside_run(self) -> bool:
        """Tell if the caller is a run of this scheduler that has not ended."""
        executions = [each for each in (self._execution, self._draining) if each]
        return any(run in each.running for run in runs_of_caller() for each in executions)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The facts about the execution that its users should know."""
        return () if self._execution is None else self._execution.findings

    def examined(self, health: PartitionHealth) -> PartitionHealth:
        """Add to the health of a partition that it refuses the claims of the execution, if it does."""
        refusal = None if self._execution is None else self._execution.refusals.get(health.name)
        return health if refusal is None else replace(health, findings=(*health.findings, claims_refused(str(refusal))))

    def check(self, executor: Executor | BatchExecutor, concurrency: int | None, batch: int | None) -> int:
        """Check the arguments of a start; return the concurrency, with the default worked out."""
        check_executor(executor)
        if concurrency is None:
            concurrency = self._options.concurrency
        check_concurrency(concurrency)
        if batch is not None:
            check_batch(batch, concurrency)
        if self._execution is not None:
            raise AlreadyExecuting
        return concurrency

    async def start(self, executor: Executor | BatchExecutor, concurrency: int, batch: int | None) -> None:
        if self._draining is not None and self.is_called_inside_run():
            raise AlreadyExecuting("cannot start anew inside of a run: the stop waits for the end of this run")
        while self._execution is None:
            # One that still drains is waited for, also one whose stop was cut short. That needs the lock to end.
            await self._outcome.ended.wait()
            async with self._changing.of_this_loop():
                if self._execution is None and self._outcome.ended.is_set():
                    await self._start(executor, concurrency, batch)
                    return
        raise AlreadyExecuting

    async def _start(self, executor: Executor | BatchExecutor, concurrency: int, batch: int | None) -> None:
        connected = self._lifespan.require_open()
        partitions = connected.partitions.all
        master = connected.partitions.master
        execution = Execution(
            partitions,
            master,
            self._options,
            executor,
            concurrency,
            batch,
            self._events,
            self._log,
            connected.tallies,
            connected.sampling,
            self._observers,
        )
        self._execution, self._outcome = execution, (outcome := _Outcome())
        try:
            await connected.group.start(self._run, execution, outcome)
        except BaseException:
            self._ended(execution, outcome, None)  # it may have been cancelled before it began
            outcome.error = None  # and the caller, who cancelled it, knows
            raise
        self.on_start()
        at_once = str(concurrency) if batch is None else f"{concurrency} batches of {batch}"
        self._log.info("executing tasks: at most %s at once, of %d partitions", at_once, len(partitions))

    async def stop(self, drain_seconds: float | None) -> None:
        if drain_seconds is None:
            drain_seconds = self._options.drain_seconds
        else:
            check_wait("drain_seconds", drain_seconds)
        if self._outcome.ended.is_set():
            self._outcome = _Outcome.of_nothing()  # whoever stops it knows of its end
        inside = self.is_called_inside_run()
        execution = self._begin_stop()
        if inside:
            if execution is not None:
                self.start_in_background(functools.partial(self._stop, execution, drain_seconds))
            return
        if execution is not None:
            await self._stop(execution, drain_seconds)
        else:
            if self._draining is not None:
                self._draining.hasten(drain_seconds)
            await self._outcome.ended.wait()  # wait for the stop of another caller

    def start_in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start something for a run, which it cannot wait for, outside of its context."""
        execution = self._execution or self._draining
        context = None if execution is None else execution.context.copy()
        task = asyncio.get_running_loop().create_task(work(), name="interval_scheduler stop", context=context)
        self._in_background.add(task)
        task.add_done_callback(self._done_in_background)

    def _done_in_background(self, task: asyncio.Task[None]) -> None:
        self._in_background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a stop from inside of a run failed: %s", describe(error), exc_info=error)

    async def wait_stopped(self) -> None:
        outcome = self._outcome
        await outcome.ended.wait()
        if isinstance(outcome.error, asyncio.CancelledError):
            await self._lifespan.wait_ended()  # it knows why
        if (cause := self._lifespan.failure or outcome.error) is not None:
            raise ExecutionEnded(in_words(cause)) from cause

    def _begin_stop(self) -> Execution | None:
        execution, self._execution = self._execution, None
        if execution is not None:
            self._draining = execution
        return execution

    async def _stop(self, execution: Execution, drain_seconds: float) -> None:
        try:
            async with self._changing.of_this_loop():
                await execution.stop(drain_seconds)
                self._no_longer(execution)
                await self.on_stop(drain_seconds)
        finally:
            execution.end()  # also if this was cancelled before it could stop
            self._no_longer(execution)

    def _no_longer(self, execution: Execution) -> None:
        if self._draining is execution:
            self._draining = None

    def forget(self) -> None:
        """Give the execution up: its event loop is closed, and its tasks are left to their leases."""
        self._execution = self._draining = None
        self._observers.samples.flush()
        self._in_background.clear()
        self._outcome = _Outcome.of_nothing()

    async def _run(self, execution: Execution, outcome: _Outcome, *, task_status: TaskStatus[None]) -> None:
        error: BaseException | None = None
        task_status.started()
        try:
            await execution.run()
        except asyncio.CancelledError as cancelled:
            error = cancelled
            raise  # everything ends: the lifespan tells it
        except BaseException as raised:  # noqa: BLE001 - a bug here must not take the connections down with it
            error = raised  # what ends the process has ended the event loop already, which says so
            if ends_process(raised) is None:
                self._log.error("executing tasks ended without being asked to: %s", describe(raised), exc_info=raised)
        finally:
            self._ended(execution, outcome, error)

    def _ended(self, execution: Execution, outcome: _Outcome, error: BaseException | None) -> None:
        unasked = self._execution is execution
        if unasked:
            self._execution, outcome.error = None, error
        outcome.ended.set()
        if unasked and error is not None and not isinstance(error, asyncio.CancelledError):
            self._events.emit("stopped", error)


def _nothing() -> None:
    """Do nothing."""


async def _nothing_more(_: float) -> None:
    """Do nothing."""


class _Outcome:
    """The end of one execution, and the error if it was not asked to end. An event belongs to one event loop."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.error: BaseException | None = None

    @classmethod
    def of_nothing(cls) -> Self:
        """Return the outcome while nothing was executed."""
        outcome = cls()
        outcome.ended.set()
        return outcome

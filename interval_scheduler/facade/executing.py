"""The part of the facade that starts and stops an execution; see `scheduler.py` for each call.

::

    stopped ──start──▶ executing ──stop──▶ draining ──▶ stopped

A start during a drain waits for its end; a second start while executing is refused.
"""

from __future__ import annotations

from ..config.options import SchedulerOptions, check_concurrency
from ..errors import AlreadyExecuting, InvalidValue
from ..execution.execution import Execution
from ..execution.executor import Executor, check_executor
from ..model.checks import check_number
from ..services.lifespan import Lifespan
from ..support.events import Events
from ..support.log import Log
from ..support.loops import LoopLock


class Executing:
    """The part that starts and stops an execution; at most one runs at a time.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        options: the scheduler's options.
        events: the receiver of the events of runs.
        log: the log for an execution that ends by an error.
    """

    def __init__(self, lifespan: Lifespan, options: SchedulerOptions, events: Events, log: Log) -> None:
        self._lifespan = lifespan
        self._options = options
        self._events = events
        self._log = log
        self._execution: Execution | None = None
        self._changing = LoopLock()

    @property
    def is_on(self) -> bool:
        """True while tasks are being executed."""
        return self._execution is not None

    def check(self, executor: Executor, concurrency: int | None) -> int:
        """Check the arguments of a start; return the concurrency, by default the option of that name."""
        check_executor(executor)
        if concurrency is None:
            concurrency = self._options.concurrency
        check_concurrency(concurrency)
        if self._execution is not None:
            raise AlreadyExecuting
        return concurrency

    async def start(self, executor: Executor, concurrency: int) -> None:
        async with self._changing.of_this_loop():  # wait for a stop that still drains
            if self._execution is not None:
                raise AlreadyExecuting
            connected = self._lifespan.require()
            self._execution = Execution(
                connected.partitions.all, self._options, executor, concurrency, self._events, self._log
            )
            connected.group.start_soon(self._run, self._execution)

    async def stop(self, drain_seconds: float | None) -> None:
        if drain_seconds is None:
            drain_seconds = self._options.drain_seconds
        elif check_number("drain_seconds", drain_seconds) < 0:
            raise InvalidValue("drain_seconds", f"must be at least 0, got {drain_seconds}")
        execution, self._execution = self._execution, None
        async with self._changing.of_this_loop():
            if execution is not None:
                await execution.stop(drain_seconds)

    def forget(self) -> None:
        """Give the execution up: its event loop is closed, and its tasks are left to their leases."""
        self._execution = None

    async def _run(self, execution: Execution) -> None:
        try:
            await execution.run()
        except* Exception as group:  # noqa: BLE001 - a bug in an execution must not end the connections
            for error in group.exceptions:
                self._log.error("executing tasks ended: %r", error)
        except* (SystemExit, KeyboardInterrupt):
            pass  # an executor raised it: the event loop has ended by it already, and reports it
        finally:
            if self._execution is execution:
                self._execution = None

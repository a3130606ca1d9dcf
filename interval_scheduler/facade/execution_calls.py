"""The public calls that start and stop an execution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import overload

from ..execution.executor import BatchExecutor, Executor
from .executing import Executing


class ExecutionCalls(ABC):
    """The calls of a `Scheduler` that concern the execution of tasks.

    Args:
        executing: the part that starts and stops it.
        settle: raises in another event loop than the connection's.
    """

    def __init__(self, executing: Executing, settle: Callable[[], object]) -> None:
        self._executing = executing
        self._settle = settle

    @abstractmethod
    async def connect(self) -> None:
        """Connect to all partitions; do nothing if connected."""

    @overload
    async def start_task_execute(
        self, executor: Executor, *, concurrency: int | None = None, batch: None = None
    ) -> None: ...

    @overload
    async def start_task_execute(
        self, executor: BatchExecutor, *, concurrency: int | None = None, batch: int
    ) -> None: ...

    async def start_task_execute(
        self, executor: Executor | BatchExecutor, *, concurrency: int | None = None, batch: int | None = None
    ) -> None:
        """Start running due tasks in the background, connecting if needed.

        Args:
            executor: a coroutine function; it is called with the payload, and `current_run()` tells it more. If it
                raises, the error is logged and emitted as `run-error`. Then the run gets another attempt if the task
                has `retries` left; else a recurring task goes on with its next occurrence, and a one-shot is set aside
                (see `dead_tasks`). `raise Retry(after=...)` asks for a later attempt without being an error.
            concurrency: the most runs at once, or the most batches. Default: the option `concurrency`.
            batch: the most runs that one call gets, from 1 to 500. The executor is called with a list of `TaskRun`s
                then, whose payloads are their `data`: with those that are due, at once, never waiting for more. All of
                them have the same time-out. What it raises is the result of each; `raise BatchFailed({run: error})`
                says which ones failed. Default `None`: single runs.

        Raises:
            InvalidType: the executor is not a coroutine function, or cannot take one argument.
            ConfigurationError: `concurrency` or `batch` is out of range, or both together are above 1,000,000 runs.
            AlreadyExecuting: call `stop_task_execute` first.
            SchedulerError: as for `connect`.
        """
        self._settle()
        concurrency = self._executing.check(executor, concurrency, batch)
        await self.connect()
        await self._executing.start(executor, concurrency, batch)

    async def stop_task_execute(self, *, drain_seconds: float | None = None) -> None:
        """Stop running tasks, or do nothing if not executing; tasks are still accepted.

        Tasks that are claimed and have not started are handed back. Runs in progress may end within `drain_seconds`;
        after that they are cancelled, and their tasks are handed back too, with the due times that they had.

        If a run calls it, it goes on in the background and returns at once: that run ends as a run.

        Args:
            drain_seconds: the time to wait. Default: the option `drain_seconds`.

        Raises:
            InvalidValue, InvalidType: `drain_seconds` is not a number of at least 0.
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._settle()
        await self._executing.stop(drain_seconds)

    async def wait_stopped(self) -> None:
        """Wait until no tasks are executed any more; return at once if none are.

        Call it outside of runs: a run that waits for the end of all runs waits for itself.

        Raises:
            ExecutionEnded: the execution or the connection ended unasked, by the error in its `__cause__`.
            WrongEventLoop: another event loop connected the scheduler.
        """
        self._settle()
        await self._executing.wait_stopped()

    @property
    def executing_tasks(self) -> bool:
        """True while tasks are being executed."""
        return self._executing.is_on

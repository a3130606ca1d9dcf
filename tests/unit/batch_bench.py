"""A runner of batches with its surroundings in a scheduler, but no Redis."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence

from interval_scheduler import TaskRun
from interval_scheduler.execution.batch_room import BatchRoom
from interval_scheduler.execution.batches import BatchRunner
from interval_scheduler.execution.executor import AnyCall
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.room import Limits
from tests.unit.bench import Bench
from tests.waiting import until


class Batches:
    """An executor that keeps the batches that it was called with, and can be held up."""

    def __init__(self) -> None:
        self.runs: list[list[TaskRun]] = []
        self.cancelled: list[list[TaskRun]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, runs: list[TaskRun]) -> None:
        self.runs.append(runs)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(runs)
            raise

    @property
    def ids(self) -> list[list[str]]:
        return [[run.id for run in runs] for runs in self.runs]

    async def ran(self, times: int) -> None:
        """Wait until so many batches have started."""
        await until(lambda: len(self.runs) >= times)


def run_of(number: int, record: bytes = b"s", failed: bytes | None = None, start_in: float = 60) -> TaskRun:
    """A run as a claim gives it, with a header of its own."""
    now = asyncio.get_running_loop().time()
    grant = Grant("p:1/0", b"7", 1.0, now, now + start_in, now + 3600, is_leased=True)
    return TaskRun(grant, b"%d" % number, b"1000", record + b"\n%d" % number, failed)


class BatchBench(Bench):
    """The same as `Bench` for batches."""

    runner: BatchRunner

    def __init__(
        self,
        executor: AnyCall,
        *,
        size: int,
        concurrency: int,
        prefetch: int = 1_000,
        sources: int = 1,
        grace: float = 5,
        timeout: float | None = None,
    ) -> None:
        super().__init__(executor, concurrency=concurrency, prefetch=prefetch, sources=sources, grace=grace)
        limits = Limits(concurrency, prefetch, sources)
        context, log = contextvars.copy_context(), logging.getLogger(__name__)
        self.runner = BatchRunner(executor, size, limits, timeout, grace, self, context, log)
        self.suspects: set[str] = set()
        self.failed_together: list[list[TaskRun]] = []
        #: Holds up what tells that runs begin while it is clear.
        self.answers = asyncio.Event()
        self.answers.set()

    @property
    def room(self) -> BatchRoom:
        return self.runner.room

    # As the `BatchHandler` of the runner

    def is_suspect(self, run: TaskRun) -> bool:
        return run.id in self.suspects

    async def begin(self, runs: Sequence[TaskRun]) -> Sequence[bool]:
        await self.answers.wait()
        return [await self.begins(run) for run in runs]

    def tell_failed(self, runs: Sequence[TaskRun], error: BaseException) -> None:
        del error
        self.failed_together.append(list(runs))

    def finish_told(self, run: TaskRun, error: BaseException) -> None:
        self.finish(run, error)

"""A runner with its surroundings in a scheduler, but no Redis."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import math
import random
import time
from collections import deque
from collections.abc import AsyncIterator

from interval_scheduler import TaskRun
from interval_scheduler.execution.executor import AnyCall
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.room import Limits
from interval_scheduler.execution.run_handler import Admission
from interval_scheduler.execution.runner import Runner
from interval_scheduler.model.records import CorruptRecord


def make_runs(count: int, *, start_in: float = math.inf, first: int = 0, failed: bytes | None = None) -> list[TaskRun]:
    """Runs as one claim gives them."""
    now = time.monotonic()
    grant = Grant("p:1/0", b"7", 1.0, now, now + start_in, math.inf, is_leased=True)
    return [
        TaskRun(grant, b"%d" % number, b"1000", b"s\n%d" % number, failed) for number in range(first, first + count)
    ]


class Bench:
    """A runner with its surroundings: a source that claims, and a store that settles what ended."""

    def __init__(
        self,
        executor: AnyCall,
        *,
        concurrency: int,
        prefetch: int = 1_000,
        sources: int = 1,
        grace: float = 5,
        is_final: bool = False,
    ) -> None:
        self.concurrency, self.prefetch, self.sources = concurrency, prefetch, sources
        self.finished: list[tuple[TaskRun, BaseException | None]] = []
        #: Those that were handed back, and of these the ones that had started.
        self.handed_back: list[TaskRun] = []
        self.cut_off: list[TaskRun] = []
        self.corrupt: list[TaskRun] = []
        self.backlog: deque[TaskRun] = deque()
        self.most_held = 0
        self.claims: list[int] = []
        #: What is said of runs that ask for something, by id; "yes" of all others.
        self.admissions: dict[str, Admission] = {}
        #: The runs of which it was told that they begin, and the ids of those whose lease is not held by then.
        self.told: list[TaskRun] = []
        self.lost: set[str] = set()
        #: How many were handed back each time that it was waited for.
        self.settled_at: list[int] = []
        limits = Limits(concurrency, prefetch, sources, is_final)
        context, log = contextvars.copy_context(), logging.getLogger(__name__)
        self.runner: Runner = Runner(executor, limits, None, grace, self, context, log)

    @property
    def permits_taken(self) -> int:
        return self.runner.room.taken

    @property
    def settled(self) -> int:
        return len(self.finished) + len(self.handed_back) + len(self.corrupt)

    # As the `RunHandler` of the runner

    def admit(self, run: TaskRun) -> Admission:
        return self.admissions.get(run.id, "yes")

    async def begins(self, run: TaskRun) -> bool:
        """As Redis does it, later."""
        await asyncio.sleep(0)  # not at once
        self.told.append(run)
        return run.id not in self.lost

    def finish(self, run: TaskRun, error: BaseException | None) -> None:
        self.finished.append((run, error))

    def hand_back(self, run: TaskRun, *, has_started: bool = False) -> None:
        self.handed_back.append(run)
        if has_started:
            self.cut_off.append(run)

    def set_aside(self, run: TaskRun, error: CorruptRecord) -> None:
        self.corrupt.append(run)

    async def flushed(self) -> None:
        """As Redis does it, later."""
        await asyncio.sleep(0)  # not at once
        self.settled_at.append(len(self.handed_back))

    async def feed(self, runs: list[TaskRun]) -> None:
        """Put runs in as one claim that got them."""
        self.runner.room.overdraw(len(runs))
        self.runner.feed(runs)
        await asyncio.sleep(0)  # the runner takes them up

    async def poll(self, fair: random.Random) -> None:
        """One source: reserves, claims what there is, feeds, gives the rest back, and goes on till all is claimed."""
        while self.backlog:
            permits = await self.runner.room.reserve()
            self.claims.append(permits)
            self.most_held = max(self.most_held, self.permits_taken)
            for _ in range(fair.randrange(3)):
                await asyncio.sleep(0)  # the claim is in flight
            got = [self.backlog.popleft() for _ in range(min(permits, len(self.backlog)))]
            self.runner.feed(got)
            self.runner.room.give_back(permits - len(got))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.runner.start()
        try:
            yield
        finally:
            await self.runner.end()

"""The schedulers of the demo: in this process, or as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from interval_scheduler import RedisInstance, Scheduler, SchedulerOptions, StorageOptions, current_run

LEASE_SECONDS = 3.0  # short, so that the recovery is seen live; the default is 30
WORK_SECONDS = 0.02  # what one run takes


class Run(NamedTuple):
    """What a scheduler tells of a run that ended."""

    number: int
    due_ms: int
    started: float
    attempt: int
    lag: float
    running: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the demo does, and where."""

    url: str
    tasks: int
    seconds: float
    every: float

    @property
    def instance(self) -> RedisInstance:
        """With a fixed partition name, so that the demo may come back to the server under another address."""
        instance = RedisInstance.from_url(self.url)
        # An unnamed store would be private to each scheduler.
        memory = instance.memory if instance.memory is None else instance.memory or "demo"
        return dataclasses.replace(instance, name="demo", memory=memory)

    def scheduler(self) -> Scheduler:
        """A new one; all of a plan work together."""
        options = SchedulerOptions(
            storage=StorageOptions(instances=(self.instance,)),
            namespace="interval-scheduler-demo",
            concurrency=500,
            lease_seconds=LEASE_SECONDS,
            drain_seconds=5,
        )
        return Scheduler(options)


class Refresh:
    """The executor: stands for the refresh of a user's feed."""

    def __init__(self, report: Callable[[Run], None]) -> None:
        self.running = 0
        self._report = report

    async def __call__(self, number: str) -> None:
        """Called with the data of a task."""
        run, started = current_run(), time.time()
        self.running += 1
        try:
            await asyncio.sleep(WORK_SECONDS)
        finally:
            self.running -= 1
        self._report(Run(int(number), round(1000 * run.due), started, run.attempt, run.lag, self.running))


class Member(Protocol):
    """One of the schedulers at work."""

    name: str

    @property
    def running(self) -> int:
        """How many runs are in progress."""

    async def start(self) -> None:
        """Connect and execute."""

    async def kill(self) -> None:
        """Die at once: nothing is drained, completed or handed back."""

    async def stop(self) -> None:
        """End in order."""


class InProcess:
    """A scheduler in this process: those on the embedded engine share its memory."""

    def __init__(self, name: str, plan: Plan, report: Callable[[Run], None]) -> None:
        self.name = name
        self._scheduler = plan.scheduler()
        self._refresh = Refresh(report)

    @property
    def running(self) -> int:
        """How many runs are in progress."""
        return self._refresh.running

    async def start(self) -> None:
        """Connect and execute."""
        await self._scheduler.start_task_execute(self._refresh)

    async def kill(self) -> None:
        """Cancel all that it does, which is as abrupt as it gets within a process."""
        task = self._scheduler._lifespan._task  # noqa: SLF001 - there is no public way to die
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def stop(self) -> None:
        """End in order."""
        await self._scheduler.close()


class Worker:
    """A scheduler in a process of its own; it reports each run as a line, and stops when its standard input ends."""

    def __init__(self, name: str, plan: Plan, report: Callable[[Run], None]) -> None:
        self.name = name
        self.running = 0
        self._plan = plan
        self._report = report

    async def start(self) -> None:
        """Connect and execute."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, Path(__file__).with_name("demo.py"), self._plan.url, "--worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops its workers
        )
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise RuntimeError(f"the process of scheduler {self.name} ended")
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            number, due_ms, started, attempt, lag, running = line.split()
            self.running = int(running)
            self._report(Run(int(number), int(due_ms), float(started), int(attempt), float(lag), self.running))

    async def kill(self) -> None:
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        """End in order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._ended()

    async def _ended(self) -> None:
        await self._reading
        await self._process.wait()
        self.running = 0


async def work(plan: Plan) -> None:
    """What a worker process does."""

    def report(run: Run) -> None:
        # Unbuffered, so that a kill loses no report of a run that ended.
        os.write(1, " ".join(map(str, run)).encode() + b"\n")

    async with plan.scheduler() as scheduler:
        await scheduler.start_task_execute(Refresh(report))
        os.write(1, b"ready\n")
        await asyncio.to_thread(sys.stdin.read)

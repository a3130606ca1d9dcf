"""The schedulers of the demo: in this process, or as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from ... import RedisInstance, Scheduler, SchedulerOptions, StorageOptions, current_run

#: Short, so that the recovery is seen live; the default is 30.
LEASE_SECONDS: Final = 3.0
#: The time that one run takes.
WORK_SECONDS: Final = 0.02
#: Whatever the options say: the demo clears its namespace.
NAMESPACE: Final = "interval-scheduler-demo"


class Run(NamedTuple):
    """A run that ended, as its scheduler tells it."""

    number: int
    due_ms: int
    started: float
    attempt: int
    lag: float
    running: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """The numbers of the demo, and where it plays.

    Attributes:
        url: the URL of the server.
        tasks: the number of tasks.
        seconds: the seconds for which they run.
        every: the interval of each task, in seconds.
    """

    url: str = dataclasses.field(repr=False)
    tasks: int
    seconds: float
    every: float

    @property
    def instance(self) -> RedisInstance:
        """The server, with a fixed name, so that the demo may come back to it under another address."""
        instance = RedisInstance.from_url(self.url)
        # An unnamed store would be private to each scheduler.
        memory = instance.memory if instance.memory is None else instance.memory or "demo"
        return dataclasses.replace(instance, name="demo", memory=memory)

    def scheduler(self) -> Scheduler:
        """Make a scheduler; all of a plan work together."""
        options = SchedulerOptions(
            storage=StorageOptions(instances=(self.instance,)),
            namespace=NAMESPACE,
            concurrency=500,
            lease_seconds=LEASE_SECONDS,
            drain_seconds=5,
        )
        return Scheduler(options)


class Refresh:
    """The executor, which stands for the refresh of a user's feed.

    Args:
        report: is called with each run that ended.
    """

    def __init__(self, report: Callable[[Run], None]) -> None:
        self.running = 0
        self._report = report

    async def __call__(self, number: str) -> None:
        """Run a task; `number` is its data."""
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
        """The number of runs in progress."""

    async def start(self) -> None:
        """Connect and execute."""

    async def kill(self) -> None:
        """End it at once: nothing is drained, completed or handed back."""

    async def stop(self) -> None:
        """End in order."""


class InProcess:
    """A scheduler in this process: those on the embedded engine share its memory.

    Args:
        name: its name.
        plan: the plan.
        report: is called with each run that ended.
    """

    def __init__(self, name: str, plan: Plan, report: Callable[[Run], None]) -> None:
        self.name = name
        self._scheduler = plan.scheduler()
        self._refresh = Refresh(report)

    @property
    def running(self) -> int:
        """The number of runs in progress."""
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
    """A scheduler in a process of its own; see `worker.py`.

    Args:
        name: its name.
        plan: the plan.
        report: is called with each run that ended.
    """

    def __init__(self, name: str, plan: Plan, report: Callable[[Run], None]) -> None:
        self.name = name
        self.running = 0
        self._plan = plan
        self._report = report

    async def start(self) -> None:
        """Connect and execute."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"{__package__}.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops its workers
        )
        given, told = self._process.stdin, self._process.stdout
        if given is None or told is None:
            raise AssertionError  # both are pipes
        self._input, self._output = given, told
        self._input.write(json.dumps(dataclasses.asdict(self._plan)).encode() + b"\n")
        if not await self._output.readline():
            raise RuntimeError(f"the process of scheduler {self.name} ended")
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self._output:
            number, due_ms, started, attempt, lag, running = line.split()
            self.running = int(running)
            self._report(Run(int(number), int(due_ms), float(started), int(attempt), float(lag), self.running))

    async def kill(self) -> None:
        """Kill it with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        """End in order."""
        self._input.close()
        await self._ended()

    async def _ended(self) -> None:
        await self._reading
        await self._process.wait()
        self.running = 0

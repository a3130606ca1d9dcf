"""A dashboard as its readers have it: served by uvicorn on loopback, over a real Redis, beside a worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from starlette.requests import Request

from interval_scheduler import IntervalTask, Scheduler, acting_as
from interval_scheduler.dashboard import Level, dashboard
from tests.servers import RedisServer
from tests.waiting import until

#: What the machine may take for anything at all, beside other suites, in seconds.
PATIENCE: Final = 60
#: The runs that fail are meant to, and their tracebacks say nothing new.
QUIET: Final = logging.getLogger("tests.dashboard.browser")
QUIET.setLevel(logging.CRITICAL)
#: What pages need in their URL to show something, by the name of the page.
QUERIES: Final[Mapping[str, str]] = {
    "sure": "?action=clear-dead",
    "task": "?id=feed%3A00007",
    "edit": "?id=feed%3A00007",
    "bulk": "?change=pause&prefix=feed%3A0000",
}


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class Site:
    """A dashboard that is served.

    Attributes:
        url: where it lies, without a slash at its end.
        scheduler: the scheduler that it shows.
    """

    url: str
    scheduler: Scheduler

    def of(self, page: str) -> str:
        """The URL of a page, with what the page needs."""
        return f"{self.url}/{page}{QUERIES.get(page, '')}"


@contextlib.asynccontextmanager
async def served(scheduler: Scheduler, level: Level = "admin") -> AsyncIterator[Site]:
    """Serves the dashboard of a scheduler, in which everybody has a level."""

    async def access(_: Request) -> Level:
        return level

    config = uvicorn.Config(
        dashboard(scheduler, access=access),
        "127.0.0.1",
        0,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=PATIENCE,  # a client that takes a connection up again just as it is closed gets an error
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or serving.done(), PATIENCE)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Site(f"http://127.0.0.1:{port}", scheduler)
    finally:
        server.force_exit = server.should_exit = True  # a browser keeps its connections open
        await serving


async def executor(data: str) -> None:
    """Fails as the payload says."""
    if data.startswith("fail"):
        raise ConnectionError(f"GET https://feeds.example.com/{data[5:]}: 503 Service Unavailable")
    if data.startswith("bad"):
        raise ValueError(f"no <title> in line {data[4:]} of the feed")


#: How many tasks fail, and how many are dead: more than a page has.
TROUBLED: Final = 60


async def populate(scheduler: Scheduler, count: int, *, first_in: float = 300) -> None:
    """Assigns tasks: most of them run in the next hours, and some fail, are dead and are paused.

    Args:
        scheduler: the scheduler.
        count: how many are to be well.
        first_in: in how many seconds the first of these runs.
    """
    now = time.time()
    await scheduler.assign_tasks(
        IntervalTask(f"feed:{n:05}", f"feed {n}", every=3600, start=now + first_in + n * 7200 / count)
        for n in range(count)
    )
    await scheduler.assign_tasks(IntervalTask(f"due:{n}", "ok", every=20, start=now + n / 5) for n in range(100))
    await scheduler.assign_tasks(IntervalTask(f"slow:{n}", f"fail {n}", every=7200, start=now) for n in range(TROUBLED))
    await scheduler.assign_tasks(
        IntervalTask(f"mail:{n}", f"fail {n}" if n % 3 else f"bad {n}") for n in range(TROUBLED)
    )
    await scheduler.assign_tasks(
        IntervalTask(f"{{tenant-7}}:feed:{n}", "ok", every=900, start=now + 900) for n in range(9)
    )
    with acting_as("alice@example.com"):
        for n in range(5):
            await scheduler.pause_task(f"feed:{n + 20:05}", reason="the site asked us to stop")
        await scheduler.run_task_now("feed:00007")


async def settled(scheduler: Scheduler) -> None:
    """Waits until the tasks that fail have done so."""

    async def is_so() -> bool:
        found = await scheduler.overview()
        return found.failing >= TROUBLED and found.dead >= TROUBLED

    await until(is_so, PATIENCE)


@contextlib.asynccontextmanager
async def at_work(*servers: RedisServer, namespace: str, count: int, **options: Any) -> AsyncIterator[Site]:
    """Serves a dashboard with tasks of all kinds, and a worker that executes them in the same event loop."""
    urls = [server.url for server in servers]
    options |= {"namespace": namespace, "logger": QUIET}
    async with (
        Scheduler.from_url(*urls, actor="worker", **options) as worker,
        Scheduler.from_url(*urls, actor="dashboard", **options) as watcher,
    ):
        await populate(worker, count)
        await worker.start_task_execute(executor, concurrency=20)
        await settled(worker)
        try:
            async with served(watcher) as site:
                yield site
        finally:
            await worker.stop_task_execute(drain_seconds=0)

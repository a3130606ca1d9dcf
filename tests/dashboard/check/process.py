"""A process of the check: `python -m tests.dashboard.check.process worker|dashboard URL NAMESPACE`.

It says on stdout when it is ready, the dashboard with its URL, and ends when its stdin does: so it outlives nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator

from interval_scheduler import Scheduler
from tests.dashboard.browser.site import QUIET, executor, served


@contextlib.asynccontextmanager
async def worker(url: str, namespace: str) -> AsyncIterator[str]:
    """Executes the tasks."""
    async with Scheduler.from_url(url, namespace=namespace, logger=QUIET, actor="worker") as scheduler:
        await scheduler.start_task_execute(executor, concurrency=50)
        yield "ready"
        await scheduler.stop_task_execute(drain_seconds=0)


@contextlib.asynccontextmanager
async def dashboard(url: str, namespace: str) -> AsyncIterator[str]:
    """Serves the dashboard."""
    async with (
        Scheduler.from_url(url, namespace=namespace, logger=QUIET, actor="dashboard") as scheduler,
        served(scheduler) as site,
    ):
        yield site.url


async def _main(role: str, url: str, namespace: str) -> None:
    loop, end = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(end.set)

    async with {"worker": worker, "dashboard": dashboard}[role](url, namespace) as said:
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
        threading.Thread(target=wait_for_the_end, daemon=True).start()
        await end.wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

"""A service without a web framework: it executes tasks until SIGTERM or SIGINT.

Run it with `python docs/examples/plain_service.py`. INTERVAL_SCHEDULER_REDIS: the URL of Redis.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from interval_scheduler import Scheduler
from interval_scheduler.worker import Worker

log = logging.getLogger("feeds")


@asynccontextmanager
async def lifespan(scheduler: Scheduler) -> AsyncIterator[dict[str, Any]]:
    """Opens what the executors share, and says what is to be there at any time."""
    async with httpx.AsyncClient(timeout=10) as http:
        await scheduler.assign_task(report.task("report", every=1))
        yield {"http": http}


worker = Worker("redis://localhost:6379/0", namespace="feeds", lifespan=lifespan, drain_seconds=20)


@worker.executor
async def report(_: str, *, http: httpx.AsyncClient) -> None:
    """A real one would send something somewhere."""
    log.info("reported, with %s", type(http).__name__)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(worker.run())

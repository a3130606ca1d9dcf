"""A dashboard on a real Redis, and somebody who asks for its pages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.requests import Request

from interval_scheduler import Scheduler
from interval_scheduler.dashboard import Level, dashboard, walk
from interval_scheduler.dashboard.pages import bulk
from tests.dashboard.counted import TASKS, assign
from tests.dashboard.gating import Gate, gated
from tests.servers import RedisServer

#: Where the dashboard lies, as its readers see it.
HOST = "http://dashboard.test"


@pytest_asyncio.fixture
async def scheduler(redis_server: RedisServer, namespace: str) -> AsyncIterator[Scheduler]:
    """A scheduler that accepts tasks and executes none."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        yield scheduler


@contextlib.asynccontextmanager
async def reader_of(scheduler: Scheduler, level: Level = "read", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a dashboard in which everybody has that level."""

    async def access(request: Request) -> Level:
        return level

    app: Callable[..., Any] = dashboard(scheduler, access=access, **options)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
        yield client


@pytest_asyncio.fixture
async def reader(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may read."""
    async with reader_of(scheduler) as client:
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds up all searches."""
    with gated() as gate:
        yield gate


@pytest_asyncio.fixture
async def admin_of_many(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may change many tasks, of which there are some thousand."""
    await assign(scheduler, TASKS)
    async with reader_of(scheduler, "admin") as client:
        yield client


@pytest.fixture
def quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts take several steps, and pages wait for none of them: what they show does not depend on the machine."""
    monkeypatch.setattr(walk, "BUDGET", 1000)
    monkeypatch.setattr(bulk, "PATIENCE", 0)

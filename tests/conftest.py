"""What all suites share: private Redis servers, schedulers on them, and a check that nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import Scheduler
from tests.servers import RedisServer, free_port

_numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A private Redis for tests that do not harm it; each test has its own namespace."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[Callable[..., RedisServer]]:
    """Starts private Redis servers that the test may stop, freeze and restart."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(RedisServer(**settings))


@pytest.fixture
def namespace() -> str:
    """A namespace of this test alone."""
    return f"test-{os.getpid()}-{next(_numbers)}-{uuid.uuid4().hex[:6]}"


@pytest.fixture(params=["redis", "memory"])
def url(request: pytest.FixtureRequest) -> str:
    """Where a semantic test runs: on a real Redis and on the embedded engine."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


@pytest_asyncio.fixture
async def make_scheduler(url: str, namespace: str) -> AsyncIterator[Callable[..., Awaitable[Scheduler]]]:
    """Makes connected schedulers that accept tasks, all on the same namespace; closes them in the end."""
    made: list[Scheduler] = []

    async def make(**options: Any) -> Scheduler:
        options.setdefault("namespace", namespace)
        scheduler = Scheduler.from_url(url, **options)
        await scheduler.start_task_accept()
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        await scheduler.stop_task_execute(drain_seconds=0)
        await scheduler.close()


@pytest_asyncio.fixture
async def scheduler(make_scheduler: Callable[..., Awaitable[Scheduler]]) -> Scheduler:
    """One scheduler, connected and accepting."""
    return await make_scheduler()


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """Each test ends with the tasks of asyncio that it began with."""
    before = asyncio.all_tasks()
    yield
    for _ in range(100):
        left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
        if not left:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"tasks left behind: {left}")


__all__ = ["RedisServer", "free_port"]

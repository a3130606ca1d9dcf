"""What all suites share: private Redis servers, schedulers on them, and a check that nothing is left behind."""

from __future__ import annotations

import contextlib
import copy
import gc
import itertools
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from interval_scheduler import Scheduler
from tests.leaks import Complaints, leases_left, no_tasks_left, nothing_left
from tests.rights import NAMESPACES, published_rules, refused
from tests.servers import RedisServer, free_port

# An example may take any time: other suites run beside.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# A shell that starts the tests in the background has them ignore it, and by that each process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = itertools.count()


def pytest_collection_finish() -> None:
    """Leave what was collected out of all searches for rubbish: with all tests, one takes half a second otherwise."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def restricted_server() -> Iterator[RedisServer]:
    """A private Redis whose URLs are those of a user with the rights of docs/guarantees.md and no others."""
    with RedisServer(rights=published_rules(NAMESPACES)) as server:
        yield server
        assert refused(server) == set(), "the published rights are not enough"


@pytest.fixture(scope="session")
def redis_server(restricted_server: RedisServer) -> RedisServer:
    """The same with all rights, for tests that do not harm it; each test has its own namespace."""
    server = copy.copy(restricted_server)
    server.credentials = {}
    return server


@pytest.fixture
def own_server() -> Iterator[Callable[..., RedisServer]]:
    """Starts private Redis servers that the test may stop, freeze and restart."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(RedisServer(**settings))


@pytest.fixture
def restricted_servers() -> Iterator[Callable[..., RedisServer]]:
    """As `own_server`, with the URLs of such a user."""
    with contextlib.ExitStack() as stack:
        started: list[RedisServer] = []

        def start(**settings: Any) -> RedisServer:
            started.append(stack.enter_context(RedisServer(rights=published_rules(NAMESPACES), **settings)))
            return started[-1]

        yield start
        for server in started:
            assert not server.is_running or refused(server) == set(), "the published rights are not enough"


@pytest.fixture
def namespace() -> str:
    """A namespace of this test alone; it fits `NAMESPACES`."""
    return f"test-{os.getpid()}-{next(_numbers)}-{uuid.uuid4().hex[:6]}"


@pytest.fixture(params=["redis", pytest.param("memory", marks=pytest.mark.any_server)])
def url(request: pytest.FixtureRequest) -> str:
    """Where a test runs: on a real Redis, in some suites with the published rights only, and on the embedded engine."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


@pytest_asyncio.fixture
async def make_scheduler(
    request: pytest.FixtureRequest, url: str, namespace: str
) -> AsyncIterator[Callable[..., Awaitable[Scheduler]]]:
    """Makes connected schedulers that accept tasks, all on the same namespace; closes them in the end.

    Closed in order, they leave no lease behind, unless the test is marked with `leaves_leases`.
    """
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
    if request.node.get_closest_marker("leaves_leases") is None:
        for scheduler in {scheduler._options.namespace: scheduler for scheduler in made}.values():
            left = await leases_left(scheduler)
            assert not left, f"leases left behind: {left}"


@pytest_asyncio.fixture
async def scheduler(make_scheduler: Callable[..., Awaitable[Scheduler]]) -> Scheduler:
    """One scheduler, connected and accepting."""
    return await make_scheduler()


@pytest.fixture(scope="session", autouse=True)
def complaints() -> Iterator[Complaints]:
    """What asyncio complains of, in any test and after the last."""
    with Complaints() as found:
        yield found
        gc.collect()
        assert found.take() == []


@pytest.fixture(autouse=True)
def nothing_left_behind(complaints: Complaints) -> Iterator[None]:
    """Each test ends with the threads and sockets that it began with, its event loop being closed, and quietly."""
    with nothing_left(complaints):
        yield


@pytest_asyncio.fixture(autouse=True)
async def no_tasks_left_behind(nothing_left_behind: None) -> AsyncIterator[None]:
    """Each test ends with the tasks of asyncio that it began with."""
    async with no_tasks_left():
        yield


__all__ = ["RedisServer", "free_port"]

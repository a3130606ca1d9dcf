"""Litestar: real requests, with the lifespan that a server runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from litestar import Litestar, put
from litestar.datastructures import State

from interval_scheduler import ConfigurationError, NotConnected, Scheduler
from interval_scheduler.contrib.litestar import lifespan, scheduler_of
from interval_scheduler.worker import Worker
from tests.contrib.serving import PATIENCE_SECONDS, served
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio
# `logging_config=None`: Litestar would set up the logging of this whole process, and start a thread for it.


async def test_requests_assign_and_the_worker_executes(redis_server: RedisServer, namespace: str) -> None:
    worker, seen = Worker(redis_server.url, namespace=namespace), list[str]()
    begun = asyncio.Event()

    @worker.executor
    async def work(name: str) -> None:
        begun.set()
        await asyncio.sleep(0.05)  # the application ends meanwhile, and waits for this run
        seen.append(name)

    @asynccontextmanager
    async def own(app: Litestar) -> AsyncIterator[None]:
        seen.append("open")
        yield
        seen.append("closed")

    @put("/")
    async def assign(state: State) -> bool:
        return await scheduler_of(state).assign_task(work.task("a", "ran"))

    app = Litestar([assign], lifespan=[own, lifespan(worker)], logging_config=None)
    async with served(app) as client:
        assert (await client.put("/")).json() is True
        await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)
    assert seen == ["open", "ran", "closed"]
    with pytest.raises(NotConnected, match="its lifespan was not entered"):
        scheduler_of(app.state)


async def test_a_scheduler_only_assigns(redis_server: RedisServer, namespace: str) -> None:
    scheduler, worker = Scheduler.from_url(redis_server.url, namespace=namespace), Worker("memory://")

    @worker.executor
    async def work(_: str) -> None:
        pytest.fail("this application executes nothing")

    @put("/")
    async def assign(state: State) -> bool:
        return await scheduler_of(state).assign_task(work.task("a", "a", every=60))

    async with served(Litestar([assign], lifespan=[lifespan(scheduler)], logging_config=None)) as client:
        assert (await client.put("/")).json() is True
    async with scheduler:
        assert await scheduler.queue_size() == 1


async def test_an_application_has_one() -> None:
    app = Litestar(state=State({"scheduler": "another one"}), logging_config=None)
    with pytest.raises(ConfigurationError) as caught:
        async with lifespan(Scheduler.from_url("memory://"))(app):
            pytest.fail("the name is taken")
    assert caught.value.field == "lifespan"

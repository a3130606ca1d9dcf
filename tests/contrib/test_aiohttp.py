"""aiohttp: real requests by its own client for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from interval_scheduler import ConfigurationError, Scheduler
from interval_scheduler.contrib.aiohttp import SCHEDULER, cleanup_context
from interval_scheduler.worker import Worker
from tests.contrib.serving import PATIENCE_SECONDS
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio


async def test_requests_assign_and_the_worker_executes(redis_server: RedisServer, namespace: str) -> None:
    worker, seen = Worker(redis_server.url, namespace=namespace), list[str]()
    begun = asyncio.Event()

    @worker.executor
    async def work(name: str) -> None:
        begun.set()
        await asyncio.sleep(0.05)  # the application ends meanwhile, and waits for this run
        seen.append(name)

    async def own(app: web.Application) -> AsyncIterator[None]:
        seen.append("open")
        yield
        seen.append("closed")

    async def assign(request: web.Request) -> web.Response:
        return web.json_response(await request.app[SCHEDULER].assign_task(work.task("a", "ran")))

    async def size(request: web.Request) -> web.Response:
        return web.json_response(await request.config_dict[SCHEDULER].task_size())

    app, inner = web.Application(), web.Application()
    app.router.add_put("/", assign)
    inner.router.add_get("/size", size)
    app.add_subapp("/inner", inner)
    app.cleanup_ctx.extend([own, cleanup_context(worker)])
    async with TestClient(TestServer(app)) as client:
        answer = await client.put("/")
        assert await answer.json() is True
        assert await (await client.get("/inner/size")).json() == 1
        await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)
    assert seen == ["open", "ran", "closed"]


@pytest.mark.parametrize("kind", ["scheduler", "connected"])
async def test_an_application_that_only_assigns(redis_server: RedisServer, namespace: str, kind: str) -> None:
    worker = Worker(redis_server.url, namespace=namespace)
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)

    @worker.executor
    async def work(_: str) -> None:
        pytest.fail("this application executes nothing")

    async def assign(request: web.Request) -> web.Response:
        scheduler = request.app[SCHEDULER]
        return web.json_response(
            [await scheduler.assign_task(work.task("a", "a", every=60)), scheduler.executing_tasks]
        )

    app = web.Application()
    app.router.add_put("/", assign)
    app.cleanup_ctx.append(cleanup_context(scheduler if kind == "scheduler" else worker.connected))
    async with TestClient(TestServer(app)) as client:
        assert await (await client.put("/")).json() == [True, False]
    assert not scheduler.online
    async with scheduler:
        assert await scheduler.queue_size() == 1


async def test_an_application_has_one() -> None:
    app = web.Application()
    app.cleanup_ctx.extend([cleanup_context(Scheduler.from_url("memory://")) for _ in range(2)])
    runner = web.AppRunner(app)
    try:
        with pytest.raises(ConfigurationError) as caught:
            await runner.setup()
        assert caught.value.field == "cleanup_context"
    finally:
        await runner.cleanup()


async def test_it_is_closed_by_another_asyncio_task(redis_server: RedisServer, namespace: str) -> None:
    """Fixtures start an application in one asyncio task, and end it in another."""
    worker = Worker(redis_server.url, namespace=namespace)
    ran: list[str] = []

    @worker.executor
    async def work(name: str) -> None:
        ran.append(name)

    app = web.Application()
    app.cleanup_ctx.append(cleanup_context(worker))
    server = TestServer(app)
    await asyncio.create_task(server.start_server())
    await work.assign("a", "a")
    await until(lambda: ran == ["a"], PATIENCE_SECONDS)
    await asyncio.create_task(server.close())
    assert not app[SCHEDULER].online

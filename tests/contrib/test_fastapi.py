"""FastAPI and Starlette: real requests, with the lifespan that a server runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.from_thread
import httpx
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from interval_scheduler import ConfigurationError, IntervalTask, InvalidType, NotConnected, PartitionOffline, Scheduler
from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan
from interval_scheduler.contrib.starlette import scheduler_of
from interval_scheduler.worker import Worker
from tests.contrib.serving import PATIENCE_SECONDS, served
from tests.servers import RedisServer, free_port
from tests.waiting import until

#: Makes a worker on the Redis and in the namespace of the test.
MakeWorker = Callable[..., Worker]


@pytest.fixture
def make_worker(redis_server: RedisServer, namespace: str) -> MakeWorker:
    return functools.partial(Worker, redis_server.url, namespace=namespace)


@pytest.mark.asyncio
async def test_requests_assign_and_the_worker_executes(make_worker: MakeWorker) -> None:
    worker, ran = make_worker(), list[str]()

    @worker.executor
    async def work(name: str) -> None:
        ran.append(name)

    app, router = FastAPI(lifespan=lifespan(worker)), APIRouter(prefix="/tasks")

    @router.put("/{name}")
    async def assign(name: str, scheduler: SchedulerDep) -> bool:
        return await scheduler.assign_task(work.task(name, name))

    @router.put("/plain/{name}")
    def assign_in_a_thread(name: str, scheduler: SchedulerDep) -> bool:
        return anyio.from_thread.run(scheduler.assign_task, work.task(name, name))

    app.include_router(router)
    mounted = FastAPI()

    @mounted.get("/size")
    async def size(scheduler: SchedulerDep) -> int:
        return await scheduler.task_size()

    app.mount("/mounted", mounted)
    for _ in range(2):  # tests enter the lifespan of one application again and again
        ran.clear()
        async with served(app) as client:
            answers = await asyncio.gather(
                *(client.put(f"/tasks/{n}") for n in range(20)), client.put("/tasks/plain/x")
            )
            assert [answer.json() for answer in answers] == [True] * 21
            await until(lambda: sorted(ran) == sorted([*map(str, range(20)), "x"]), PATIENCE_SECONDS)

            async def none_is_left() -> bool:
                return bool((await client.get("/mounted/size")).json() == 0)

            await until(none_is_left, PATIENCE_SECONDS)
    with pytest.raises(NotConnected):
        _ = worker.scheduler


@pytest.mark.asyncio
async def test_the_lifespan_that_there_is_comes_first_and_ends_last(make_worker: MakeWorker) -> None:
    seen: list[str] = []
    begun = asyncio.Event()

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        seen.append("open")
        yield {"db": seen}
        seen.append("closed")

    worker = make_worker()

    @worker.executor
    async def work(name: str) -> None:
        begun.set()
        await asyncio.sleep(0.05)  # the server ends meanwhile, and waits for this run
        seen.append(name)

    async def assign(request: Request) -> JSONResponse:
        assert request.state.db is seen
        return JSONResponse(await scheduler_of(request).assign_task(work.task("a", "ran")))

    app = Starlette(routes=[Route("/", assign, methods=["PUT"])], lifespan=lifespan(worker, within=own))
    async with served(app) as client:
        assert (await client.put("/")).json() is True
        await begun.wait()
    assert seen == ["open", "ran", "closed"]


@pytest.mark.asyncio
async def test_a_lifespan_of_ones_own_may_yield_the_scheduler(make_worker: MakeWorker) -> None:
    """So the worker and the requests share what it opens."""
    worker, database = make_worker(), list[str]()
    ran = asyncio.Event()

    @worker.executor
    async def work(name: str, *, db: list[str]) -> None:
        db.append(name)
        ran.set()

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with worker.running(db=database) as scheduler:
            await work.assign("at-the-start", "a")
            yield {"db": database, "scheduler": scheduler}

    app = FastAPI(lifespan=own)

    @app.get("/")
    async def names(request: Request, scheduler: SchedulerDep) -> list[Any]:
        return [request.state.db, scheduler.online]

    async with served(app) as client:
        await asyncio.wait_for(ran.wait(), PATIENCE_SECONDS)
        assert (await client.get("/")).json() == [["a"], True]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["scheduler", "connected"])
async def test_an_application_that_only_assigns(redis_server: RedisServer, namespace: str, kind: str) -> None:
    worker = Worker(redis_server.url, namespace=namespace)
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)

    @worker.executor
    async def work(_: str) -> None:
        pytest.fail("this application executes nothing")

    app = FastAPI(lifespan=lifespan(scheduler if kind == "scheduler" else worker.connected))

    @app.put("/")
    async def assign(scheduler: SchedulerDep) -> list[bool]:
        is_new = await scheduler.assign_task(work.task("a", "a", every=60))
        return [is_new, scheduler.executing_tasks, (await scheduler.check_health()).ok]

    async with served(app) as client:
        assert (await client.put("/")).json() == [True, False, True]
    async with scheduler:
        assert await scheduler.queue_size() == 1


@pytest.mark.asyncio
async def test_a_start_that_fails_leaves_what_was_open(namespace: str) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        seen.append("open")
        try:
            yield
        finally:
            seen.append("closed")

    nobody = Scheduler.from_url(f"redis://:secret@127.0.0.1:{free_port()}/0", namespace=namespace)
    app = FastAPI(lifespan=lifespan(nobody, within=own))
    with pytest.raises(PartitionOffline) as caught:
        async with app.router.lifespan_context(app):
            pytest.fail("there is no Redis")
    assert "secret" not in str(caught.value)
    assert seen == ["open", "closed"]


@pytest.mark.asyncio
async def test_a_scheduler_of_another_library_is_not_replaced() -> None:
    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"scheduler": "another one"}

    app = FastAPI()
    with pytest.raises(ConfigurationError) as caught:
        async with lifespan(Scheduler.from_url("memory://"), within=own)(app):
            pytest.fail("the name is taken")
    assert caught.value.field == "within"


async def _generator(app: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(("within", "wanted"), [(5, "a function; got int"), (_generator, "@asynccontextmanager")])
def test_what_is_no_lifespan_is_refused(within: Any, wanted: str) -> None:
    with pytest.raises(InvalidType, match=wanted) as caught:
        lifespan(Worker("memory://"), within=within)
    assert caught.value.field == "within"


@pytest.mark.asyncio
async def test_a_server_that_runs_no_lifespan_is_told() -> None:
    app = FastAPI(lifespan=lifespan(Worker("memory://")))

    @app.get("/")
    async def size(scheduler: SchedulerDep) -> int:
        return await scheduler.task_size()

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        with pytest.raises(NotConnected, match="let the server run lifespans"):
            await client.get("/")


@pytest.mark.asyncio
async def test_web_sockets_have_it_too(redis_server: RedisServer, namespace: str) -> None:
    app = FastAPI(lifespan=lifespan(Scheduler.from_url(redis_server.url, namespace=namespace)))

    @app.websocket("/")
    async def assign(socket: WebSocket, scheduler: SchedulerDep) -> None:
        await socket.accept()
        await socket.send_json(await scheduler.assign_task(IntervalTask(await socket.receive_text())))

    # By the protocol of ASGI: uvicorn has no web sockets of its own.
    received = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "a"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app) as state:
        scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": [], "state": dict(state or {})}
        await app(scope, receive, send)
    assert [each.get("text") for each in sent] == [None, "true"]

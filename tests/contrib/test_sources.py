"""The sources that every framework takes, and what is refused before anything is connected."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, InvalidType, NotConnected, Scheduler
from interval_scheduler.contrib import aiohttp, asgi, litestar, starlette
from interval_scheduler.contrib.sources import Source, opened
from interval_scheduler.worker import Worker


async def _app(scope: Any, receive: Any, send: Any) -> None: ...


async def _takes_one(_: str) -> None: ...


async def _coroutine() -> None: ...


async def _bare() -> AsyncIterator[Scheduler]:
    yield Scheduler.from_url("memory://")


MAKERS: list[Callable[[Any], object]] = [
    starlette.lifespan,
    aiohttp.cleanup_context,
    litestar.lifespan,
    lambda source: asgi.with_scheduler(_app, source),
]
WRONG = [
    "redis://localhost:6379/0",
    None,
    BlockingScheduler.from_url("memory://"),
    Worker("memory://").executor(_takes_one),
    lambda app: app,
    _coroutine,
    _bare,
]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_source_is_refused_when_the_application_is_made(maker: Callable[[Any], object], wrong: Any) -> None:
    with pytest.raises(InvalidType, match="must be a Worker, a Scheduler or a function without arguments") as caught:
        maker(wrong)
    assert caught.value.field == "source"


@pytest.mark.asyncio
async def test_a_function_that_opens_something_else_is_refused() -> None:
    @contextlib.asynccontextmanager
    async def wrong() -> AsyncIterator[Any]:
        yield 5

    with pytest.raises(InvalidType, match="must yield a Scheduler, not int"):
        async with opened(wrong):
            pytest.fail("it yields no scheduler")


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["worker", "connected", "scheduler", "function"])
async def test_each_source_yields_a_scheduler_and_closes_it(kind: str) -> None:
    worker, scheduler = Worker("memory://"), Scheduler.from_url("memory://")
    worker.executor(_takes_one)
    sources: dict[str, Source] = {
        "worker": worker,
        "connected": worker.connected,
        "scheduler": scheduler,
        "function": lambda: Scheduler.from_url("memory://"),
    }
    for _ in range(2):  # as tests do that enter the lifespan of one application again and again
        async with opened(sources[kind]) as its:
            assert its.accepting_tasks
            assert its.executing_tasks == (kind == "worker")
            assert await its.task_size() == 0
        assert not its.online


@pytest.mark.asyncio
async def test_what_is_missing_is_told_with_what_to_do() -> None:
    with pytest.raises(NotConnected, match="its lifespan was not entered"):
        asgi.scheduler_of({"type": "http"})

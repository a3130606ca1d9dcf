"""A cancellation that arrives while a command is sent or answered gets through, at whatever step it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from interval_scheduler import IntervalTask, RedisInstance, Scheduler
from interval_scheduler.config.options import StorageOptions
from interval_scheduler.storage.connection.client import open_client
from tests.servers import RedisServer

STEPS = 60
SUSPENSIONS = 3  # turns of the loop that each call takes at least, however soon the server answers


async def cancelled_at_each_step(call: Callable[[], Awaitable[object]], rounds: int = 5) -> tuple[int, int]:
    """Cancel a call after 0, 1, 2... turns of the loop; how many were cancelled, and how many swallowed it."""
    tried = swallowed = 0
    for steps in range(STEPS * rounds):
        task = asyncio.ensure_future(call())
        for _ in range(steps % STEPS):
            await asyncio.sleep(0)  # each turn of the event loop is a place to cancel it
        if task.done():
            task.result()
            continue
        task.cancel()
        await asyncio.wait([task])
        tried += 1
        swallowed += not task.cancelled()
    return tried, swallowed


async def commands(server: RedisServer) -> None:
    client: Any = open_client(RedisInstance("127.0.0.1", server.port), StorageOptions())

    async def pipeline() -> None:
        await client.pipeline(transaction=False).ping().ping().execute()

    async def subscription() -> None:
        pubsub = client.pubsub()
        try:
            await pubsub.subscribe("channel")
            await pubsub.ping()
        finally:
            await pubsub.aclose()

    try:
        for call in (client.ping, client.info, pipeline, subscription):
            tried, swallowed = await cancelled_at_each_step(call)
            assert tried >= 5 * SUSPENSIONS
            assert swallowed == 0, call
        assert await client.ping()
    finally:
        await client.aclose()


async def calls(server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=60, start=4_000_000_000))

        async def listing() -> None:
            assert [task.id async for task in scheduler.tasks()] == ["a"]

        for call in (scheduler.task_size, scheduler.audit, scheduler.check_health, listing):
            tried, swallowed = await cancelled_at_each_step(call, rounds=2)
            assert tried >= 2 * SUSPENSIONS
            assert swallowed == 0, call
        async with asyncio.timeout(60):
            await scheduler.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_commands(own_server: Callable[..., RedisServer], run: Callable[..., object]) -> None:
    run(commands(own_server()))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_calls(own_server: Callable[..., RedisServer], namespace: str, run: Callable[..., object]) -> None:
    run(calls(own_server(), namespace))

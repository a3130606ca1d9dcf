"""The pool of connections: turns in order of arrival, waits that end, and connections that died while idle."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError

from interval_scheduler import IntervalTask, RedisInstance, Scheduler, StorageOptions
from interval_scheduler.storage.connection.client import abandon, open_client, refuse_waiting
from interval_scheduler.storage.connection.pool import PROVED_AFTER_SECONDS
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

NewServer = Callable[..., RedisServer]
_MOST = 4


@contextlib.asynccontextmanager
async def client_of(url: str, **options: Any) -> AsyncIterator[Any]:
    """A client with four connections at the most, as a partition has one."""
    client = open_client(RedisInstance.from_url(url), StorageOptions(max_connections=_MOST, **options))
    try:
        yield client
    finally:
        await client.aclose()


@pytest_asyncio.fixture
async def full(redis_server: RedisServer) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A pool all of whose connections are in use, and those."""
    async with client_of(redis_server.url) as client:
        pool = client.connection_pool
        yield pool, [await pool.get_connection() for _ in range(_MOST)]


async def waiting(pool: Any, count: int) -> list[asyncio.Task[Any]]:
    """So many who wait for a connection, in order."""
    tasks = [asyncio.create_task(pool.get_connection()) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)  # they begin to wait
    assert not any(task.done() for task in tasks)
    return tasks


async def test_a_newcomer_passes_nobody(full: tuple[Any, list[Any]]) -> None:
    pool, held = full
    first, second = await waiting(pool, 2)
    await pool.release(held.pop())
    newcomer = asyncio.create_task(pool.get_connection())
    await first
    assert not second.done()
    await pool.release(first.result())
    await second
    assert not newcomer.done()
    await pool.release(second.result())
    await newcomer


async def test_one_who_is_cancelled_is_passed_over(full: tuple[Any, list[Any]]) -> None:
    pool, held = full
    first, second, third = await waiting(pool, 3)
    first.cancel()
    await pool.release(held.pop())
    second.cancel()  # in the moment in which it is the turn of this one
    assert await asyncio.wait_for(third, 60)
    assert first.cancelled()
    assert second.cancelled()


async def test_a_connection_is_free_again_after_all_who_waited_are_cancelled(full: tuple[Any, list[Any]]) -> None:
    pool, held = full
    for task in await waiting(pool, 2):
        task.cancel()
    for connection in held:
        await pool.release(connection)
    again = [await asyncio.wait_for(pool.get_connection(), 60) for _ in range(_MOST)]
    assert {id(each) for each in again} == {id(each) for each in held}


async def test_waits_end_when_the_partition_is_lost(redis_server: RedisServer) -> None:
    async with client_of(redis_server.url) as client:
        pool = client.connection_pool
        held = [await pool.get_connection() for _ in range(_MOST)]
        tasks = await waiting(pool, 2)
        refuse_waiting(client)
        for task in tasks:
            with pytest.raises(RedisConnectionError, match="lost before it was this request's turn"):
                await asyncio.wait_for(task, 60)
        await pool.release(held[0])
        assert await pool.get_connection() is held[0]


async def test_a_place_is_free_again_after_a_connection_could_not_be_made(own_server: NewServer) -> None:
    server = own_server()
    async with client_of(server.url) as client:
        server.kill()
        for _ in range(_MOST + 1):
            with pytest.raises(RedisConnectionError):
                await client.ping()
        server.start()
        assert await client.ping()


async def test_who_waits_for_a_reply_learns_at_once_that_the_connections_are_given_up(own_server: NewServer) -> None:
    server = own_server()
    async with client_of(server.url) as client:
        await client.ping()
        blocked = asyncio.create_task(client.blpop("nothing", 60))
        with server.client() as other:
            await until(lambda: int(other.info("clients")["blocked_clients"]) == 1)
        abandon(client)
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(blocked, 60)
        assert await client.ping()


def age(client: Any, seconds: float) -> None:
    """Let the idle connections of a client be older."""
    for connection in client.connection_pool._available_connections:
        connection._idle_from -= seconds


async def test_a_connection_that_died_while_idle_leaves_time_for_another(redis_server: RedisServer) -> None:
    async with Proxy(redis_server.port) as proxy, client_of(proxy.url, operation_timeout_seconds=60) as client:
        await client.ping()
        age(client, PROVED_AFTER_SECONDS + 1)
        proxy.swallowing = True
        began = time.monotonic()
        asked = asyncio.create_task(client.echo("here"))
        await until(lambda: proxy.swallowed)
        proxy.swallowing = False
        assert await asked == b"here"
        # A request on it would have waited for all of the sixty seconds.
        assert time.monotonic() - began < 30


@pytest.mark.parametrize("seconds", [0.0, PROVED_AFTER_SECONDS + 1])
async def test_only_a_connection_that_was_idle_is_proved(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr("interval_scheduler.storage.connection.pool.PROVED_AFTER_SECONDS", 60.0)  # no pause is so long
    sent: list[bytes] = []

    def note(request: bytes) -> bool:
        sent.append(request)
        return False

    async with Proxy(redis_server.port) as proxy, client_of(proxy.url) as client:
        await client.echo("first")
        proxy.drop_reply = note
        age(client, 60 * seconds)
        await client.echo("second")
    assert [b"PING" in each for each in sent] == ([True, False] if seconds else [False])


async def test_a_burst_after_a_pause_goes_over_new_connections(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a router that forgot all connections but that of the subscription, which is never idle for long."""
    monkeypatch.setattr("interval_scheduler.storage.connection.pool.PROVED_AFTER_SECONDS", 0.0)
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(proxy.url, namespace=namespace, operation_timeout_seconds=60) as scheduler,
    ):
        await scheduler.assign_task(IntervalTask("t", every=1000))
        proxy.forget()
        began = time.monotonic()
        await asyncio.gather(
            scheduler.assign_task(IntervalTask("u", every=1000)),
            scheduler.remove_task("t"),
            scheduler.get_task("t"),
            scheduler.task_size(),
        )
        # The proofs take a second, and each request would have waited for sixty.
        assert time.monotonic() - began < 30


async def test_connections_keep_themselves_alive(redis_server: RedisServer) -> None:
    async with client_of(redis_server.url) as client:
        connection = await client.connection_pool.get_connection()
        opened = connection._writer.get_extra_info("socket")
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT]
        assert [opened.getsockopt(socket.IPPROTO_TCP, each) for each in options] == [30, 5, 3]

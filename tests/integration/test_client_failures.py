"""A failure of server or network is a lost connection, whichever error tells it; a bug behind one is found."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError

from interval_scheduler import IntervalTask, PartitionOffline, RedisInstance, Scheduler
from interval_scheduler.config.options import StorageOptions
from interval_scheduler.storage.connection.client import abandon, open_client
from interval_scheduler.storage.connection.failures import bug_behind
from tests.integration.planting import CONNECT, HANDSHAKE, PARSE, READ, Bug, connecting
from tests.integration.test_unreachable import offline
from tests.proxy import Proxy
from tests.servers import RedisServer

FAR = 4_000_000_000.0
FAILURES = (
    OSError("no number"),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    BrokenPipeError(errno.EPIPE, "broken"),
    PermissionError(errno.EACCES, "no"),
    FileNotFoundError(errno.ENOENT, "none"),
    BlockingIOError(errno.EAGAIN, "later"),
    TimeoutError("late"),
    socket.gaierror(socket.EAI_AGAIN, "later"),
    ssl.SSLError(1, "[SSL] of no kind"),
)


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_every_error_of_the_system_is_a_lost_connection(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch, failure: OSError
) -> None:
    with monkeypatch.context() as patched:
        Bug(patched, CONNECT, failure)
        assert type(await connecting(redis_server.url)) is PartitionOffline
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        Bug(monkeypatch, PARSE, failure, once=True)
        assert await scheduler.assign_task(IntervalTask("a", start=FAR)) is True, "it is sent again"
        assert await scheduler.task_size() == 1


def wrapped(error: Exception, times: int) -> Exception:
    """An error as the client hands it on after so many connects that were needed for one."""
    for _ in range(times):
        outer = RedisConnectionError(error)
        outer.__cause__, error = error, outer
    return error


def test_a_bug_is_found_behind_any_number_of_lost_connections() -> None:
    bug = AttributeError("a bug")
    assert [bug_behind(wrapped(bug, times)) for times in range(4)] == [bug] * 4
    for error in (*FAILURES, PartitionOffline("p"), RedisError("no"), NoPermissionError("no")):
        assert [bug_behind(wrapped(error, times)) for times in range(4)] == [None] * 4
    assert bug_behind(asyncio.CancelledError()) is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [b"*1\r\n:5\r\n", b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:70000\r\n"],
    ids=["form", "port"],
)
async def test_a_node_that_answers_in_another_form_is_no_bug(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await reader.read(100)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await offline(f"redis+cluster://127.0.0.1:{port}", "protocol", "it does not speak the protocol of Redis")


@pytest.mark.asyncio
async def test_a_connection_whose_introduction_broke_is_not_used(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = open_client(RedisInstance("127.0.0.1", redis_server.port, db=5), StorageOptions(max_connections=4))
    bug = Bug(monkeypatch, HANDSHAKE, TypeError("a bug"), once=True)
    with pytest.raises(TypeError) as caught:
        await client.ping()
    assert bug.is_told_by(caught.value)
    assert " db=5 " in (await client.execute_command("CLIENT", "INFO")).decode(), "not another database"
    await client.aclose()


@pytest.mark.asyncio
async def test_a_reply_that_was_not_read_for_a_bug_is_nobody_elses(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy(redis_server.port) as proxy:
        client: Any = open_client(RedisInstance.from_url(proxy.url), StorageOptions(max_connections=4))
        await client.ping()
        proxy.delay = lambda: 0.2  # the reply comes after the next request was sent
        Bug(monkeypatch, READ, TypeError("a bug"), once=True)
        with pytest.raises(TypeError, match="a bug"):
            await client.ping()
        assert await client.echo("mine") == b"mine"
        await client.aclose()


async def closed_below(server: RedisServer) -> None:
    """Use connections that were cut while nobody used them, soon and after a while."""
    client: Any = open_client(RedisInstance("127.0.0.1", server.port), StorageOptions())
    for idle_seconds in (0.0, 10.0):
        await client.ping()
        (connection,) = client.connection_pool._available_connections
        connection._idle_from -= idle_seconds
        abandon(client)
        for _ in range(10):  # turns of the loop, in which it is closed
            await asyncio.sleep(0)
        assert await client.ping()
    abandon(client)
    for _ in range(10):
        await asyncio.sleep(0)  # turns of the loop, in which it is closed
    with pytest.raises(RedisConnectionError):
        await connection.send_command("PING")
    await client.aclose()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_is_closed_below_is_a_lost_one(
    own_server: Callable[..., RedisServer], run: Callable[[Awaitable[None]], None]
) -> None:
    run(closed_below(own_server()))

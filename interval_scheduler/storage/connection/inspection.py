"""Asks a server for its version, role and settings.

::

    inspect ──▶ ServerFacts ──diagnose──▶ Findings ──┬─ at connect: an error is raised, a warning logged
                                                     └─ check_health: returned
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ...config.instance import RedisInstance
from ...support import clock
from .diagnosis import ServerFacts


async def inspect(client: Redis, instance: RedisInstance) -> ServerFacts:
    """Ask a server for its version, role and settings. Writes nothing.

    Raises:
        RedisError: it cannot be reached or refuses to answer.
    """
    if instance.memory is not None:
        await client.ping()
        return ServerFacts()
    info: Mapping[str, Any] = await client.info()
    try:
        saves = (await client.config_get("save")).get("save")
    except ResponseError:
        saves = None  # without the right to ask, no finding is made about it
    return ServerFacts(info, saves)


class Stopwatch:
    """A comparison of the server's clock with this machine's during one request. It starts when the object is made."""

    def __init__(self) -> None:
        self._wall = time.time()
        self._began = clock.monotonic()

    def compare(self, server_now_us: int) -> tuple[float, float]:
        """Return the server's clock minus this machine's, and the duration of the request, both in seconds."""
        took = clock.monotonic() - self._began
        return server_now_us / 1e6 - (self._wall + took / 2), took

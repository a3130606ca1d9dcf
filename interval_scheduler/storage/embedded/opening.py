"""Stores and their clients: of the short way, or of fakeredis alone where its inner names are others than expected."""

from __future__ import annotations

import logging

from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

log = logging.getLogger("interval_scheduler")

try:
    from .client import ScriptClient
    from .sockets import Store
except (ImportError, AttributeError):
    log.info("scripts on memory:// take the longer way: fakeredis is not as expected", exc_info=True)
    HAS_SHORT_WAY = False
else:
    HAS_SHORT_WAY = True


def open_store() -> FakeServer:
    """Make an empty store."""
    return Store() if HAS_SHORT_WAY else FakeServer(version=(7,))


def open_client(store: FakeServer, db: int) -> Redis:
    """Make a client of a store that `open_store` made, for a database of it."""
    if HAS_SHORT_WAY and isinstance(store, Store):
        return ScriptClient(store, db)
    client: Redis = FakeAsyncRedis(server=store, db=db, retry=Retry(NoBackoff(), 0), protocol=2)
    return client

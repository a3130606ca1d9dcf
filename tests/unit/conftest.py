"""Schedulers that show whether a call did any I/O."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.services import heartbeat


class Tripwire:
    """A client that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"I/O: {name}")


class Sealed:
    """A connected scheduler whose client is a tripwire."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._partition = scheduler._lifespan.require().partitions.master
        self._client: Any = self._partition._client

    async def snapshot(self) -> dict[bytes, object]:
        """The whole key space, but for the replies kept for a retry."""
        found: dict[bytes, object] = {}
        for key in await self._client.keys("*"):
            if b":reply:" in key:
                continue
            kind = await self._client.type(key)
            if kind == b"hash":
                found[key] = await self._client.hgetall(key)
            elif kind == b"zset":
                found[key] = await self._client.zrange(key, 0, -1, withscores=True)
            else:
                found[key] = await self._client.get(key)
        return found

    def seal(self) -> None:
        self._partition._client = Tripwire()

    def unseal(self) -> None:
        self._partition._client = self._client


@pytest.fixture
def no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scheduler tells that it lives: otherwise it does so a second after it began, whatever a test does then."""
    for name in ("BEAT_SECONDS", "_SOON_SECONDS"):
        monkeypatch.setattr(heartbeat, name, 3600.0)


@pytest_asyncio.fixture
async def sealed(no_heartbeat: None) -> AsyncIterator[Scheduler]:
    """A scheduler that accepts tasks and holds one; the test fails if Redis is asked or changed."""
    async with Scheduler.from_url(f"memory://{uuid.uuid4().hex}", drain_seconds=0) as scheduler:
        await scheduler.assign_task(IntervalTask("there", "before", every=60, start=4_000_000_000))
        seal = Sealed(scheduler)
        before = await seal.snapshot()
        assert before
        seal.seal()
        yield scheduler
        seal.unseal()
        assert await seal.snapshot() == before


@pytest.fixture
def apart() -> Scheduler:
    """A scheduler that was never connected; nothing listens where it would connect to."""
    return Scheduler.from_url("redis://127.0.0.1:1")

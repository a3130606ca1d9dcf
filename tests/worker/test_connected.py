"""A worker that is only connected: its kinds assign, and nothing is executed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interval_scheduler import AlreadyExecuting, NotConnected
from interval_scheduler.worker import Worker
from tests.waiting import until
from tests.worker.payload_types import Mail

pytestmark = pytest.mark.asyncio


async def test_kinds_assign_and_another_process_executes(url: str, namespace: str) -> None:
    entered: list[str] = []
    sent: list[Mail] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[dict[str, Any]]:
        entered.append("lifespan")
        yield {"db": 5}

    worker = Worker(url, namespace=namespace, lifespan=lifespan)

    @worker.executor("mail")
    async def send(mail: Mail, *, db: int) -> None:
        sent.append(mail)

    async with worker.connected() as scheduler:
        assert scheduler.accepting_tasks
        assert await send.assign("m:1", Mail("ada"))
        assert not scheduler.queue("mail").executing_tasks
        assert await scheduler.queue("mail").queue_size() == 1
        assert entered == []
        with pytest.raises(AlreadyExecuting):
            async with worker.running():
                pytest.fail("it is in use")
    with pytest.raises(NotConnected):
        await send.remove("m:1")
    async with worker.running():
        await until(lambda: sent == [Mail("ada")])
    assert entered == ["lifespan"]

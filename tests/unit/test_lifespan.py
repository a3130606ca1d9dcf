"""From connect to close, without a server."""

from __future__ import annotations

import asyncio
import sys

import pytest

from interval_scheduler import ConfigurationError, Scheduler
from interval_scheduler.storage.partitions import Partitions

pytestmark = pytest.mark.asyncio


async def test_without_the_extra_connect_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fakeredis", None)  # as if it were not installed
    scheduler = Scheduler.from_url("memory://")
    async with asyncio.timeout(60):
        with pytest.raises(ConfigurationError, match=r"pip install 'interval-scheduler\[memory\]'"):
            await scheduler.connect()
        await scheduler.close()


async def test_after_that_it_can_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler.from_url("memory://")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "fakeredis", None)
        with pytest.raises(ConfigurationError):
            await scheduler.start_task_accept()
        assert not scheduler.accepting_tasks
    async with asyncio.timeout(60), scheduler:
        assert scheduler.online


async def test_whatever_connecting_raises_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Partitions, "reach", broken)
    scheduler = Scheduler.from_url("memory://")
    async with asyncio.timeout(60):
        with pytest.raises(ZeroDivisionError):
            await scheduler.connect()
        await scheduler.close()

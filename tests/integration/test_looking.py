"""Looks while a partition goes silent, and while tasks move to another list of partitions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000
TIMEOUT = 5.0

NewServer = Callable[..., RedisServer]


async def all_ids(call: Callable[..., Any], **arguments: Any) -> list[str]:
    found, after = list[str](), None
    while True:
        page = await call(after=after, **arguments)
        assert page.offline == ()
        found += [task.id for task in page.tasks]
        if (after := page.after) is None:
            return found


async def test_a_partition_that_goes_silent_costs_one_time_out(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [server.url for server in servers]
    silent = f"127.0.0.1:{servers[1].port}/0"
    async with Scheduler.from_url(*urls, namespace=namespace, operation_timeout_seconds=TIMEOUT) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"t{n:02}", start=START + n) for n in range(30))
        assert len(await all_ids(scheduler.page, limit=7)) == 30
        servers[1].freeze()
        try:
            began = time.monotonic()
            found = await scheduler.overview()
            assert {each.name: each.online for each in found.partitions}[silent] is False
            assert sum(each.online for each in found.partitions) == 2
            assert 0 < found.waiting < 30
            for call in (scheduler.page, scheduler.dead_page, scheduler.failing_page):
                assert (await call()).offline == (silent,)
            assert (await scheduler.search("t")).offline == (silent,)
            # A busy machine may take its time; each call for itself would wait for five time-outs in all.
            assert time.monotonic() - began < 4 * TIMEOUT
        finally:
            servers[1].thaw()

        async def is_back() -> bool:
            return (await scheduler.overview()).online

        await until(is_back)
        assert (await scheduler.overview()).waiting == 30


async def test_looks_while_tasks_move(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    urls = [server.url_of(db) for db in range(3)]
    ids = [f"t{n:03}" for n in range(300)]
    async with Scheduler.from_url(*urls[:2], namespace=namespace) as old:
        await old.assign_tasks(IntervalTask(task_id, start=START + n) for n, task_id in enumerate(ids))
        assert (await old.overview()).moving == ()
        lock = await old.try_lock("partitions:move")  # nothing moves while somebody else has it
        assert lock is not None
        async with Scheduler.from_url(*urls, namespace=namespace, list_epoch=2) as scheduler:
            found = await scheduler.overview()
            assert found.moving == await scheduler.moving()
            assert [(move.partition, move.moved) for move in found.moving] == [
                (f"127.0.0.1:{server.port}/{db}", 0) for db in range(2)
            ]
            assert sum(move.left for move in found.moving) == found.waiting == 300
            assert found.partitions[2].moving is None
            assert await all_ids(scheduler.page, limit=70) == ids
            assert sorted(await all_ids(scheduler.search, prefix="t")) == ids
            await old.unlock(lock)

            async def is_over() -> bool:
                return (await scheduler.overview()).moving == ()

            await until(is_over)
            assert await all_ids(scheduler.page, limit=70) == ids
            assert sorted(await all_ids(scheduler.search, prefix="t")) == ids
            assert (await scheduler.overview()).partitions[2].waiting > 0

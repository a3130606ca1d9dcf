"""An executor that blocks the event loop for longer than a lease: its runs keep their leases, none runs twice."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask, Scheduler
from interval_scheduler.execution import blocked
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
#: So long that no pause of the machine keeps the thread from renewing it in time.
LEASE = 8.0


class Block:
    """A scheduler in a thread, whose runs block their event loop until they are let go on."""

    def __init__(self, scheduler: BlockingScheduler, lease: float) -> None:
        self.scheduler = scheduler
        self.lease = lease
        self.began = threading.Event()
        self.goes_on = threading.Event()
        self.beside = threading.Event()
        self.started: list[str] = []
        self.ended: list[str] = []

    async def execute(self, data: str) -> None:
        self.started.append(data)
        if data == "block":
            self.began.set()
            self.goes_on.wait(120)
        elif data == "beside":
            self.beside.set()
            while not self.goes_on.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.01)  # the event loop is blocked in between
            await asyncio.sleep(0.2)  # time for whoever cuts runs short
        self.ended.append(data)


@pytest.fixture
def block(request: pytest.FixtureRequest, redis_server: RedisServer, namespace: str) -> Iterator[Block]:
    lease: float = getattr(request, "param", LEASE)
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace, lease_seconds=lease) as scheduler:
        made = Block(scheduler, lease)
        scheduler.start_task_execute(made.execute)
        try:
            yield made
        finally:
            made.goes_on.set()


def last_deadline(server: RedisServer, namespace: str) -> float:
    """Until when the last lease is held, in epoch seconds."""
    with server.client() as client:
        (key,) = client.keys(f"{{{namespace}:*}}:leased")
        ((_, deadline),) = client.zrange(key, -1, -1, withscores=True)
    return float(deadline) / 1000


async def leases_held(scheduler: Scheduler) -> int:
    return len([task async for task in scheduler.tasks(state="leased")])


async def test_a_run_that_blocks_for_many_leases_is_one_run(
    block: Block, redis_server: RedisServer, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Two others look for work meanwhile; a run beside it keeps its lease too; none is charged."""
    recorder = Recorder()
    options: dict[str, Any] = {"namespace": namespace, "lease_seconds": LEASE, "check_tasks_every_seconds": 0.1}
    with caplog.at_level(logging.WARNING):
        async with (
            Scheduler.from_url(redis_server.url, **options) as one,
            Scheduler.from_url(redis_server.url, **options) as other,
        ):
            await one.assign_task(IntervalTask("beside", "beside"))
            await asyncio.to_thread(block.beside.wait, 60)
            await one.assign_task(IntervalTask("block", "block"))
            await asyncio.to_thread(block.began.wait, 60)
            for scheduler in (one, other):
                await scheduler.start_task_execute(recorder)
            began = time.time()
            await until(lambda: last_deadline(redis_server, namespace) > began + 2.5 * LEASE, 60)
            assert await leases_held(one) == 2
            block.goes_on.set()
            await until(lambda: sorted(block.ended) == ["beside", "block"])

            async def is_empty() -> bool:
                return await one.task_size() == 0

            await until(is_empty)
            assert recorder.runs == []
            assert block.started == ["beside", "block"], "once each"
            assert [task async for task in one.dead_tasks()] == []
    # The event loop of this test may be blocked as well, by the machine.
    (told,) = [each for each in caplog.messages if "the event loop is blocked" in each and "execute (" in each]
    assert "test_blocked.py" in told
    assert any("the event loop was blocked for" in message for message in caplog.messages)


async def test_what_ended_just_before_does_not_run_again(
    block: Block, redis_server: RedisServer, namespace: str
) -> None:
    """Redis has not heard of its end, since the event loop is blocked."""
    recorder = Recorder()
    await asyncio.to_thread(block.scheduler.pause)
    async with Scheduler.from_url(
        redis_server.url, namespace=namespace, lease_seconds=LEASE, check_tasks_every_seconds=0.1
    ) as heir:
        await heir.assign_tasks([*(IntervalTask(f"a{n}", "quick") for n in range(5)), IntervalTask("block", "block")])
        await heir.resume()  # all are claimed at once
        await asyncio.to_thread(block.began.wait, 60)
        assert block.ended == ["quick"] * 5
        await heir.start_task_execute(recorder)
        began = time.time()
        await until(lambda: last_deadline(redis_server, namespace) > began + 2 * LEASE, 60)
        block.goes_on.set()

        async def is_empty() -> bool:
            return await heir.task_size() == 0

        await until(is_empty)
        assert recorder.runs == []


@pytest.mark.parametrize("block", [0.6], indirect=True)
async def test_a_process_that_never_goes_on_keeps_its_tasks_for_some_leases_only(
    block: Block,
    redis_server: RedisServer,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(blocked, "MOST_LEASES", 3)
    recorder = Recorder()
    async with Scheduler.from_url(
        redis_server.url, namespace=namespace, lease_seconds=block.lease, check_tasks_every_seconds=0.1
    ) as heir:
        await heir.assign_task(IntervalTask("block", "block"))
        await asyncio.to_thread(block.began.wait, 60)
        await heir.start_task_execute(recorder)
        await recorder.ran(1)
        await until(lambda: any("are renewed no more" in message for message in caplog.messages))


async def test_the_thread_ends_with_the_execution(block: Block) -> None:
    def threads() -> int:
        return sum(thread.name == "interval_scheduler renewals" for thread in threading.enumerate())

    before = threads()
    assert before >= 1
    await asyncio.to_thread(block.scheduler.stop_task_execute)
    await until(lambda: threads() == before - 1)

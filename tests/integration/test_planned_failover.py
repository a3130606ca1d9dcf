"""A failover that somebody asks for: the old primary is well, and all that it confirms from then on is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from interval_scheduler import IntervalTask, RedisInstance, Scheduler, StorageOptions
from interval_scheduler.storage.connection.sentinels import Sentinels, concerns
from tests.sentinels import SERVICE, SentinelServer, Watched, wait_for
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

FAR = time.time() + 1e6


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with Watched() as started:
        yield started


class Writer:
    """Assigns tasks one by one, and keeps what was confirmed and what was raised."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.confirmed: dict[str, float] = {}
        self.errors: list[Exception] = []

    async def write(self) -> None:
        for number in range(1_000_000):
            try:
                await self._scheduler.assign_task(IntervalTask(f"w{number}", start=FAR))
                self.confirmed[f"w{number}"] = time.monotonic()
            except Exception as error:  # noqa: BLE001 - each is told below
                self.errors.append(error)
            await asyncio.sleep(0.002)  # a pace at which a second has some hundred writes


@contextlib.asynccontextmanager
async def writing(watched: Watched, namespace: str) -> AsyncIterator[tuple[Scheduler, Writer]]:
    async with Scheduler.from_url(watched.url, namespace=namespace, operation_timeout_seconds=60) as scheduler:
        writer = Writer(scheduler)
        task = asyncio.create_task(writer.write())
        await until(lambda: len(writer.confirmed) > 50)
        try:
            yield scheduler, writer
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_nothing_that_was_confirmed_is_lost(watched: Watched, namespace: str) -> None:
    old = watched.primary()
    recorder = Recorder()
    async with writing(watched, namespace) as (scheduler, writer):
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("often", every=0.1))
        await asyncio.to_thread(watched.fail_over)
        await until(lambda: asyncio.to_thread(lambda: watched.primary() is not old), 120)
        named = time.monotonic()
        await until(lambda: max(writer.confirmed.values()) > named + 2)
        # The old one takes writes even now, or was told just before: the writer left it by itself.
        confirmed = dict(writer.confirmed)
        async with Scheduler.from_url(watched.url, namespace=namespace) as other:  # which knows the new one only
            kept = {task.id async for task in other.tasks(prefix="w")}
        lost = sorted(at - named for task_id, at in confirmed.items() if task_id not in kept)
        assert not writer.errors
        assert not lost
        runs = len(recorder.runs)
        await recorder.ran(runs + 3)
    await asyncio.to_thread(watched.settle)


async def test_a_sentinel_that_was_away_is_not_believed_while_another_answers(watched: Watched) -> None:
    """One alone, which knows of no failover, calls a replica the primary."""
    if not watched.failovers():  # no test before this one has made one
        watched.settle()
        watched.fail_over()
        wait_for(lambda: watched.failovers() >= 1, "there was a failover")
    watched.settle()
    replica = watched.replicas()[0]
    with SentinelServer(replica.port, quorum=2) as alone:
        first, *rest = watched.sentinels
        nodes = [first.node, alone.node, *(each.node for each in rest)]
        # A Sentinel that writes to a busy disk answers late, and one that does not answer is as one that is away.
        patient = StorageOptions(connect_timeout_seconds=120)
        asked = Sentinels(RedisInstance(sentinels=nodes, service=SERVICE), patient, logging.getLogger())
        primary = ("127.0.0.1", watched.primary().port)
        assert await asked.locate(0) == primary
        first.kill()
        try:
            assert await asked.locate(0) == primary
        finally:
            first.start()


async def test_a_failover_that_comes_to_nothing_holds_up_for_some_seconds_only(
    watched: Watched, namespace: str
) -> None:
    watched.settle()
    for sentinel in watched.sentinels:
        sentinel.ask("SET", SERVICE, "failover-timeout", "30000")
    old, replicas = watched.primary(), watched.replicas()
    async with writing(watched, namespace) as (_, writer):
        for replica in replicas:
            replica.freeze()
        try:
            await asyncio.to_thread(watched.fail_over)
            await until(lambda: asyncio.to_thread(_is_held, writer), 120)
            before = len(writer.confirmed)
            held_from = time.monotonic()
            await until(lambda: len(writer.confirmed) > before + 50)
            # The Sentinels give up after thirty seconds; nobody waits for as long.
            assert time.monotonic() - held_from < 15
            assert watched.primary() is old
            assert not writer.errors
        finally:
            for replica in replicas:
                replica.thaw()


def _is_held(writer: Writer) -> bool:
    """Nothing is confirmed for a while."""
    before = len(writer.confirmed)
    time.sleep(0.3)  # that nothing comes has no event
    return len(writer.confirmed) == before


@pytest.mark.parametrize(
    ("channel", "text", "expected"),
    [
        ("+failover-state-send-slaveof-noone", "slave 127.0.0.1:2 127.0.0.1 2 @ main 127.0.0.1 1", True),
        ("+failover-state-send-slaveof-noone", "slave main 127.0.0.1 2 @ other 127.0.0.1 1", False),
        ("+failover-state-reconf-slaves", "master main 127.0.0.1 1", True),
        ("+failover-state-reconf-slaves", "master other main 1", False),
        ("-failover-abort-slave-timeout", "master main 127.0.0.1 1", True),
        ("+switch-master", "main 127.0.0.1 1 127.0.0.1 2", True),
        ("+switch-master", "other main 1 127.0.0.1 2", False),
        ("+switch-master", "", False),
        ("+failover-state-send-slaveof-noone", "", False),
        ("", "", False),
    ],
)
async def test_a_message_concerns_its_service(channel: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert concerns(channel, text, "main") is expected

"""Counts and cards while processes are killed, partitions are away and replies get lost."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.model.cards import GONE_SECONDS
from interval_scheduler.services.heartbeat import BEAT_SECONDS
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.proxy import Proxy, nth
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


async def runs_of(scheduler: Scheduler) -> int:
    return (await scheduler.statistics(time.time() - 3600)).total.runs


async def test_counts_against_a_ledger(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Of workers that are killed, at most what they ended in the last seconds is not counted; nothing is twice."""
    rounds = often(3, 12)
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": 1.5, "concurrency": 20, "check_tasks_every_seconds": 0.5}
    killed: dict[int, float] = {}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(60)])
        with Worker(redis_server.url, namespace, ledger, "sleep:0.005", **options) as survivor:
            for _ in range(rounds):
                with Worker(redis_server.url, namespace, ledger, "sleep:0.005", **options) as victim:
                    await asyncio.sleep(random.uniform(0.5, 4))  # a random moment of the worker's life is the point
                    killed[victim.pid] = time.time()
                    victim.kill()
            assert survivor.terminate() == 0
        entries = [entry for entry in read_ledger(ledger) if entry.event == "end"]
        counted = await runs_of(scheduler)
        with redis_server.client() as client:
            check_key_space(client, namespace)
    # A report that is late, as this machine may be, tells less.
    slack = BEAT_SECONDS + 2
    untold = [e for e in entries if e.pid in killed and e.moment > killed[e.pid] - slack]
    assert len(entries) - len(untold) <= counted <= len(entries), "a run was counted twice, or one too many is lost"
    of_survivor = sum(entry.pid == survivor.pid for entry in entries)
    assert of_survivor > 0
    assert counted >= of_survivor


async def test_a_killed_scheduler_is_gone_within_15_seconds(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:

        async def pids() -> set[int]:
            return {card.pid for card in await scheduler.schedulers()}

        with (
            Worker(redis_server.url, namespace, ledger, "sleep:0.01") as victim,
            Worker(redis_server.url, namespace, ledger, "sleep:0.01") as survivor,
        ):

            async def is_seen() -> bool:
                return {victim.pid, survivor.pid} <= await pids()

            await until(is_seen)
            victim.kill()
            began = time.monotonic()

            async def is_gone() -> bool:
                return victim.pid not in await pids()

            await until(is_gone, GONE_SECONDS + 5)
            assert time.monotonic() - began <= GONE_SECONDS + 1
            assert survivor.pid in await pids()
            assert survivor.terminate() == 0
            assert survivor.pid not in await pids(), "one that closed is gone at once"


async def test_a_report_whose_reply_is_lost_is_added_once(redis_server: RedisServer, namespace: str) -> None:
    """The replies are thrown away, one after the other, and at last each that comes for some time."""
    with redis_server.client() as client:
        client.script_load(scripts.REPORT.text)
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(f"{proxy.url}?name=here", namespace=namespace, operation_timeout_seconds=0.5) as scheduler,
        Scheduler.from_url(f"{redis_server.url}?name=here", namespace=namespace) as outside,
    ):
        recorder = Recorder()
        for n in range(often(3, 20)):
            proxy.dropped = 0
            await scheduler.assign_tasks([IntervalTask(f"{n} {k}") for k in range(10)])
            await scheduler.start_task_execute(recorder)
            await recorder.ran(10 * n + 10)
            proxy.drop_reply = nth(scripts.REPORT.sha.encode(), n % 2)
            await scheduler.stop_task_execute()
            await until(lambda n=n: _is(outside, 10 * n + 10), 15)  # type: ignore[misc]
    with redis_server.client() as client:
        check_key_space(client, namespace)


async def _is(scheduler: Scheduler, runs: int) -> bool:
    try:
        found = await runs_of(scheduler)
    except PartitionOffline:
        return False
    assert found <= runs, "a report was added twice"
    return found == runs


async def test_what_cannot_be_reported_goes_with_a_later_report(own_server: object, namespace: str) -> None:
    """Redis stands still for longer than a report is tried: the counts of runs before and after arrive, once."""
    server: RedisServer = own_server()  # type: ignore[operator]
    async with Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=0.5, reconnect_interval_seconds=0.1
    ) as scheduler:
        recorder = Recorder()
        await scheduler.start_task_execute(recorder)
        for n in range(2):
            await scheduler.assign_tasks([IntervalTask(f"{n} {k}") for k in range(10)])
            await recorder.ran(10 * n + 10)
            server.freeze()
            await scheduler._core.heartbeat.report(1)  # nobody answers
            server.thaw()
            await until(lambda: scheduler.online)
        await scheduler.stop_task_execute()
        await until(lambda: _is(scheduler, 20), BEAT_SECONDS + 15)


async def test_a_partition_that_is_away_is_named(own_server: object, namespace: str) -> None:
    servers: list[RedisServer] = [own_server() for _ in range(2)]  # type: ignore[operator]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(
        *urls, namespace=namespace, operation_timeout_seconds=1, reconnect_interval_seconds=0.1
    ) as scheduler:
        recorder = Recorder()
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(40)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        await scheduler.stop_task_execute()
        assert await runs_of(scheduler) == 40
        names = [partition.name for partition in scheduler._lifespan.require().partitions.all]
        servers[1].stop()
        await until(lambda: scheduler._lifespan.require().partitions.all[1].state == "offline")
        began = time.monotonic()
        series = await scheduler.statistics(time.time() - 60)
        [card] = await scheduler.schedulers()
        assert time.monotonic() - began < 1
        assert (series.missing, 0 < series.total.runs < 40) == ((names[1],), True)
        assert names[0] in card.partitions
        servers[0].stop()
        await until(lambda: not scheduler.online)
        for look in (scheduler.schedulers(), scheduler.statistics(time.time() - 60)):
            with pytest.raises(PartitionOffline):
                await look


async def test_watching_goes_on_after_a_restart(own_server: object, namespace: str) -> None:
    """Replies to the telling of runs are lost, and the server restarts: they are told again, from then on."""
    server: RedisServer = own_server(appendonly="yes")  # type: ignore[operator]
    async with Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=1, reconnect_interval_seconds=0.1
    ) as scheduler:
        await scheduler.start_task_execute(Recorder())
        await scheduler.assign_task(IntervalTask("a", every=0.05))
        runs = scheduler.tail()
        try:
            async with asyncio.timeout(30):
                first = await anext(runs)
                server.stop()
                server.start()
                while (await anext(runs)).ended <= first.ended + 2:
                    pass
        finally:
            await runs.aclose()

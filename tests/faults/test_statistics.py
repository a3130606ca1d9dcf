"""Counts and cards while processes are killed, partitions are away and replies get lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.model.cards import GONE_SECONDS
from interval_scheduler.services.heartbeat import BEAT_SECONDS
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell, unless_full
from tests.faults.killing import Fleet
from tests.integration.processes import check_key_space, read_ledger
from tests.proxy import Proxy, nth
from tests.servers import RedisServer
from tests.waiting import Recorder, surely, until

pytestmark = pytest.mark.asyncio


async def runs_of(scheduler: Scheduler) -> int:
    return (await scheduler.statistics(time.time() - 3600)).total.runs


class Watch:
    """Looks at the cards all the time: until when each process was listed, by a moment before the answer."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.listed: dict[int, float] = {}

    async def look(self) -> set[int]:
        began = time.time()
        pids = {card.pid for card in await self._scheduler.schedulers()}
        self.listed |= dict.fromkeys(pids, began)
        return pids

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(0.1)  # what is looked for takes seconds


async def test_counts_against_a_ledger(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Of workers that are killed, at most what they ended in the last seconds is not counted; nothing is twice."""
    seconds, lanes, longest = often(6, 60), often(2, 3), often(6, 14)
    last = BEAT_SECONDS + 0.5 + unless_full(1)  # a report takes a moment, and may be late
    ledger, killed = tmp_path / "ledger", dict[int, float]()
    fleet = Fleet(redis_server.url, namespace, ledger, lease_seconds=5, concurrency=20, check_tasks_every_seconds=0.5)

    async def lose_workers() -> None:
        while time.monotonic() < end:
            async with fleet.worker("sleep:0.002") as victim:
                await fleet.kill_soon(victim, longest)
                killed[victim.pid] = time.time()  # it can have reported until now

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        watch = Watch(scheduler)
        watching = asyncio.create_task(watch.run())
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(100)])
        async with fleet.worker("sleep:0.002") as survivor:
            end = time.monotonic() + seconds
            await asyncio.gather(*(lose_workers() for _ in range(lanes)))

            async def only_the_survivor_is_left() -> bool:
                return killed.keys() & await watch.look() == set()

            await until(only_the_survivor_is_left, 60)
            assert survivor.pid in await watch.look()
            await fleet.end(survivor)
            assert survivor.pid not in await watch.look(), "one that closed is gone at once"
        watching.cancel()
        await asyncio.wait([watching])
        total = (await scheduler.statistics(time.time() - 3600)).total
        with redis_server.client() as client:
            check_key_space(client, namespace)
    entries = [entry for entry in read_ledger(ledger) if entry.event == "end"]
    missing = len(entries) - total.runs
    untold = sum(entry.pid in killed and entry.moment > killed[entry.pid] - last for entry in entries)
    listed = max(watch.listed.get(pid, moment) - moment for pid, moment in killed.items())
    assert any(pid in watch.listed for pid in killed), "some lived long enough to be on the list"
    tell(
        "statistics",
        f"workers are killed (SIGKILL) for {seconds} s, {lanes} at a time, beside one that goes on; each run notes "
        "itself outside of Redis",
        count=f"{len(killed)} kills, {len(entries):,} runs",
        expected="counted twice 0; not counted at most lost leases, and what the killed ended in their last "
        f"{last:g} s; each is off the list of schedulers within {GONE_SECONDS} s",
        figure=f"counted twice {max(0, -missing)}; not counted {missing:,}, where the killed ended {untold:,} in that "
        f"time; lost leases {total.lost_leases}; off the list {listed:.1f} s after the kill at the latest",
        holds=0 <= missing <= untold + total.lost_leases and listed <= GONE_SECONDS,
    )


async def test_a_report_whose_reply_is_lost_is_added_once(redis_server: RedisServer, namespace: str) -> None:
    """The replies are thrown away, one after the other, and at last each that comes for some time."""
    with redis_server.client() as client:
        client.script_load(scripts.REPORT.text)
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(redis_server.port))
        scheduler = Scheduler.from_url(f"{proxy.url}?name=here", namespace=namespace, operation_timeout_seconds=0.5)
        await surely(scheduler.start_task_accept)
        await stack.enter_async_context(scheduler)
        outside = await stack.enter_async_context(
            Scheduler.from_url(f"{redis_server.url}?name=here", namespace=namespace)
        )
        recorder = Recorder()
        for n in range(often(3, 20)):
            proxy.dropped = 0
            await outside.assign_tasks([IntervalTask(f"{n} {k}") for k in range(10)])
            await surely(lambda: scheduler.start_task_execute(recorder))
            await recorder.ran(10 * n + 10)
            proxy.drop_reply = nth(scripts.REPORT.sha.encode(), n % 2)
            await scheduler.stop_task_execute()
            await until(lambda n=n: _is(outside, 10 * n + 10))  # type: ignore[misc]
    with redis_server.client() as client:
        check_key_space(client, namespace)


async def _is(scheduler: Scheduler, runs: int) -> bool:
    try:
        found = await runs_of(scheduler)
    except PartitionOffline:  # it cannot be told yet
        return False
    assert found <= runs, "a report was added twice"
    return found == runs


async def test_what_cannot_be_reported_goes_with_a_later_report(own_server: object, namespace: str) -> None:
    """Redis stands still for longer than a report is tried: the counts of runs before and after arrive, once."""
    server: RedisServer = own_server()  # type: ignore[operator]
    scheduler = Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=0.5, reconnect_interval_seconds=0.1
    )
    await surely(scheduler.start_task_accept)
    async with scheduler, Scheduler.from_url(server.url, namespace=namespace) as outside:
        recorder = Recorder()
        await scheduler.start_task_execute(recorder)
        for n in range(2):
            await outside.assign_tasks([IntervalTask(f"{n} {k}") for k in range(10)])
            await recorder.ran(10 * n + 10)
            server.freeze()
            await scheduler._core.heartbeat.report(1)  # nobody answers
            server.thaw()
            await until(lambda: scheduler.online)
        await scheduler.stop_task_execute()
        await until(lambda: _is(outside, 20), BEAT_SECONDS + 60)


async def test_a_partition_that_is_away_is_named(own_server: object, namespace: str) -> None:
    servers: list[RedisServer] = [own_server() for _ in range(2)]  # type: ignore[operator]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(
        *urls, namespace=namespace, operation_timeout_seconds=60, reconnect_interval_seconds=0.1
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
        assert time.monotonic() - began < 30, "they do not wait for it"
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
    scheduler = Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=1, reconnect_interval_seconds=0.1
    )
    await surely(scheduler.start_task_accept)
    async with scheduler:
        await scheduler.start_task_execute(Recorder())
        await surely(lambda: scheduler.assign_task(IntervalTask("a", every=0.05)))
        runs = scheduler.tail()
        try:
            async with asyncio.timeout(60):
                first = await anext(runs)
                server.stop()
                server.start()
                while (await anext(runs)).ended <= first.ended + 2:
                    pass
        finally:
            await runs.aclose()

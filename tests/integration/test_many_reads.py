"""Any number of reads beside a worker: its runs start on time, no lease is lost, and nobody is told a lie."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, Scheduler, current_run
from interval_scheduler.storage.connection.link import places
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

# How its own calls take turns is a matter of the client.
pytestmark = [pytest.mark.asyncio, pytest.mark.any_server]

NewServer = Callable[..., RedisServer]
FAR: Final = time.time() + 1e6
_EVERY: Final = 0.25
_SECONDS: Final = 4.0


async def _walk(scheduler: Scheduler) -> None:
    async for _ in scheduler.tasks(prefix="u"):
        pass


async def _walk_dead(scheduler: Scheduler) -> None:
    async for _ in scheduler.dead_tasks():
        pass


READS: Final[dict[str, Callable[[Scheduler], Awaitable[object]]]] = {
    "task_size": lambda scheduler: scheduler.task_size(),
    "queue_size": lambda scheduler: scheduler.queue_size(),
    "get_task": lambda scheduler: scheduler.get_task("u1"),
    "tasks": _walk,
    "dead_tasks": _walk_dead,
    "check_health": lambda scheduler: scheduler.check_health(),
    "audit": lambda scheduler: scheduler.audit(),
}


class Worker:
    """A task that runs often, and one that lasts until its lease is renewed."""

    def __init__(self) -> None:
        self.ticks = 0
        self.long_runs: list[int] = []
        self.is_renewed = False
        self.beats = 0

    async def beat(self) -> None:
        """Count what the event loop itself does as often as a run is due: it shares the CPU with other tests."""
        while True:
            await asyncio.sleep(_EVERY)  # a timer as often as a run is due
            self.beats += 1

    async def __call__(self, data: Any) -> None:
        if data == "long":
            run = current_run()
            self.long_runs.append(run.attempt)
            trusted_until = run.trusted_until
            await until(lambda: run.trusted_until > trusted_until)
            self.is_renewed = True
        else:
            self.ticks += 1


@pytest.mark.parametrize(("read", "connections"), [*((name, 4) for name in READS), ("tasks", 16)])
async def test_loops_of_reads_do_not_hold_up_the_runs(
    redis_server: RedisServer, namespace: str, read: str, connections: int
) -> None:
    worker = Worker()
    offline: list[object] = []
    async with Scheduler.from_url(
        redis_server.url,
        namespace=namespace,
        lease_seconds=10,
        lease_renewal_seconds=1,
        operation_timeout_seconds=20,
        max_connections=connections,
    ) as scheduler:
        scheduler.on("db-disconnect", offline.append)
        await scheduler.assign_tasks([IntervalTask(f"u{n}", "x" * 200, start=FAR) for n in range(100)])
        await scheduler.start_task_execute(worker)
        await scheduler.assign_task(IntervalTask("long", "long"))
        await scheduler.assign_task(IntervalTask("tick", every=_EVERY))
        end = time.monotonic() + _SECONDS

        async def loop() -> None:
            while time.monotonic() < end or (not worker.is_renewed and time.monotonic() < end + 60):
                await READS[read](scheduler)

        beating = asyncio.create_task(worker.beat())
        # Enough to want all places at any time, and few enough that the event loop is never busy for long with them.
        await asyncio.gather(*[loop() for _ in range(60)])
        beating.cancel()
        assert worker.ticks >= 0.5 * worker.beats - 1
        assert (worker.long_runs, worker.is_renewed) == ([1], True)
        assert not offline


async def test_very_many_counts_at_once_are_few_requests(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    offline: list[object] = []
    # A report would be one request more.
    async with Scheduler.from_url(server.url, namespace=namespace, statistics=False) as scheduler:
        scheduler.on("db-disconnect", offline.append)
        await scheduler.assign_task(IntervalTask("t", start=FAR))
        with server.client() as client:
            before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            assert await asyncio.gather(*[scheduler.task_size() for _ in range(20_000)]) == [1] * 20_000
            asked = client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
        assert asked <= 20_000 / 500 + 1
        assert not offline


async def test_all_partitions_are_counted_at_once(own_server: NewServer, namespace: str) -> None:
    async with (
        Proxy(own_server().port) as first,
        Proxy(own_server().port) as second,
        Scheduler.from_url(first.url, second.url, namespace=namespace, statistics=False) as scheduler,
    ):
        passing = asyncio.Event()
        for proxy in (first, second):
            proxy.hold(b"EVALSHA", passing)
        counting = asyncio.create_task(scheduler.queue_size())
        await until(lambda: first.held == 1 and second.held == 1)
        passing.set()
        assert await counting == 0


async def test_waiting_for_ones_turn_takes_no_partition_offline(redis_server: RedisServer, namespace: str) -> None:
    """Each of the calls waits for longer than a server may be silent."""
    offline: list[object] = []
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(proxy.url, namespace=namespace, operation_timeout_seconds=4, max_connections=4) as scheduler,
    ):
        scheduler.on("db-disconnect", offline.append)
        proxy.delay = lambda: 0.05
        began = time.monotonic()
        await asyncio.gather(*[_walk_dead(scheduler) for _ in range(60)])
        assert time.monotonic() - began > 4
        assert not offline


@pytest.mark.parametrize("call", [_walk_dead, Scheduler.pause], ids=["a read", "a change"])
async def test_whoever_waits_learns_that_the_partition_is_gone(
    own_server: NewServer, namespace: str, call: Callable[[Scheduler], Awaitable[None]]
) -> None:
    server = own_server()
    async with Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=0.5, max_connections=4
    ) as scheduler:
        server.freeze()
        try:
            began = time.monotonic()
            results = await asyncio.gather(*[call(scheduler) for _ in range(50)], return_exceptions=True)
            # Of a change, the one that was sent may have been carried out.
            assert {type(result) for result in results} <= {PartitionOffline, OutcomeUnknown}
            assert sum(type(result) is PartitionOffline for result in results) >= 49
            # One after the other, they would take 25 s.
            assert time.monotonic() - began < 15
        finally:
            server.thaw()


@pytest.mark.parametrize(("connections", "expected"), [(4, 1), (5, 2), (8, 5), (16, 12), (100, 75)])
async def test_the_gate_leaves_connections_to_others(connections: int, expected: int) -> None:
    assert places(connections) == expected

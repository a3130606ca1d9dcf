"""What counts as a lost lease, since the task may have run twice, and what does not: its task was taken away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler, TaskRun
from tests.faults.skewed import SkewedClock
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
#: The patience with a machine that has much else to do.
DEADLINE_SECONDS = 60


async def _remove(scheduler: Scheduler) -> None:
    assert await scheduler.remove_task("a")


async def _clear(scheduler: Scheduler) -> None:
    assert await scheduler.clear_all_tasks() == 1


async def _replace(scheduler: Scheduler) -> None:
    assert await scheduler.remove_task("a")
    assert await scheduler.assign_task(IntervalTask("a", every=HOUR, start=2e9))


async def _restore(scheduler: Scheduler) -> None:
    lines = [line async for line in scheduler.export()]
    await scheduler.restore(lines, "replace")


def _counted(scheduler: Scheduler) -> tuple[int, int]:
    """The lost leases, and the runs whose task was gone."""
    [partition] = scheduler.counts().partitions
    return partition.lost_leases, partition.gone


@pytest.mark.parametrize("take", [_remove, _clear, _replace, _restore])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_task_that_is_taken_away_during_its_run_lost_no_lease(
    make_scheduler: MakeScheduler, take: Callable[[Scheduler], Awaitable[None]], *, fails: bool
) -> None:
    scheduler, other = await make_scheduler(lease_seconds=DEADLINE_SECONDS), await make_scheduler()
    begun, over = asyncio.Event(), asyncio.Event()

    async def work(_: str) -> None:
        begun.set()
        await over.wait()
        if fails:
            raise RuntimeError("it does not work")

    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await scheduler.start_task_execute(work)
    await asyncio.wait_for(begun.wait(), DEADLINE_SECONDS)
    await take(other)
    over.set()
    await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
    await scheduler.stop_task_execute()
    assert _counted(scheduler) == (0, 1)

    async def is_reported() -> bool:
        total = (await scheduler.statistics(time.time() - 600)).total
        return (total.lost_leases, total.gone) == (0, 1)

    await until(is_reported)


async def test_a_long_run_of_a_removed_task_lost_no_lease(make_scheduler: MakeScheduler) -> None:
    scheduler, recorder = await make_scheduler(lease_seconds=20, lease_renewal_seconds=0.5), Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await _remove(scheduler)
    await until(lambda: recorder.runs[0].trusted_until == math.inf, DEADLINE_SECONDS)
    recorder.gate.set()
    await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
    assert _counted(scheduler) == (0, 1)


async def test_a_run_that_is_cancelled_since_its_task_was_replaced_lost_no_lease(make_scheduler: MakeScheduler) -> None:
    scheduler, recorder = await make_scheduler(lease_seconds=20, lease_renewal_seconds=0.5), Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await _replace(scheduler)
    await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
    assert recorder.runs[0].lost
    assert _counted(scheduler) == (0, 1)


async def test_a_batch_of_which_a_task_was_replaced_lost_no_lease(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(lease_seconds=20, lease_renewal_seconds=0.5)
    begun: list[TaskRun] = []
    over = asyncio.Event()

    async def many(runs: list[TaskRun]) -> None:
        begun.extend(runs)
        await over.wait()

    await scheduler.assign_tasks([IntervalTask(name, every=HOUR) for name in "ab"])
    await scheduler.start_task_execute(many, batch=10)
    await until(lambda: len(begun) == 2, DEADLINE_SECONDS)
    await _replace(scheduler)
    (replaced,) = (run for run in begun if run.id == "a")
    await until(lambda: replaced.lost, DEADLINE_SECONDS)
    over.set()
    await until(lambda: scheduler.counts().partitions[0].runs == 2, DEADLINE_SECONDS)
    assert _counted(scheduler) == (0, 1)


async def test_a_lease_that_was_not_renewed_in_time_is_lost(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server, recorder = own_server(), Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(
        server.url, namespace=namespace, lease_seconds=1, operation_timeout_seconds=DEADLINE_SECONDS
    ) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        server.freeze()
        await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
        server.thaw()
        assert _counted(scheduler) == (1, 0)


async def test_what_a_server_refuses_that_was_away_is_lost(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    """It may be another one, which lacks the claim: then the task may have run twice, within its lease."""
    server, recorder = own_server(appendonly="yes", appendfsync="always"), Recorder()
    recorder.gate.clear()
    away, back = asyncio.Event(), asyncio.Event()
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=10 * DEADLINE_SECONDS) as scheduler:
        scheduler.on("db-disconnect", lambda _: away.set())
        scheduler.on("db-reconnect", lambda _: back.set())
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        server.kill()
        await asyncio.wait_for(away.wait(), DEADLINE_SECONDS)
        server.start()
        await asyncio.wait_for(back.wait(), DEADLINE_SECONDS)
        await _remove(scheduler)
        recorder.gate.set()
        await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
        assert _counted(scheduler) == (1, 0)


async def test_what_is_refused_after_a_lost_connection_is_lost(redis_server: RedisServer, namespace: str) -> None:
    """Another server may be behind the address by then, though the partition was never offline."""
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, lease_seconds=DEADLINE_SECONDS) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        with redis_server.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await _remove(scheduler)
        recorder.gate.set()
        await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
        assert _counted(scheduler) == (1, 0)


async def test_what_another_run_has_after_a_jump_of_the_clock_is_lost(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path
) -> None:
    assert SkewedClock.is_possible(), "the tests need a C compiler"
    clock, recorder, jumps = SkewedClock(tmp_path), Recorder(), asyncio.Event()
    server = own_server(environment=clock.environment)
    recorder.gate.clear()
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=DEADLINE_SECONDS) as scheduler:
        scheduler.on("clock-jump", lambda *_: jumps.set())
        await scheduler.assign_task(IntervalTask("a", every=1000 * HOUR))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        clock.set(HOUR)
        await scheduler.assign_task(IntervalTask("new", start=2e9))  # something new makes a scheduler look
        await asyncio.wait_for(jumps.wait(), DEADLINE_SECONDS)
        await recorder.ran(2)
        recorder.gate.set()
        await until(lambda: sum(_counted(scheduler)), DEADLINE_SECONDS)
        assert _counted(scheduler) == (1, 0)

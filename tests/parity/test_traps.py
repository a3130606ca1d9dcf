"""The traps of the npm original: one test each of what happens here instead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidValue, PartitionOffline, Scheduler
from interval_scheduler.storage.scripts.keys import Keys
from tests.parity.processes import Program
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]

#: Claims the one-shot, says so, and hangs: it is then killed.
DYING_WORKER = """
import asyncio, sys
from interval_scheduler import Scheduler

async def executor(data):
    print(data, flush=True)
    await asyncio.Event().wait()

async def main():
    async with Scheduler.from_url(sys.argv[1], namespace=sys.argv[2], lease_seconds=5) as scheduler:
        await scheduler.start_task_execute(executor)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def script_calls(server: RedisServer) -> int:
    """How many scripts the server was asked to run so far."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))


async def test_removed_tasks_leave_no_ghosts(redis_server: RedisServer, namespace: str) -> None:
    # There, each removed task cost a poll that found nothing, and its sleep.
    keys = Keys(namespace, f"127.0.0.1:{redis_server.port}/0")
    recorder = Recorder()
    # One that slept for nothing would sleep for an hour.
    async with Scheduler.from_url(redis_server.url, namespace=namespace, check_tasks_every_seconds=3600) as scheduler:
        soon = time.time() + 0.2
        await scheduler.assign_tasks([IntervalTask(f"ghost:{n}", every=60, start=soon) for n in range(1_000)])
        assert await scheduler.remove_tasks([f"ghost:{n}" for n in range(1_000)]) == 1_000
        with redis_server.client() as client:
            left = client.exists(keys.due, keys.tasks, keys.leased, keys.leases, keys.attempts, keys.dead)
            assert left == 0, "nothing of them is left to be polled for"
        await scheduler.assign_task(IntervalTask("real", "data", start=soon))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
    assert recorder.data == ["data"]


async def test_an_interval_below_the_rounding_grid_is_refused(make_scheduler: MakeScheduler) -> None:
    # There, it became 0 and the task ran for ever.
    scheduler = await make_scheduler(task_interval_seconds=1)
    with pytest.raises(InvalidValue, match=r"below the rounding grid"):
        await scheduler.assign_task(IntervalTask("a", every=0.5))
    assert await scheduler.task_size() == 0
    recorder = Recorder()
    await scheduler.assign_task(IntervalTask("b", every=1))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)

    async def later() -> bool:
        found = await scheduler.get_task("b")
        return found is not None and found.next_run >= recorder.runs[0].due + 1

    await until(later)


async def test_an_updated_one_shot_stays_a_one_shot_and_runs(scheduler: Scheduler) -> None:
    # There, its interval became NaN and it never ran.
    start = time.time() + 0.3
    assert await scheduler.assign_task(IntervalTask("a", "first", start=start)) is True
    assert await scheduler.assign_task(IntervalTask("a", "second", start=start)) is False
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.every is None
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert recorder.data == ["second"]

    async def gone() -> bool:
        return await scheduler.task_size() == 0

    await until(gone)


async def test_a_one_shot_becomes_recurring_and_a_recurring_task_a_one_shot(scheduler: Scheduler) -> None:
    # What the NaN came from: the sort of a task changes by an update.
    far = time.time() + 3600
    for every in (None, 60, None):
        await scheduler.assign_task(IntervalTask("a", every=every, start=far))
        found = await scheduler.get_task("a")
        assert found is not None
        assert found.every == every
        assert found.next_run == pytest.approx(far, abs=0.002)


async def test_a_task_reassigned_while_its_partition_is_down_exists_once(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    # There, it was put into another partition, and ran in both.
    servers = [own_server(appendonly="yes", appendfsync="always") for _ in range(2)]
    by_name = {f"127.0.0.1:{server.port}/0": server for server in servers}
    task = IntervalTask("a", every=60, start=time.time() + 3600)

    async def copies(scheduler: Scheduler) -> int:
        held = 0
        for name, server in by_name.items():
            with server.client() as client:
                held += int(client.hexists(Keys(namespace, name).tasks, "a"))
        assert await scheduler.task_size() == held
        return held

    async with Scheduler.from_url(
        *(server.url for server in servers), namespace=namespace, reconnect_interval_seconds=0.05
    ) as scheduler:
        await scheduler.assign_task(task)
        found = await scheduler.get_task("a")
        assert found is not None
        back = asyncio.Event()
        gone = asyncio.Event()
        scheduler.on("db-disconnect", lambda name: gone.set())
        scheduler.on("db-reconnect", lambda name: back.set())
        home = by_name[found.partition]
        home.kill()
        await asyncio.wait_for(gone.wait(), 60)
        with pytest.raises(PartitionOffline, match=found.partition):
            await scheduler.assign_task(task)
        home.start()
        await asyncio.wait_for(back.wait(), 60)
        assert await copies(scheduler) == 1
        assert await scheduler.assign_task(task) is False, "it is still there, and updated"
        assert await copies(scheduler) == 1


async def test_a_users_lock_on_an_id_does_not_block_assigning_that_id(scheduler: Scheduler) -> None:
    # There, both used the same key, and assigning failed for up to 24 hours.
    held = await scheduler.try_lock("user:1")
    assert held is not None
    assert await scheduler.assign_task(IntervalTask("user:1")) is True
    assert await scheduler.assign_task(IntervalTask("user:1")) is False
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert await scheduler.unlock(held) is True


async def test_two_databases_of_one_server_are_two_partitions(redis_server: RedisServer, namespace: str) -> None:
    # There, they counted as one instance.
    urls = [redis_server.url_of(db) for db in (4, 5)]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"user:{n}", every=60) for n in range(100)])
        seen = {task.partition async for task in scheduler.tasks()}
        assert seen == {f"127.0.0.1:{redis_server.port}/{db}" for db in (4, 5)}
        assert await scheduler.task_size() == 100
        assert await scheduler.clear_all_tasks() == 100


async def test_many_tasks_share_a_round_trip(own_server: Callable[..., RedisServer], namespace: str) -> None:
    # There, each task cost one or more. A loaded machine makes batches smaller, and the scheduler reports meanwhile.
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace, concurrency=1000) as scheduler:
        tasks = [IntervalTask(f"user:{n}") for n in range(5_000)]
        before = script_calls(server)
        await scheduler.assign_tasks(tasks)
        assert script_calls(server) - before <= 50, "in bulk"

        before = script_calls(server)
        await asyncio.gather(*(scheduler.assign_task(task) for task in tasks))
        assert script_calls(server) - before <= 50, "from concurrent callers"

        before = script_calls(server)
        assert len(await asyncio.gather(*(scheduler.get_task(task.id) for task in tasks))) == 5_000
        assert script_calls(server) - before <= 50, "looking"

        before = script_calls(server)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(5_000)
        await scheduler.stop_task_execute()
        assert script_calls(server) - before <= 500, "claims, completions and all"


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_running_executors_are_bounded(make_scheduler: MakeScheduler, delivery: str) -> None:
    # There, everything due was started at once.
    scheduler = await make_scheduler(concurrency=3, delivery=delivery)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_tasks([IntervalTask(f"user:{n}") for n in range(50)])
    await scheduler.start_task_execute(recorder)
    await recorder.ran(3)
    for _ in range(20):
        await scheduler.queue_size()  # time enough, in round trips, for a fourth
    assert recorder.active == 3
    recorder.gate.set()
    await recorder.ran(50)
    assert recorder.most_active == 3
    assert len({run.id for run in recorder.runs}) == 50


async def test_a_one_shot_claimed_by_a_crashing_worker_runs(redis_server: RedisServer, namespace: str) -> None:
    # There, it was gone with the worker.
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("once", "data"))
        with Program(DYING_WORKER, redis_server.url, namespace) as worker:
            assert await worker.line() == "data"
            worker.kill()
        found = await scheduler.get_task("once")
        assert found is not None
        assert found.state == "leased"
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        run = recorder.runs[0]
        assert (run.data, run.attempt) == ("data", 2)

        async def gone() -> bool:
            return await scheduler.task_size() == 0

        await until(gone)
    assert len(recorder.runs) == 1

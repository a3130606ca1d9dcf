"""The README of the npm original, where servers and processes come and go."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.storage.scripts.keys import Keys
from tests.parity.processes import Program
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

#: Assigns tasks without end, and says so after the first.
ASSIGNER = """
import asyncio, itertools, sys
from interval_scheduler import IntervalTask, Scheduler

async def main():
    async with Scheduler.from_url(sys.argv[1], namespace=sys.argv[2]) as scheduler:
        for batch in itertools.count():
            await scheduler.assign_tasks([IntervalTask(f"{batch}:{n}", "data", every=60) for n in range(700)])
            print(batch, flush=True)

asyncio.run(main())
"""


async def test_several_redis_databases(redis_server: RedisServer, namespace: str) -> None:
    urls = [redis_server.url_of(db) for db in (1, 2, 3)]
    names = [f"127.0.0.1:{redis_server.port}/{db}" for db in (1, 2, 3)]
    recorder = Recorder()
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        counts = await scheduler.assign_tasks(
            IntervalTask(f"user:{number}", str(number), every=3600) for number in range(300)
        )
        assert counts == (300, 0)
        assert await scheduler.task_size() == 300
        held = []
        for db, name in zip((1, 2, 3), names, strict=True):
            with redis_server.client(db) as client:
                held.append(client.hlen(Keys(namespace, name).tasks))
        assert sum(held) == 300
        assert min(held) > 50, "each database has its share"
        for number in (0, 100, 299):
            found = await scheduler.get_task(f"user:{number}")
            assert found is not None
            assert found.partition in names
        await scheduler.start_task_execute(recorder)
        await recorder.ran(300)
        assert sorted(recorder.data, key=int) == [str(number) for number in range(300)]
        assert {run.partition for run in recorder.runs} == set(names)
        assert await scheduler.clear_all_tasks() == 300


async def test_a_scheduler_keeps_no_state_of_its_own(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as first:
        await first.assign_task(IntervalTask("once", "a"))
        await first.assign_task(IntervalTask("often", "b", every=600))
        await first.assign_task(IntervalTask("later", "c", start=time.time() + 3600))
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as second:
        assert await second.task_size() == 3
        await second.start_task_execute(recorder)
        await recorder.ran(2)
    assert sorted(recorder.data) == ["a", "b"]


async def test_after_a_crash_tasks_are_either_set_or_unset(redis_server: RedisServer, namespace: str) -> None:
    with Program(ASSIGNER, redis_server.url, namespace) as program:
        assert [await program.line() for _ in range(3)] == ["0", "1", "2"]
        program.kill()  # in the middle of assigning
    keys = Keys(namespace, f"127.0.0.1:{redis_server.port}/0")
    with redis_server.client() as client:
        # What it had sent before it died is read until its connections are found closed.
        await until(lambda: {each["user"] for each in client.client_list()} == {"default"})
        records = client.hgetall(keys.tasks)
        dues = dict(client.zrange(keys.due, 0, -1, withscores=True))
    assert set(records) == set(dues)
    assert all(record.endswith(b"\ndata") for record in records.values())
    assert len(records) >= 3 * 700, "what was acknowledged is set"
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        assert await scheduler.task_size() == len(records)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(len(records))
        assert {run.id.encode() for run in recorder.runs} == set(records)
        await scheduler.stop_task_execute()
        await scheduler.clear_all_tasks()


class Told:
    """The events of a scheduler, in order."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.events: list[str] = []
        for event in ("online", "offline"):
            scheduler.on(event, lambda event=event: self.events.append(event))
        for of_partition in ("db-disconnect", "db-reconnect"):
            scheduler.on(of_partition, lambda name, event=of_partition: self.events.append(f"{event} {name}"))


async def test_events_when_the_only_server_goes_and_comes_back(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server = own_server()
    name = f"127.0.0.1:{server.port}/0"
    scheduler = Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.05)
    told = Told(scheduler)
    recorder = Recorder()
    async with scheduler:
        assert told.events == ["online"]
        await scheduler.start_task_execute(recorder)
        server.kill()
        await until(lambda: "offline" in told.events)
        assert told.events == ["online", f"db-disconnect {name}", "offline"]
        assert [scheduler.online] == [False]
        with pytest.raises(PartitionOffline, match=name):
            await scheduler.assign_task(IntervalTask("a"))
        server.start()
        await until(lambda: len(told.events) == 5)
        assert told.events[3:] == [f"db-reconnect {name}", "online"]
        assert [scheduler.online] == [True]
        await scheduler.assign_task(IntervalTask("a"))
        await recorder.ran(1)  # execution goes on by itself
    assert len(told.events) == 5


async def test_events_of_a_partition_that_is_not_the_master(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    master, other = own_server(), own_server()
    name = f"127.0.0.1:{other.port}/0"
    scheduler = Scheduler.from_url(master.url, other.url, namespace=namespace, reconnect_interval_seconds=0.05)
    told = Told(scheduler)
    async with scheduler:
        other.kill()
        await until(lambda: len(told.events) == 2)
        assert scheduler.online
        assert await scheduler.try_lock("door"), "locks live on the master"
        other.start()
        await until(lambda: len(told.events) == 3)
    assert told.events == ["online", f"db-disconnect {name}", f"db-reconnect {name}"]


async def test_a_server_that_is_not_there_at_the_start_is_found_later(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    master, other = own_server(), own_server()
    name = f"127.0.0.1:{other.port}/0"
    other.kill()
    scheduler = Scheduler.from_url(master.url, other.url, namespace=namespace, reconnect_interval_seconds=0.05)
    told = Told(scheduler)
    async with scheduler:
        assert scheduler.online
        other.start()
        await until(lambda: f"db-reconnect {name}" in told.events)
        await scheduler.assign_tasks([IntervalTask(f"user:{number}") for number in range(50)])
        assert await scheduler.task_size() == 50


async def test_without_any_server_connect_says_so(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    scheduler = Scheduler.from_url(server.url, namespace=namespace)
    server.kill()
    with pytest.raises(PartitionOffline, match=f"127.0.0.1:{server.port}/0"):
        await scheduler.connect()
    assert not scheduler.online
    server.start()
    await scheduler.connect()
    assert [scheduler.online] == [True]
    await scheduler.close()

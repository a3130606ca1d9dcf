"""Several real servers: one dies, comes back, is configured differently."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest

from interval_scheduler import (
    IntervalTask,
    PartitionMismatch,
    PartitionOffline,
    RedisInstance,
    Scheduler,
    StorageFull,
    StorageRefused,
    UnsuitableServer,
)
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000

NewServer = Callable[..., RedisServer]


def persistent(own_server: NewServer) -> RedisServer:
    return own_server(appendonly="yes", appendfsync="always")


async def test_one_of_three_dies_and_the_others_go_on(own_server: NewServer, namespace: str) -> None:
    servers = [persistent(own_server) for _ in range(3)]
    names = [f"127.0.0.1:{server.port}/0" for server in servers]
    recorder = Recorder()
    events: list[tuple[object, ...]] = []
    async with Scheduler.from_url(
        *(server.url for server in servers),
        namespace=namespace,
        reconnect_interval_seconds=0.1,
        operation_timeout_seconds=10,
    ) as scheduler:
        for name in ("online", "offline", "db-disconnect", "db-reconnect"):
            scheduler.on(name, lambda *args, name=name: events.append((name, *args)))
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(60)])
        homes = {task.id: task.partition async for task in scheduler.tasks()}
        await scheduler.start_task_execute(recorder)
        await until(lambda: {run.id for run in recorder.runs} == set(homes))

        servers[1].kill()
        await until(lambda: ("db-disconnect", names[1]) in events)
        recorder.runs.clear()
        alive = {task_id for task_id, home in homes.items() if home != names[1]}
        await until(lambda: {run.id for run in recorder.runs} >= alive)
        refused: list[float] = []
        answered: list[float] = []
        for task_id, home in homes.items():
            began = time.monotonic()
            if home == names[1]:
                with pytest.raises(PartitionOffline, match=names[1]):
                    await scheduler.assign_task(IntervalTask(task_id))
                with pytest.raises(PartitionOffline):
                    await scheduler.get_task(task_id)
                refused.append(time.monotonic() - began)
            else:
                assert await scheduler.get_task(task_id) is not None
                answered.append(time.monotonic() - began)
        # Nobody waits for the dead one: its refusals come at once, for as much as this machine answers at once.
        assert statistics.median(refused) < 0.02 + 3 * statistics.median(answered)
        assert max(refused) < 10, "a time-out"
        assert scheduler.online, "the master is another"

        servers[1].start()
        await until(lambda: ("db-reconnect", names[1]) in events)
        recorder.runs.clear()
        await until(lambda: {run.id for run in recorder.runs} == set(homes))
        assert await scheduler.task_size() == 60
        assert {name for name, *_ in events} == {"db-disconnect", "db-reconnect"}
        assert recorder.most_active <= 60
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)


async def test_the_master_dies_and_comes_back(own_server: NewServer, namespace: str) -> None:
    server = persistent(own_server)
    events: list[str] = []
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.1) as scheduler:
        for name in ("online", "offline", "db-disconnect", "db-reconnect"):
            scheduler.on(name, lambda *_, name=name: events.append(name))
        await scheduler.assign_task(IntervalTask("a", "data", start=START))
        server.kill()
        await until(lambda: not scheduler.online)
        with pytest.raises(PartitionOffline):
            await scheduler.try_lock("name")
        server.start()
        await until(lambda: scheduler.online)
        assert await scheduler.is_scheduled("a") == "data"
        assert await scheduler.try_lock("name") is not None
    assert events == ["db-disconnect", "offline", "db-reconnect", "online"]


async def test_runs_survive_a_restart_of_redis(own_server: NewServer, namespace: str) -> None:
    """What ran meanwhile is completed once Redis is back, not run again."""
    server = persistent(own_server)
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(
        server.url, namespace=namespace, reconnect_interval_seconds=0.1, lease_seconds=30
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(20)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(20)
        server.kill()
        await until(lambda: not scheduler.online)
        recorder.gate.set()
        await until(lambda: recorder.active == 0)
        server.start()
        await until(lambda: scheduler.online)

        async def empty() -> bool:
            return await scheduler.task_size() == 0

        await until(empty)
    assert len(recorder.runs) == 20


async def test_nobody_there(namespace: str) -> None:
    scheduler = Scheduler.from_url("redis://user:secret@127.0.0.1:1/0", namespace=namespace)
    with pytest.raises(PartitionOffline, match="is offline") as caught:
        await scheduler.connect()
    assert "secret" not in str(caught.value)
    assert not scheduler.online


async def test_one_partition_is_missing_at_connect(own_server: NewServer, namespace: str) -> None:
    first, second = own_server(), own_server()
    second.kill()
    async with Scheduler.from_url(
        first.url, second.url, namespace=namespace, reconnect_interval_seconds=0.05
    ) as scheduler:
        assert scheduler.online
        outcomes = await asyncio.gather(
            *(scheduler.assign_task(IntervalTask(f"t{n}", start=START)) for n in range(40)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {bool, PartitionOffline}
        second.start()

        async def all_assigned() -> bool:
            again = await asyncio.gather(
                *(scheduler.assign_task(IntervalTask(f"t{n}", start=START)) for n in range(40)), return_exceptions=True
            )
            return not any(isinstance(outcome, Exception) for outcome in again)

        await until(all_assigned)
        assert await scheduler.task_size() == 40


async def test_a_database_that_moved_alone_hints_at_its_name(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(f"{server.url}?name=local/0", namespace=namespace):
        pass
    with pytest.raises(PartitionMismatch, match=r"If it moved from there, add \?name=local/0 to its URL\."):
        await Scheduler.from_url(server.url, namespace=namespace).connect()
    with pytest.raises(PartitionMismatch, match="another configuration") as several:
        await Scheduler.from_url(server.url, own_server().url, namespace=namespace).connect()
    assert "?name=local" not in str(several.value), "there are two names, and it cannot be told which is whose"


async def test_another_list_of_partitions_is_refused(own_server: NewServer, namespace: str) -> None:
    one, two, three = own_server(), own_server(), own_server()
    async with Scheduler.from_url(one.url, two.url, namespace=namespace):
        pass
    for urls in ([one.url], [two.url, one.url], [one.url, two.url, three.url], [three.url, two.url]):
        with pytest.raises(PartitionMismatch, match="another configuration"):
            await Scheduler.from_url(*urls, namespace=namespace).connect()
    with three.client() as client:
        assert client.keys("*") == [], "a refused configuration leaves nothing behind"
    localhost = one.url.replace("127.0.0.1", "localhost"), two.url
    with pytest.raises(PartitionMismatch, match=r"RedisInstance\.name"):
        await Scheduler.from_url(*localhost, namespace=namespace).connect()
    named = RedisInstance("localhost", one.port, name=f"127.0.0.1:{one.port}/0"), RedisInstance.from_url(two.url)
    async with Scheduler({"storage": {"instances": named}, "namespace": namespace}) as scheduler:
        assert scheduler.online


async def test_out_of_memory_refuses_assigning_and_lets_work_drain(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=1000) for n in range(50)])
        await scheduler.assign_tasks([IntervalTask(f"once{n}") for n in range(50)])
        with server.client() as client:
            client.config_set("maxmemory", 1)
        with pytest.raises(StorageFull, match="out of memory"):
            await scheduler.assign_task(IntervalTask("more"))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(100)
        await scheduler.stop_task_execute()
        assert (await scheduler.task_size(), await scheduler.queue_size()) == (50, 0)
        assert await scheduler.remove_task("t1") is True


async def test_scripts_are_sent_again_after_a_flush(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(recorder)
        with server.client() as client:
            for n in range(50):
                client.script_flush()
                await scheduler.assign_task(IntervalTask(f"t{n}"))
        await recorder.ran(50)


async def test_killed_connections_are_opened_again(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.02) as scheduler:
        await scheduler.start_task_execute(recorder)

        async def all_is_well() -> bool:
            """Who is cut off again before would be right to count it as offline for a moment."""
            return scheduler.online and client.pubsub_channels() != [] and await scheduler.task_size() == 0

        with server.client() as client:
            for n in range(30):
                client.client_kill_filter(_type="normal", skipme=True)
                if n % 5 == 0:
                    client.client_kill_filter(_type="pubsub", skipme=True)
                assert await scheduler.assign_task(IntervalTask(f"t{n}")) is True
                await until(all_is_well)
        assert {run.attempt for run in recorder.runs} == {1}
        assert len(recorder.runs) == 30


async def test_credentials(own_server: NewServer, namespace: str) -> None:
    server = own_server(requirepass="s3cret")
    for url in (server.url, server.url.replace("//", "//:wrong-s3cret@")):
        with pytest.raises(StorageRefused) as caught:
            await Scheduler.from_url(url, namespace=namespace).connect()
        assert "s3cret" not in str(caught.value)
    async with Scheduler.from_url(server.url.replace("//", "//:s3cret@"), namespace=namespace) as scheduler:
        assert "s3cret" not in repr(scheduler)
        assert await scheduler.assign_task(IntervalTask("a")) is True


async def test_an_eviction_policy_that_drops_keys_is_refused(own_server: NewServer, namespace: str) -> None:
    server = own_server(maxmemory="100mb", maxmemory_policy="volatile-lru")
    with pytest.raises(UnsuitableServer, match="volatile-lru"):
        await Scheduler.from_url(server.url, namespace=namespace).connect()
    async with Scheduler.from_url(server.url, namespace=namespace, allow_eviction=True) as scheduler:
        assert scheduler.online

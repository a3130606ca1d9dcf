"""Servers that freeze, pause, die, swap roles, load or are busy: rows 6, 7, 8, 10 and 11."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler, StorageError
from tests.faults.figures import FULL, often, tell, unless_full
from tests.faults.measuring import doubled, is_empty, machine, percentile
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat, surely, until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]


async def test_frozen(own_server: NewServer, namespace: str) -> None:
    """Row 6: one of two servers stands still."""
    seconds = often(2, 30)
    frozen, other = own_server(), own_server()
    recorder = Recorder()
    urls = (other.url, frozen.url)
    tasks = [IntervalTask(f"t{n}", every=0.1, spread=True) for n in range(100)]
    scheduler = Scheduler.from_url(*urls, namespace=namespace, operation_timeout_seconds=1, lease_seconds=5)
    await surely(scheduler.start_task_accept)
    async with scheduler:
        await surely(lambda: scheduler.assign_tasks(tasks))
        there = {task.id async for task in scheduler.tasks() if task.partition.endswith(f"{other.port}/0")}
        await scheduler.start_task_execute(recorder)
        await recorder.ran(200)
        async with heartbeat() as beat:
            frozen.freeze()
            began = time.monotonic()
            before = len(recorder.runs)
            with machine(other) as watched:
                await asyncio.sleep(seconds)  # for so long it stands still
            runs = [run for run in recorder.runs[before:] if run.id in there]
            frozen.thaw()
            await until(lambda: len({run.id for run in recorder.runs[before:]}) == 100)
        back = time.monotonic() - began - seconds
        lag = percentile((run.lag for run in runs), 0.99)
        await scheduler.stop_task_execute()
    for server in (frozen, other):
        with server.client() as client:
            check_key_space(client, namespace)
    share, late = len(runs) / (len(there) * 10 * seconds), unless_full(watched.latest)
    tell(
        6,
        "one of two Redis servers stands still (SIGSTOP)",
        count=f"{seconds} s",
        expected="the other's tasks go on (≥ 90 % of their runs); the event loop stands still < 0.25 s",
        figure=f"{share:.0%} of the other's runs, their lag p99 {1000 * lag:.1f} ms; the event loop stood still "
        f"{1000 * beat.longest:.0f} ms at the most; all tasks ran again {back:.1f} s after it went on",
        holds=share >= 0.9 - late / seconds and beat.longest < 0.25 + late,
    )


@pytest.mark.parametrize("mode", ["WRITE", "ALL"])
async def test_paused_clients(own_server: NewServer, namespace: str, mode: str) -> None:
    """Row 7: the server keeps its clients waiting."""
    seconds = often(2, 10)
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=30) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.5, spread=True) for n in range(200)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(400)
        with server.client() as client:
            client.execute_command("CLIENT", "PAUSE", 1000 * seconds, mode)
        ends = time.monotonic() + seconds
        await asyncio.sleep(seconds)  # the server is paused for so long
        before = len(recorder.runs)
        await until(lambda: len({run.id for run in recorder.runs[before:]}) == 200)
        catch_up = time.monotonic() - ends
        await scheduler.stop_task_execute()
    with server.client() as client:
        check_key_space(client, namespace)
    again = doubled(recorder.runs)
    tell(
        7,
        f"CLIENT PAUSE {mode}",
        count=f"{seconds} s",
        expected="backs off, catches up within 10 s, doubles nothing",
        figure=f"every task ran again {catch_up:.1f} s after the end of the pause; doubled {again}",
        holds=catch_up < 10 and again == 0,
    )


async def _is_over(scheduler: Scheduler) -> bool:
    try:
        return await is_empty(scheduler)
    except PartitionOffline:  # it cannot be told yet
        return False


@pytest.mark.parametrize("fsync", ["everysec", "always"])
async def test_killed(own_server: NewServer, namespace: str, fsync: str) -> None:
    """Row 8: the server is killed while tasks are assigned and run, and started again on its append-only file."""
    kills = often(1, 15)
    server = own_server(appendonly="yes", appendfsync=fsync)
    recorder = Recorder()
    acknowledged: list[str] = []
    errors = 0
    scheduler = Scheduler.from_url(
        server.url,
        namespace=namespace,
        operation_timeout_seconds=2,
        reconnect_interval_seconds=0.1,
        lease_seconds=3,
    )
    await surely(scheduler.start_task_accept)
    async with scheduler:
        await scheduler.start_task_execute(recorder)
        stop = asyncio.Event()

        async def assign(batcher: int) -> None:
            nonlocal errors
            number = 0
            while not stop.is_set():
                task_id = f"t{batcher}-{number}"
                number += 1
                try:
                    await scheduler.assign_task(IntervalTask(task_id))
                except StorageError:  # counted
                    errors += 1
                    await asyncio.sleep(0.05)  # a caller that tries again soon
                else:
                    acknowledged.append(task_id)

        async with asyncio.TaskGroup() as group:
            for batcher in range(8):
                group.create_task(assign(batcher))
            outages = []
            for n in range(kills):
                enough = (n + 1) * often(300, 2000)
                await until(lambda enough=enough: len(acknowledged) > enough)  # type: ignore[misc]
                server.kill()
                killed = time.monotonic()
                await asyncio.to_thread(server.start)
                before = len(acknowledged)
                await until(lambda before=before: len(acknowledged) > before)  # type: ignore[misc]
                outages.append(time.monotonic() - killed)
            stop.set()
        await until(lambda: _is_over(scheduler))
        await scheduler.stop_task_execute()
    lost = len(set(acknowledged) - {run.id for run in recorder.runs})
    with server.client() as client:
        check_key_space(client, namespace)
    tell(
        8,
        f"Redis is killed (kill -9) with appendfsync {fsync}, and started again",
        count=f"{kills} kills, {len(acknowledged):,} tasks acknowledged",
        expected="goes on by itself; acknowledged tasks lost 0",
        figure=f"lost {lost}; outage up to {max(outages):.1f} s; {errors} calls were refused meanwhile",
        # Where the disk is slow, `everysec` may hold back a write for two seconds: that is told in the report.
        holds=lost == 0 or (fsync == "everysec" and not FULL),
    )


async def test_swapped_roles(own_server: NewServer, namespace: str) -> None:
    """Row 10: the primary becomes a replica of another, and a primary again."""
    count = often(1, 10)
    server, other = own_server(), own_server()
    recorder = Recorder()
    outages = []
    async with Scheduler.from_url(
        server.url, namespace=namespace, reconnect_interval_seconds=0.1, operation_timeout_seconds=5
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(20)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client, other.client() as replica:
            for _ in range(count):
                replica.replicaof("127.0.0.1", str(server.port))
                await until(lambda: replica.info("replication")["master_link_status"] == "up")
                replica.replicaof("NO", "ONE")
                client.replicaof("127.0.0.1", str(other.port))
                await until(lambda: not scheduler.online)
                with pytest.raises(PartitionOffline):
                    await scheduler.assign_task(IntervalTask("refused"))
                await until(lambda: _says(scheduler, "is a replica"))
                client.replicaof("NO", "ONE")
                began = time.monotonic()
                before = len(recorder.runs)
                await recorder.ran(before + 1, 60)
                outages.append(time.monotonic() - began)
        await scheduler.stop_task_execute()
        assert await scheduler.task_size() == 20
    with server.client() as client:
        check_key_space(client, namespace)
    tell(
        10,
        "the primary becomes a replica (REPLICAOF), and a primary again",
        count=f"{count} times",
        expected="says that it is a replica; goes on by itself when it is a primary again",
        figure=f"said so each time; runs went on after {max(outages):.2f} s at the most",
        holds=True,
    )


async def _says(scheduler: Scheduler, words: str) -> bool:
    (partition,) = (await scheduler.check_health()).partitions
    return not partition.ok and words in str(partition.problem)


async def test_loading(own_server: NewServer, namespace: str) -> None:
    """Row 11: the server takes long to load its data after a restart."""
    # While it loads, Redis answers after each 2 MiB: of these keys, every 0.2 s.
    server = own_server(key_load_delay="20000", rdbcompression="no")
    recorder = Recorder()
    keys = often(150, 400)
    scheduler = Scheduler.from_url(
        server.url, namespace=namespace, reconnect_interval_seconds=0.1, operation_timeout_seconds=0.5
    )
    await surely(scheduler.start_task_accept)
    async with scheduler:
        await surely(lambda: scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(20)]))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client:
            for n in range(keys):
                client.set(f"ballast:{n}", "x" * 200_000)
            client.save()
        server.kill()
        starting = threading.Thread(target=server.start)
        starting.start()
        began = time.monotonic()
        refused = 0
        while starting.is_alive():
            try:
                await scheduler.assign_task(IntervalTask("during", every=1000))
            except StorageError:  # counted
                refused += 1
            await asyncio.sleep(0.05)  # a caller that comes again soon
        loaded = time.monotonic()
        before = len(recorder.runs)
        async with heartbeat() as beat:
            await recorder.ran(before + 20, 60)
        recovery = time.monotonic() - loaded
        await scheduler.stop_task_execute()
    with server.client() as client:
        check_key_space(client, namespace)
    tell(
        11,
        "Redis is LOADING after a restart",
        count=f"{loaded - began:.1f} s",
        expected="calls get a typed error; goes on by itself within 2 s of the end of loading",
        figure=f"{refused} calls were refused; runs went on {recovery:.2f} s after the end of loading",
        holds=refused > 0 and recovery < 2 + unless_full(beat.longest),
    )


async def test_busy(own_server: NewServer, namespace: str) -> None:
    """Row 11: another client's script does not end, until it is killed."""
    seconds = often(1, 5)
    server = own_server(lua_time_limit="50")
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace, operation_timeout_seconds=10) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(20)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        endless = threading.Thread(target=_run_endless_script, args=(server,))
        endless.start()
        with server.client() as client:
            await until(lambda: _is_busy(client))
            await asyncio.sleep(seconds)  # for so long the script runs
            client.script_kill()
        killed = time.monotonic()
        endless.join()
        before = len(recorder.runs)
        async with heartbeat() as beat:
            await recorder.ran(before + 20, 60)
        recovery = time.monotonic() - killed
        await scheduler.stop_task_execute()
    with server.client() as client:
        check_key_space(client, namespace)
    again = doubled(recorder.runs)
    tell(
        11,
        "an endless script keeps Redis BUSY until SCRIPT KILL",
        count=f"{seconds} s",
        expected="waits and tries again: runs go on within 5 s; doubled 0",
        figure=f"runs went on after {recovery:.2f} s; doubled {again}",
        holds=recovery < 5 + unless_full(beat.longest) and again == 0,
    )


def _is_busy(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ResponseError as error:
        return str(error).startswith("BUSY")
    return False


def _run_endless_script(server: RedisServer) -> None:
    # Without a time-out of its own: the client would send the script again after it.
    client = redis.Redis(port=server.port, socket_timeout=None, retry=Retry(NoBackoff(), 0))
    with client, pytest.raises(redis.ResponseError, match="killed"):
        client.eval("while true do end", 0)

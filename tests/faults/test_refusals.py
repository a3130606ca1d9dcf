"""Servers that refuse: forgotten scripts, full memory, eviction, a full disk, new credentials: rows 9, 12-14, 25."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable

import pytest
import redis

from interval_scheduler import IntervalTask, Scheduler, StorageError, StorageFull, StorageRefused, UnsuitableServer
from tests.faults.figures import often, tell
from tests.faults.measuring import doubled, is_empty
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]


async def test_script_flush(own_server: NewServer, namespace: str) -> None:
    """Row 9: the server forgets its scripts all the time."""
    seconds = often(1, 20)
    server = own_server()
    recorder = Recorder()
    flushes = errors = calls = 0
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(recorder)
        ends = time.monotonic() + seconds

        async def call(batcher: int) -> None:
            nonlocal calls, errors
            while time.monotonic() < ends:
                try:
                    await scheduler.assign_task(IntervalTask(f"t{batcher}-{calls}"))
                    await scheduler.task_size()
                except StorageError:  # counted
                    errors += 1
                calls += 1

        with server.client() as client:
            async with asyncio.TaskGroup() as group:
                for batcher in range(4):
                    group.create_task(call(batcher))
                while time.monotonic() < ends:
                    client.script_flush()
                    flushes += 1
                    await asyncio.sleep(0.05)  # the pace of the fault
        await until(lambda: is_empty(scheduler), 60)
        await scheduler.stop_task_execute()
    tell(
        9,
        "SCRIPT FLUSH every 50 ms",
        count=f"{flushes} times, {2 * calls:,} calls",
        expected="errors seen by callers 0; lost 0, doubled 0",
        figure=f"errors {errors}; lost {calls - len({run.id for run in recorder.runs})}, "
        f"doubled {doubled(recorder.runs)}",
        holds=(errors, len({run.id for run in recorder.runs}), len(recorder.runs)) == (0, calls, calls),
    )


async def test_out_of_memory(own_server: NewServer, namespace: str) -> None:
    """Row 12: no memory is left while runs are in progress."""
    count = often(200, 5000)
    server = own_server()
    recorder = Recorder()
    recorder.gate.clear()
    refused = 0
    async with Scheduler.from_url(server.url, namespace=namespace, concurrency=100) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=1000) for n in range(count // 2)])
        await scheduler.assign_tasks([IntervalTask(f"once{n}") for n in range(count // 2)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(100)
        with server.client() as client:
            client.config_set("maxmemory", 1)
            for n in range(often(20, 200)):
                try:
                    await scheduler.assign_task(IntervalTask(f"more{n}"))
                except StorageFull:  # counted
                    refused += 1
            found = (await scheduler.check_health()).partitions[0].findings
            recorder.gate.set()
            await recorder.ran(count, 60)
            await until(lambda: _completed(scheduler, count // 2), 60)
            blocked = len([task async for task in scheduler.tasks(state="leased")])
            client.config_set("maxmemory", 0)
        assert await scheduler.assign_task(IntervalTask("again")) is True
    with server.client() as client:
        check_key_space(client, namespace)
    tell(
        12,
        "Redis is out of memory (maxmemory) while tasks run",
        count=f"{count:,} completions, {refused} assigns",
        expected="each assign raises StorageFull; completions blocked 0",
        figure=f"{refused} assigns raised StorageFull; completions blocked {blocked}",
        holds=refused == often(20, 200) and blocked == 0 and "memory" in {finding.code for finding in found},
    )


async def _completed(scheduler: Scheduler, left: int) -> bool:
    return await scheduler.task_size() == left and await scheduler.queue_size() == 0


async def test_eviction_policies(own_server: NewServer, namespace: str) -> None:
    """Row 13: every policy that drops keys, with and without a limit of memory."""
    server = own_server()
    refused = warned = 0
    policies = [f"{keys}-{how}" for keys in ("volatile", "allkeys") for how in ("lru", "lfu", "random")] + [
        "volatile-ttl"
    ]
    for policy in policies:
        with server.client() as client:
            client.config_set("maxmemory-policy", policy)
            client.config_set("maxmemory", "100mb")
            with pytest.raises(UnsuitableServer, match=policy):
                await Scheduler.from_url(server.url, namespace=namespace).connect()
            refused += 1
            client.config_set("maxmemory", 0)
        async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
            codes = {finding.code for finding in (await scheduler.check_health()).partitions[0].findings}
            warned += "eviction" in codes
    tell(
        13,
        "maxmemory-policy that drops keys",
        count=f"{len(policies)} policies",
        expected="with maxmemory connect refuses, without it warns",
        figure=f"refused {refused}, warned {warned}",
        holds=refused == warned == len(policies),
    )


async def test_disk_that_cannot_be_written(own_server: NewServer, namespace: str) -> None:
    """Row 14: the last snapshot failed, and Redis takes no more writes."""
    server = own_server(save="3600 1")
    recorder = Recorder()
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=5) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(often(20, 200))])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client:
            in_the_way = server.folder / "dump.rdb" / "not empty"
            in_the_way.mkdir(parents=True)  # so that no snapshot can take its name; rights would not stop root
            client.bgsave()
            await until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
            with pytest.raises(StorageRefused) as caught:
                await scheduler.assign_task(IntervalTask("refused"))
            codes = {finding.code for finding in (await scheduler.check_health()).partitions[0].findings}
            shutil.rmtree(server.folder / "dump.rdb")
            client.bgsave()
            await until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok")
            before = len(recorder.runs)
            await until(lambda: len({run.id for run in recorder.runs[before:]}) == often(20, 200), 60)
        lost = often(20, 200) - await scheduler.task_size()
        await scheduler.stop_task_execute()
    with server.client() as client:
        check_key_space(client, namespace)
    tell(
        14,
        "snapshots fail (MISCONF), so Redis takes no writes",
        count="once",
        expected="a typed error; lost 0; goes on when snapshots pass again",
        figure=f"StorageRefused, code {caught.value.code}; lost {lost}; went on",
        holds=(caught.value.code, lost) == ("MISCONF", 0) and "disk" in codes,
    )


async def test_credentials(own_server: NewServer, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
    """Row 25: the password is changed and rights are taken away while tasks run."""
    caplog.set_level(logging.DEBUG)
    rounds = often(1, 10)
    server = own_server()
    recorder = Recorder()
    told: list[str] = []
    passwords = [f"s3cret-{n}-pass" for n in range(rounds + 1)]

    def set_user(client: redis.Redis, password: str, *rights: str) -> None:
        rules = ("reset", "on", f">{password}", "~*", "&*", "+@all", *rights)
        client.execute_command("ACL", "SETUSER", "app", *rules)  # type: ignore[no-untyped-call]

    with server.client() as client:
        set_user(client, passwords[0])
        url = server.url.replace("//", f"//app:{passwords[0]}@")
        async with Scheduler.from_url(url, namespace=namespace, lease_seconds=2) as scheduler:
            await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(20)])
            await scheduler.start_task_execute(recorder)
            for n in range(rounds):
                await recorder.ran(len(recorder.runs) + 20)
                set_user(client, passwords[n + 1])  # another password, and the connections of the old one are cut
                client.client_kill_filter(user="app")
                told.append(await _refusal(scheduler))
                set_user(client, passwords[0], "-evalsha", "-eval")
                await until(lambda: scheduler.online or _last_problem(scheduler), 60)
                told.append(await _refusal(scheduler))
                set_user(client, passwords[0])
                before = len(recorder.runs)
                await until(lambda before=before: len({r.id for r in recorder.runs[before:]}) == 20)  # type: ignore[misc]
            await scheduler.stop_task_execute()
            size = await scheduler.task_size()
        check_key_space(client, namespace)
    leaked = sum(password in text for password in passwords for text in (*told, caplog.text))
    tell(
        25,
        "the password is changed, and rights are taken away (NOPERM), while tasks run",
        count=f"{rounds} times each",
        expected="typed errors; goes on when both are right again; secrets in logs and messages 0",
        figure=f"{len(told)} typed errors; went on; secrets {leaked}; tasks lost {20 - size}",
        holds=leaked == 0 and size == 20,
    )


async def _refusal(scheduler: Scheduler) -> str:
    """What an assign is refused with; it may still pass on a connection that was there before."""
    found: list[str] = []

    async def is_refused() -> bool:
        try:
            await scheduler.assign_task(IntervalTask("t1", every=0.2))
        except StorageError as error:
            found.append(str(error))
        return bool(found)

    await until(is_refused, 60)
    return found[0]


def _last_problem(scheduler: Scheduler) -> object:
    return scheduler._lifespan.require().partitions.master.problem

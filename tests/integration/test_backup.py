"""Export and restore over several partitions, while tasks move, past faults, and by a process that is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from interval_scheduler import (
    GroupNeedsTag,
    IntervalTask,
    PartitionOffline,
    RestoreCounts,
    Scheduler,
)
from interval_scheduler.storage.scripts import loader as scripts
from tests.integration.hinting import QUICK
from tests.integration.processes import ROOT, check_key_space
from tests.integration.test_moving import moved, scheduler_of, where
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]
START: Final = 4_000_000_000

_RESTORE: Final = """
import asyncio, sys
from interval_scheduler import Scheduler

async def main():
    async with Scheduler.from_url(sys.argv[1], namespace=sys.argv[2]) as scheduler:
        with open(sys.argv[3], "rb") as lines:
            await scheduler.restore(lines, sys.argv[4])

asyncio.run(main())
"""


def tasks(count: int) -> list[IntervalTask]:
    some = [IntervalTask(f"t{n}", f"data {n}", every=60, start=START + n) for n in range(count)]
    return [*some, *(IntervalTask(f"{{tag{n % 7}}}:{n}", every=60, start=START, group="g") for n in range(count // 10))]


async def exported(scheduler: Scheduler) -> list[bytes]:
    return [line async for line in scheduler.export()]


def of_tasks(lines: list[bytes]) -> list[bytes]:
    return sorted(line for line in lines if line.startswith(b'{"id"'))


async def test_into_another_number_of_partitions(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    async with scheduler_of([servers[0].url], namespace) as one:
        await one.assign_tasks(tasks(1500))
        lines = await exported(one)
    async with scheduler_of([each.url for each in servers], f"{namespace}-3") as three:
        await three.set_group_concurrency({"g": 2})
        assert await three.restore(lines) == RestoreCounts(restored=1650)
        assert of_tasks(await exported(three)) == of_tasks(lines)
        assert len(set((await where(three)).values())) == 3
        assert await three.count_tasks(prefix="{tag3}") == 21
        assert (await three.audit()).ok
        untagged = {"id": "no tag", "text": "", "state": "waiting", "due_ms": 1, "rules": {"group": "g"}}
        with pytest.raises(GroupNeedsTag):
            await three.restore([lines[0], json.dumps(untagged)])
    async with scheduler_of([servers[1].url], f"{namespace}-1") as back:
        assert await back.restore(lines) == RestoreCounts(restored=1650)
        assert of_tasks(await exported(back)) == of_tasks(lines)


@pytest.mark.parametrize("on_conflict", ["skip", "replace"])
async def test_while_tasks_move(own_server: NewServer, namespace: str, on_conflict: Any) -> None:
    """Each task is exported and restored once, wherever it is."""
    servers = [own_server() for _ in range(3)]
    urls = [each.url for each in servers]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(tasks(3000))
        lines = await exported(old)
        await old.remove_tasks([f"t{n}" for n in range(1000)])
        # Leased ones stay at their old home, so that tasks go on moving.
        recorder = Recorder()
        recorder.gate.clear()
        await old.start_task_execute(recorder)
        await old.assign_tasks([IntervalTask(f"held {n}") for n in range(20)])
        await recorder.ran(20)
        async with scheduler_of(urls, namespace, list_epoch=2) as new:
            assert await new.moving() != ()
            counts = await new.restore(lines, on_conflict)
            assert counts.restored == 1000
            assert counts.skipped + counts.replaced == 2300
            found = await exported(new)
            assert [line for line in of_tasks(found) if b'"held ' not in line] == of_tasks(lines)
            recorder.gate.set()
            await old.stop_task_execute(drain_seconds=0)
            await old.close()
            await new.remove_tasks([f"held {n}" for n in range(20)])
            await moved(new)
            assert of_tasks(await exported(new)) == of_tasks(lines)
            assert (await new.audit()).ok
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)


@pytest.mark.parametrize("options", [{}, {"on_offline": "hint"}], ids=["refuse", "hint"])
async def test_a_home_that_is_offline(own_server: NewServer, namespace: str, options: dict[str, Any]) -> None:
    """Neither goes past it, nor into hints; nothing of the batch is written."""
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(
        *[each.url for each in servers], namespace=namespace, **(QUICK | options)
    ) as scheduler:
        await scheduler.assign_tasks(tasks(300))
        lines = await exported(scheduler)
        await scheduler.clear_all_tasks()
        servers[1].kill()
        await until(lambda: is_lost(scheduler))
        with pytest.raises(PartitionOffline):
            await exported(scheduler)
        with pytest.raises(PartitionOffline):
            await scheduler.restore(lines)
        servers[1].start()
        await until(lambda: is_whole(scheduler))
        assert await scheduler.task_size() == 0
        assert await scheduler.restore(lines) == RestoreCounts(restored=330)
        assert of_tasks(await exported(scheduler)) == of_tasks(lines)


async def is_lost(scheduler: Scheduler) -> bool:
    return any(not each.online for each in (await scheduler.check_health()).partitions)


async def is_whole(scheduler: Scheduler) -> bool:
    return not await is_lost(scheduler)


async def test_a_lost_reply_restores_nothing_twice(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Proxy(server.port) as proxy, scheduler_of([proxy.url], namespace) as scheduler:
        await scheduler.assign_tasks(tasks(800))
        lines = await exported(scheduler)
        assert await scheduler.restore(lines) == RestoreCounts(skipped=880)  # now the server knows the script
        await scheduler.clear_all_tasks()
        proxy.drop_next(scripts.RESTORE.sha.encode())
        assert await scheduler.restore(lines) == RestoreCounts(restored=880), "the repetition tells what the first did"
        assert proxy.dropped == 1
        proxy.drop_next(scripts.EXPORT.sha.encode())
        assert of_tasks(await exported(scheduler)) == of_tasks(lines)


@pytest.mark.parametrize("on_conflict", ["skip", "replace"])
async def test_killed_half_way_and_run_again(
    own_server: NewServer, namespace: str, tmp_path: Path, on_conflict: str
) -> None:
    server = own_server()
    async with scheduler_of([server.url], namespace) as scheduler:
        await scheduler.assign_tasks(tasks(20_000))
        lines = await exported(scheduler)
        backup = tmp_path / "backup.jsonl"
        backup.write_bytes(b"".join(lines))
        await scheduler.clear_all_tasks()
        url = server.url.replace("//", "//restorer:any@")
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "restorer", "on", "nopass", "~*", "&*", "+@all")
        arguments = [sys.executable, "-c", _RESTORE, url, namespace, str(backup), on_conflict]
        process = subprocess.Popen(arguments, cwd=ROOT)  # noqa: ASYNC220 - it goes on beside

        async def has_begun() -> bool:
            return await scheduler.task_size() > 0

        await until(has_begun)
        process.kill()
        process.wait(60)
        with server.client() as client:  # what it had sent is carried out before its connections are closed
            await until(lambda: not [each for each in client.client_list() if each["user"] == "restorer"])
        there = await scheduler.task_size()
        counts = await scheduler.restore(lines, on_conflict)  # type: ignore[arg-type]
        assert (counts.restored, counts.skipped + counts.replaced) == (22_000 - there, there)
        assert of_tasks(await exported(scheduler)) == of_tasks(lines)
        assert (await scheduler.audit()).ok


async def test_an_export_beside_workers_misses_nothing(own_server: NewServer, namespace: str) -> None:
    """Each task that exists all the time is in it, wherever it is on its way."""
    server = own_server()
    async with scheduler_of([server.url], namespace) as scheduler:
        often = [IntervalTask(f"often {n}", every=0.05) for n in range(300)]
        await scheduler.assign_tasks([*often, *tasks(1000)])
        await scheduler.start_task_execute(Recorder())
        for _ in range(10):
            found = [json.loads(line)["id"] for line in of_tasks(await exported(scheduler))]
            assert len(set(found)) == 1400
        await scheduler.stop_task_execute()


async def test_steps_are_short(own_server: NewServer, namespace: str) -> None:
    """No step blocks Redis for long, of tasks with long payloads either."""
    server = own_server()
    async with scheduler_of([server.url], namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"big {n}", b"x" * 200_000, start=START) for n in range(100)])
        await scheduler.assign_tasks(tasks(5000))
        with server.client() as client:
            client.config_set("slowlog-log-slower-than", 0)
            client.config_set("slowlog-max-len", 10_000)
            client.slowlog_reset()
            lines = await exported(scheduler)
            steps = [each for each in client.slowlog_get(10_000) if scripts.EXPORT.sha.encode() in each["command"]]
        assert len(lines) == 5602
        assert len(steps) > 30, "some three long payloads in each of the first"
        assert await scheduler.restore(lines) == RestoreCounts(skipped=5600)


async def test_a_pause_that_a_restore_put_in_force_half_way_is_completed(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server() for _ in range(2)]
    async with Scheduler.from_url(*[server.url for server in servers], namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"a{n}", every=60) for n in range(20))
        await scheduler.pause("from the backup")
        lines = [line async for line in scheduler.export()]
        await scheduler.clear_all_tasks()
        await scheduler.resume()
        await scheduler.pause("of this place")
        with servers[1].client() as client:
            (halt,) = client.keys("*:halt")
            client.delete(halt)  # as if the pause had come to the first partition only
        await scheduler.restore(lines)
        first, second = (await scheduler.overview()).partitions
        assert first.pause is not None
        assert second.pause is not None
        assert (first.pause.reason, second.pause.reason) == ("of this place", "from the backup")

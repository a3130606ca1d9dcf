"""Hash tags on several servers: one home a tag, also while tasks move; deaths half-way; and databases from before."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler, SyncCounts, UnsuitableServer
from interval_scheduler.model import placement
from interval_scheduler.storage.commands import topology
from tests.clusters import RedisCluster
from tests.integration.hinting import Trio, back, gone
from tests.integration.processes import ROOT, check_key_space
from tests.integration.test_moving import moved, scheduler_of
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000

NewServer = Callable[..., RedisServer]


def feeds(tenant: int, count: int = 20) -> list[IntervalTask]:
    return [IntervalTask(f"{{tenant-{tenant}}}:feed:{n:03}", every=60, start=START + n) for n in range(count)]


async def homes_of(scheduler: Scheduler) -> dict[str, set[str]]:
    """The partitions on which the tasks of each tag are."""
    found: dict[str, set[str]] = {}
    async for task in scheduler.tasks():
        found.setdefault(task.id.partition("}")[0][1:], set()).add(task.partition)
    return found


@pytest.fixture
def urls(own_server: NewServer) -> list[str]:
    """Four databases of two servers, with names: so each tag has the same home in every run."""
    servers = [own_server(), own_server()]
    return [f"{servers[n % 2].url_of(n // 2)}?name=p{n}" for n in range(4)]


async def test_a_tag_has_one_home(urls: list[str], namespace: str) -> None:
    async with scheduler_of(urls, namespace) as scheduler:
        await scheduler.assign_tasks(task for tenant in range(40) for task in feeds(tenant))
        found = await homes_of(scheduler)
        assert {len(homes) for homes in found.values()} == {1}
        assert len(set().union(*found.values())) == 4
        for call in (scheduler.count_tasks, scheduler.pause_tasks, scheduler.resume_tasks):
            assert await call(prefix="{tenant-7}") == 20
            assert await call(prefix="{tenant-") == 800
        assert await scheduler.sync_tasks(feeds(7)[:5], scope="{tenant-7}") == SyncCounts(0, 0, 5, 15)
        assert await scheduler.clear_tasks(prefix="{tenant-8}") == 20
        assert await scheduler.task_size() == 800 - 15 - 20
        assert (await scheduler.audit()).ok


async def test_a_tag_needs_its_home_only(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with scheduler_of([f"{server.url}?name=p{n}" for n, server in enumerate(servers)], namespace) as scheduler:
        await scheduler.assign_tasks(task for tenant in range(10) for task in feeds(tenant))
        homes = {tag: next(iter(found)) for tag, found in (await homes_of(scheduler)).items()}
        here, there = (next(tag for tag in homes if (homes[tag] == "p1") is away) for away in (False, True))
        servers[1].kill()
        await until(lambda: scheduler._lifespan.require().partitions.all[1].state == "offline")
        calls = (scheduler.count_tasks, scheduler.pause_tasks, scheduler.resume_tasks)
        for call in calls:
            assert await call(prefix=f"{{{here}}}") == 20
        assert len([task async for task in scheduler.tasks(prefix=f"{{{here}}}")]) == 20
        assert (await scheduler.sync_tasks([], scope=f"{{{here}}}:", allow_empty=True)).removed == 20
        for call in (*calls, scheduler.clear_tasks):
            for prefix in (f"{{{there}}}", "tenant"):
                with pytest.raises(PartitionOffline):
                    await call(prefix=prefix)
        with pytest.raises(PartitionOffline):
            await scheduler.sync_tasks([], scope=f"{{{there}}}", allow_empty=True)


async def test_tags_move_as_a_whole(urls: list[str], namespace: str) -> None:
    tags = {f"tenant-{tenant}" for tenant in range(40)}
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(task for tenant in range(40) for task in feeds(tenant, 5))
        before = await homes_of(old)
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as wider:
        await moved(wider)
        after = await homes_of(wider)
        assert after.keys() == tags
        assert {len(homes) for homes in after.values()} == {1}
        assert 4 < sum(before[tag] != after[tag] for tag in tags) < 30
        for tag in tags:
            assert await wider.count_tasks(prefix=f"{{{tag}}}") == 5
        assert (await wider.audit()).ok
    async with scheduler_of(urls[:2], namespace, list_epoch=3, leaving=[urls[2]]) as narrower:
        await moved(narrower)
        assert await homes_of(narrower) == before
        assert (await narrower.audit()).ok


async def test_calls_on_a_tag_while_it_moves(urls: list[str], namespace: str) -> None:
    """A part of each tag is at the old home, a part on its way, a part at the new home; each task counts once."""
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(task for tenant in range(24) for task in feeds(tenant, 9))
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
        migration = new._lifespan.require().partitions.migration
        assert migration is not None
        changing = [tenant for tenant in range(24) if migration.changes_home(b"{tenant-%d}" % tenant)]
        assert len(changing) >= 5
        for part in (3, 6):  # what was in the outbox before is delivered first
            for source in migration.old:
                own = [
                    task.id.encode()
                    for tenant in changing
                    if migration.old_home(b"{tenant-%d}" % tenant) is source
                    for task in feeds(tenant, part)[part - 3 :]
                ]
                await migration.forward(source)
                assert own, "a tag moves away from each"
                await topology.move_out(source, "p2", own)
        for tenant in (changing[0], changing[1], next(n for n in range(24) if n not in changing)):
            prefix, ids = f"{{tenant-{tenant}}}", [task.id for task in feeds(tenant, 9)]
            assert await new.count_tasks(prefix=prefix) == 9
            found = [task async for task in new.tasks(prefix=prefix)]
            assert [task.id for task in found] == ids
            assert len({task.partition for task in found}) == (2 if tenant in changing else 1), "some have moved"
            assert await new.pause_tasks(prefix=prefix) == 9
            assert [task.id async for task in new.tasks(prefix=prefix, state="paused")] == ids
            assert await new.resume_tasks(prefix=prefix) == 9
            assert await new.sync_tasks(feeds(tenant, 8), scope=prefix) == SyncCounts(0, 0, 8, 1)
        assert await new.count_tasks(prefix="{tenant-") == 24 * 9 - 3
        assert await new.pause_tasks(prefix="{tenant-") == 24 * 9 - 3
        assert await new.clear_tasks(prefix=f"{{tenant-{changing[2]}}}") == 9
        assert await new.clear_tasks(prefix=f"{{tenant-{changing[3]}") >= 9
        assert await new.unlock(lock)
        await moved(new)
        assert {len(homes) for homes in (await homes_of(new)).values()} == {1}
        assert {task.state async for task in new.tasks()} == {"paused"}
        assert (await new.audit()).ok


async def test_a_paused_tag_stays_so_while_it_moves(urls: list[str], namespace: str) -> None:
    """The pause runs against the move, and against the runs of the tag."""
    recorder = Recorder()
    tasks = [IntervalTask(f"{{t{n % 12}}}:{n}", every=0.2) for n in range(240)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(tasks)
    async with scheduler_of(urls[:3], namespace, list_epoch=2, check_tasks_every_seconds=0.1) as new:
        await new.start_task_execute(recorder)
        counts = await asyncio.gather(*(new.pause_tasks(prefix=f"{{t{n}}}") for n in range(12)))
        assert counts == [20] * 12
        await moved(new)
        await until(lambda: _are_all(new, "paused"))
        ran = len(recorder.runs)
        await asyncio.sleep(0.5)  # more than two of their intervals
        assert len(recorder.runs) == ran
        await new.stop_task_execute()
        assert (await new.audit()).ok


async def _are_all(scheduler: Scheduler, state: str) -> bool:
    return {task.state async for task in scheduler.tasks()} == {state}


async def test_hints_of_a_tag(own_server: NewServer, namespace: str) -> None:
    """What was assigned and removed while the home was away is in its index when it is back."""
    async with Trio(own_server, namespace) as trio:
        one = await trio.scheduler()
        tag = next(f"{{t{n}}}" for n in range(100) if trio._home(f"{{t{n}}}".encode()) == 2)
        await one.assign_tasks([IntervalTask(f"{tag}{n}", start=START) for n in range(10)])
        trio.lost.kill()
        await gone(one)
        await one.assign_tasks([IntervalTask(f"{tag}new{n}", start=START) for n in range(5)])
        await one.remove_tasks([f"{tag}{n}" for n in range(7)])
        with pytest.raises(PartitionOffline):
            await one.pause_tasks(prefix=tag)
        trio.lost.start()
        await back(one)
        assert await one.pause_tasks(prefix=tag) == 8
        assert await one.count_tasks(prefix=f"{tag}new") == 5
        assert (await one.audit()).ok
        for server in trio.servers:
            with server.client() as client:
                check_key_space(client, namespace)


DYING = """
import asyncio, os, signal, sys
from interval_scheduler import Scheduler

def die(done, looked):
    if looked >= 1000:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with Scheduler.from_url(sys.argv[1], namespace=sys.argv[2]) as scheduler:
        await getattr(scheduler, sys.argv[3])(prefix=sys.argv[4], progress=die)

asyncio.run(main())
"""


@pytest.mark.parametrize("prefix", ["{big}", "{big"])
@pytest.mark.parametrize("call", ["pause_tasks", "resume_tasks", "clear_tasks"])
async def test_a_death_between_two_steps(redis_server: RedisServer, namespace: str, call: str, prefix: str) -> None:
    """What was done stays, and calling again does the rest."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"{{big}}{n:04}", start=START) for n in range(2_500)])
        if call == "resume_tasks":
            await scheduler.pause_tasks(prefix="{big}")
        died = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", DYING, redis_server.url, namespace, call, prefix],
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        assert died.returncode == -signal.SIGKILL
        with redis_server.client() as client:
            check_key_space(client, namespace)
        changed = {
            "pause_tasks": "paused",
            "resume_tasks": "waiting",
        }.get(call)
        left: list[str] = [task.state async for task in scheduler.tasks()]
        done = 2_500 - len(left) if changed is None else left.count(changed)
        assert 1_000 <= done < 2_500
        assert await getattr(scheduler, call)(prefix=prefix) == (2_500 - done if changed is None else 2_500)
        assert {task.state async for task in scheduler.tasks()} == (set() if changed is None else {changed})
        with redis_server.client() as client:
            check_key_space(client, namespace)


# Databases of an older release


@pytest_asyncio.fixture
async def old_database(redis_server: RedisServer, namespace: str) -> AsyncIterator[RedisServer]:
    """A database as a release without hash tags left it, with tasks whose ids have braces."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([*feeds(7), IntervalTask("plain", start=START)])
    with redis_server.client() as client:
        client.hset(f"{{{namespace}}}:partitions", "schema", "1")
        for key in client.keys(f"{{{namespace}:*:tag:*"):
            client.delete(key)
    yield redis_server


async def test_a_database_from_before_is_refused_with_the_way_to_go(old_database: RedisServer, namespace: str) -> None:
    key = f"{{{namespace}}}:partitions"
    with pytest.raises(UnsuitableServer) as caught:
        await Scheduler.from_url(old_database.url, namespace=namespace).connect()
    for words in (
        "schema version 1",
        "writes 2",
        "Stop all schedulers",
        f"schema of the key {key} to 2",
        "audit(repair=True)",
    ):
        assert words in str(caught.value)
    with old_database.client() as client:
        client.hset(key, "schema", "2")
    async with Scheduler.from_url(old_database.url, namespace=namespace) as scheduler:
        assert await scheduler.count_tasks(prefix="{tenant-7}") == 0, "the index is missing so far"
        report = await scheduler.audit(repair=True)
        assert report.ok
        assert report.counts == {"not-indexed": 20}
        assert await scheduler.count_tasks(prefix="{tenant-7}") == 20
        assert (await scheduler.audit()).counts == {}


async def test_a_cluster(namespace: str) -> None:
    with RedisCluster(cluster_node_timeout="5000") as cluster:
        cluster.wait_well()
        async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
            await scheduler.assign_tasks(task for tenant in range(40) for task in feeds(tenant, 5))
            found = await homes_of(scheduler)
            assert {len(homes) for homes in found.values()} == {1}
            assert len(set().union(*found.values())) > 8
            assert await scheduler.pause_tasks(prefix="{tenant-7}") == 5
            assert await scheduler.count_tasks(prefix="{tenant-7}:feed:") == 5
            assert await scheduler.sync_tasks(feeds(7, 2), scope="{tenant-7}") == SyncCounts(0, 0, 2, 3)
            assert await scheduler.clear_tasks(prefix="{tenant-8}") == 5
            for node in cluster.primaries():
                with node.client() as client:
                    check_key_space(client, namespace)
            assert await scheduler.clear_all_tasks() == 200 - 3 - 5


async def test_tasks_at_the_homes_of_an_older_release_move(
    urls: list[str], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several partitions, another list takes them to the homes of their tags; an audit completes the index."""
    with monkeypatch.context() as patched:
        patched.setattr(placement, "tag_of", lambda _: None)
        async with scheduler_of(urls[:3], namespace) as old:
            await old.assign_tasks(task for tenant in range(10) for task in feeds(tenant))
            assert max(len(homes) for homes in (await homes_of(old)).values()) > 1
    async with scheduler_of(urls, namespace, list_epoch=2) as new:
        await moved(new)
        assert {len(homes) for homes in (await homes_of(new)).values()} == {1}
        report = await new.audit(repair=True)
        assert report.ok
        for tenant in range(10):
            assert await new.count_tasks(prefix=f"{{tenant-{tenant}}}") == 20

"""A real Redis Cluster: what the API promises holds on it, and what cannot be on it is refused."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import AskError, TryAgainError

from interval_scheduler import (
    IntervalTask,
    PartitionMismatch,
    PartitionOffline,
    RedisInstance,
    Scheduler,
    UnsuitableServer,
)
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys
from tests.clusters import RedisCluster
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.rights import NAMESPACES, published_rules, refused, restrict
from tests.servers import PASSWORD, USER, RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[RedisCluster]:
    # No node fails here. With the 1 s of the failover tests, a busy machine alone makes the nodes lose each other.
    with RedisCluster(cluster_node_timeout="5000") as cluster:
        yield cluster


@pytest.fixture
def cluster(whole_cluster: RedisCluster) -> RedisCluster:
    """The cluster, after all its nodes said that it is well."""
    whole_cluster.wait_well()
    return whole_cluster


def check(cluster: RedisCluster, namespace: str) -> None:
    for node in cluster.primaries():
        with node.client() as client:
            check_key_space(client, namespace)


async def test_tasks(cluster: RedisCluster, namespace: str) -> None:
    """Assign, look, list, pause, run, sync, remove, clear: on sixteen partitions as on one."""
    recorder = Recorder()
    async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
        counts = await scheduler.assign_tasks([IntervalTask(f"t{n}", f"d{n}", start=START + n) for n in range(200)])
        assert (counts.assigned, counts.updated) == (200, 0)
        assert await scheduler.assign_task(IntervalTask("t7", "new", start=START)) is False
        assert await scheduler.is_scheduled("t7") == "new"
        tasks = [task async for task in scheduler.tasks()]
        assert [task.id for task in tasks] == ["t0", *(f"t{n}" for n in range(1, 200))]
        assert len({task.partition for task in tasks}) == 16
        assert await scheduler.task_size() == 200
        assert await scheduler.remove_task("t0") is True
        assert await scheduler.remove_tasks([f"t{n}" for n in range(100, 200)]) == 100

        await scheduler.start_task_execute(recorder)
        await scheduler.pause_task("t1")
        await scheduler.assign_tasks([IntervalTask(f"now{n}", every=0.2) for n in range(40)])
        await until(lambda: {run.id for run in recorder.runs} == {f"now{n}" for n in range(40)})
        await until(lambda: min(Counter(run.id for run in recorder.runs).values()) >= 2)
        await scheduler.stop_task_execute()
        assert (await scheduler.audit()).ok
        await scheduler.sync_tasks([IntervalTask(f"s{n}", start=START) for n in range(30)], scope="s")
        assert await scheduler.task_size() == 30 + 40 + 99
        check(cluster, namespace)
        assert await scheduler.clear_all_tasks() == 169


async def test_retries_and_dead_tasks(cluster: RedisCluster, namespace: str) -> None:
    tries: Counter[str] = Counter()

    async def fail(data: str) -> None:
        tries[data] += 1
        raise ValueError(data)

    async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(fail)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", f"t{n}", retries=1, backoff=0.01) for n in range(20)])
        await until(lambda: tries.total() == 40)

        async def all_dead() -> bool:
            return len([task async for task in scheduler.dead_tasks()]) == 20

        await until(all_dead)
        check(cluster, namespace)
    assert set(tries.values()) == {2}


async def test_groups(cluster: RedisCluster, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(cluster.url_of(partitions=1), namespace=namespace, group_concurrency=2) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", group="one") for n in range(20)])
        await recorder.ran(2)
        recorder.gate.set()
        await recorder.ran(20)
        await scheduler.stop_task_execute()
    assert recorder.most_active == 2
    check(cluster, namespace)


async def test_locks(cluster: RedisCluster, namespace: str) -> None:
    async with (
        Scheduler.from_url(cluster.url, namespace=namespace) as one,
        Scheduler.from_url(cluster.url, namespace=namespace) as other,
    ):
        first = await one.try_lock("name")
        assert first is not None
        assert await other.try_lock("name") is None
        assert await other.try_auto_lock("another", 5) is True
        assert await one.unlock(first) is True
        second = await other.try_lock("name")
        assert second is not None
        assert second.token > first.token
        async with one.lock("third", 60) as third:
            assert third.token > second.token


async def test_processes_wake_each_other(cluster: RedisCluster, namespace: str, tmp_path: Path) -> None:
    """A nearer task that another process assigns wakes a worker that would sleep for ten minutes."""
    ledger = tmp_path / "ledger"
    with Worker(cluster.url, namespace, ledger, check_tasks_every_seconds=600):
        async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
            await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(50)])
            await until(lambda: len({entry.id for entry in read_ledger(ledger)}) == 50)


async def test_one_seed_is_enough(cluster: RedisCluster, namespace: str) -> None:
    for seed in (cluster.nodes[0], cluster.nodes[4]):
        url = cluster.url_of(seeds=f"127.0.0.1:1,localhost:{seed.port}")
        async with Scheduler.from_url(url, namespace=namespace) as scheduler:
            await scheduler.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(100)])
            assert await scheduler.task_size() == 100


async def test_instances(cluster: RedisCluster, namespace: str) -> None:
    """Of options: as a URL among instances, and by `of_cluster`; both are the same partitions."""
    made = RedisInstance.of_cluster(cluster=cluster.seeds.split(","), partitions=4)
    for instances in ([cluster.url_of(partitions=4)], made):
        async with Scheduler({"namespace": namespace, "storage": {"instances": instances}}) as scheduler:
            await scheduler.assign_task(IntervalTask("a", start=START))
            assert await scheduler.task_size() == 1


async def test_nobody_there(namespace: str) -> None:
    url = "redis+cluster://user:secret@127.0.0.1:1,127.0.0.1:2"
    with pytest.raises(PartitionOffline, match="is offline") as caught:
        await Scheduler.from_url(url, namespace=namespace).connect()
    assert "secret" not in str(caught.value)


async def test_a_node_as_a_plain_server_is_refused(cluster: RedisCluster, namespace: str) -> None:
    for node in (cluster.nodes[0], cluster.nodes[1]):
        with pytest.raises(UnsuitableServer, match=r"redis\+cluster://"):
            await Scheduler.from_url(node.url, namespace=namespace).connect()


async def test_a_plain_server_as_a_cluster_is_refused(redis_server: RedisServer, namespace: str) -> None:
    url = f"redis+cluster://127.0.0.1:{redis_server.port}"
    with pytest.raises(UnsuitableServer, match=r"is on no Redis Cluster: give the server's own URL, redis://"):
        await Scheduler.from_url(url, namespace=namespace).connect()


async def test_another_number_of_partitions_is_refused(cluster: RedisCluster, namespace: str) -> None:
    async with Scheduler.from_url(cluster.url_of(partitions=8), namespace=namespace):
        for partitions in (4, 16):
            with pytest.raises(PartitionMismatch, match=r"\?partitions= says how many a cluster has"):
                await Scheduler.from_url(cluster.url_of(partitions=partitions), namespace=namespace).connect()
    for node in cluster.primaries():
        with node.client() as client:
            assert not client.keys(f"{{{namespace}:shard-[89].*"), "a refused configuration leaves nothing behind"
            assert not client.keys(f"{{{namespace}:shard-1[0-9].*")


async def test_health_and_warnings(cluster: RedisCluster, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
    """One warning a server and kind in the log; in the health report each partition has its own."""
    with caplog.at_level(logging.WARNING):
        async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
            health = await scheduler.check_health()
    assert health.ok
    assert [[finding.code for finding in partition.findings] for partition in health.partitions] == [
        ["persistence"]
    ] * 16
    assert sum("persistence switched off" in message for message in caplog.messages) == len(cluster.primaries())


async def test_connections(cluster: RedisCluster, namespace: str) -> None:
    """Two connections a partition in an idle process, all to primaries."""

    def count() -> int:
        total = 0
        for node in cluster.nodes:
            with node.client() as client:
                total += sum(about["flags"] in "NP" for about in client.client_list())
        return total

    before = count()
    async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
        await scheduler.task_size()
        await until(lambda: count() - before >= 32)  # subscriptions are opened in the background
        assert count() - before <= 33
    await until(lambda: count() == before)


async def test_no_script_sees_half_of_a_partition(cluster: RedisCluster, namespace: str) -> None:
    """While a slot moves: whichever script names a prefix of keys, which no key is, runs at neither end."""
    keys = Keys(namespace, "shard-0", 0)
    *hashes, _ = keys.of[scripts.ASSIGN]
    source = cluster.owner(keys.slot)
    target = next(node for node in cluster.primaries() if node is not source)
    ids = {node: cluster.run(node, "CLUSTER", "MYID").decode() for node in (source, target)}
    with source.client() as here, target.client() as there:
        for key in (*hashes, keys.groups + b"in-use"):
            here.hset(key, "a", "b")
        cluster.run(target, "CLUSTER", "SETSLOT", keys.slot, "IMPORTING", ids[source])
        cluster.run(source, "CLUSTER", "SETSLOT", keys.slot, "MIGRATING", ids[target])
        try:
            here.execute_command("MIGRATE", "127.0.0.1", target.port, keys.groups + b"in-use", 0, 5000)
            with_groups = [script for script in scripts.ALL if any(" groups: prefix" in line for line in script.header)]
            others = set(scripts.ALL) - set(with_groups)
            assert not [
                script.name for script in others if "(groups" in script.text.partition(f"-- {script.header[0]}")[2]
            ]
            for script in with_groups:
                named = (*hashes, keys.groups)
                with pytest.raises((AskError, TryAgainError)):
                    here.eval(script.text, len(named), *named)
                there.execute_command("ASKING")
                with pytest.raises(TryAgainError):
                    there.eval(script.text, len(named), *named)
        finally:
            for node in (target, source, *cluster.primaries()):
                cluster.run(node, "CLUSTER", "SETSLOT", keys.slot, "NODE", ids[source])
            there.flushall()


async def test_calls_wait_while_a_slot_moves(cluster: RedisCluster, namespace: str) -> None:
    """Whoever calls meanwhile waits; a lock taken before is held after."""
    async with Scheduler.from_url(
        cluster.url_of(partitions=1), namespace=namespace, operation_timeout_seconds=20
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(50)])
        lock = await scheduler.try_lock("name")
        assert lock is not None
        slot = Keys(namespace, "shard-0", 0).slot
        target = next(node for node in cluster.primaries() if node is not cluster.owner(slot))
        moving = asyncio.create_task(asyncio.to_thread(cluster.move, slot, target, 0.05))
        number = 0
        while not moving.done():
            assert await scheduler.assign_task(IntervalTask(f"during{number}", start=START)) is True
            number += 1
            await asyncio.sleep(0.01)  # calls all along while the slot moves
        await moving
        assert cluster.owner(slot) is target
        assert await scheduler.unlock(lock) is True
        assert await scheduler.task_size() == 50 + number
    check(cluster, namespace)


async def test_replicas_are_waited_for(cluster: RedisCluster, namespace: str) -> None:
    async with Scheduler.from_url(
        cluster.url, namespace=namespace, wait_replicas=1, operation_timeout_seconds=20
    ) as scheduler:
        counts = await scheduler.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(100)])
        assert counts.assigned == 100
        assert await scheduler.try_auto_lock("name", 5) is True


async def test_rights(cluster: RedisCluster, namespace: str) -> None:
    """The published rights and one more are enough."""
    rules = [*published_rules(NAMESPACES), "+cluster|slots"]
    for node in cluster.nodes:
        restrict(node, rules)
    url = cluster.url.replace("//", f"//{USER}:{PASSWORD}@")
    recorder = Recorder()
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        assert not [f for p in (await scheduler.check_health()).partitions for f in p.findings if f.code == "rights"]
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(30)])
        await recorder.ran(30)
        await scheduler.stop_task_execute()
        assert await scheduler.try_auto_lock("name", 5) is True
    for node in cluster.nodes:
        assert refused(node) == set()


async def test_a_node_that_comes_back_empty(cluster: RedisCluster, namespace: str) -> None:
    """Each of its partitions tells it, and no other."""
    lost: set[str] = set()
    async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
        scheduler.on("data-lost", lost.add)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(200)])
        before = {task.id: task.partition async for task in scheduler.tasks()}
        with cluster.primaries()[0].client() as client:
            client.flushall()
        health = await scheduler.check_health()
        found = {each.name for each in health.partitions if any(one.code == "data-lost" for one in each.findings)}
        assert lost == found
        assert 0 < len(lost) < 16
        assert {task.id async for task in scheduler.tasks()} == {each for each in before if before[each] not in lost}
        assert await scheduler.acknowledge_data_loss()
        assert not await scheduler.acknowledge_data_loss()
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(200)])
        assert await scheduler.task_size() == 200
        await scheduler.clear_all_tasks()

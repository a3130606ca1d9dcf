"""A Redis Cluster whose slots move, whose primaries die, and whose majority is lost: row "cluster"."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from interval_scheduler import (
    IntervalTask,
    OutcomeUnknown,
    PartitionOffline,
    Scheduler,
    StorageError,
    TaskRun,
    current_run,
)
from interval_scheduler.storage.scripts.keys import Keys
from tests.clusters import RedisCluster
from tests.faults.figures import often, tell, unless_full
from tests.faults.measuring import doubled, percentile
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat, until

pytestmark = pytest.mark.asyncio
_RECURRING = 160
_PARTITIONS = 16
#: A node that does not answer for so long is down, in ms; in less, the machine that all of them run on may stand still.
_NODE_TIMEOUT = often(5000, 1000)
_OUTAGE_SECONDS = 15 + unless_full(_NODE_TIMEOUT / 1000)


@dataclass
class Load:
    """Tasks that recur on each partition, and one-shots that are assigned all the time; what came of them."""

    scheduler: Scheduler
    homes: dict[str, str] = field(default_factory=dict)
    runs: list[tuple[float, TaskRun]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0

    async def execute(self, _: object) -> None:
        self.runs.append((time.monotonic(), current_run()))

    async def assign(self, batcher: int) -> None:
        number = 0
        while True:
            task_id = f"once{batcher}-{number}"
            number += 1
            try:
                await self.scheduler.assign_task(IntervalTask(task_id))
            except StorageError:  # counted: a failover goes on
                self.refused += 1
                await asyncio.sleep(0.02)  # so that it does not ask all the time while it is refused
            else:
                self.acknowledged.append(task_id)
                await asyncio.sleep(0.002)  # a load that leaves room for the failover

    async def all_ran(self) -> None:
        """Wait until each task that recurs ran once more."""
        before = len(self.runs)
        await until(lambda: {run.id for _, run in self.runs[before:]} >= set(self.homes), 90)

    def since(self, began: float, partitions: Iterable[str]) -> list[tuple[float, TaskRun]]:
        """The runs on some partitions, of tasks that recur, from a moment on."""
        names = set(partitions)
        return [(at, run) for at, run in self.runs if at >= began and self.homes.get(run.id) in names]

    def lag(self, began: float, partitions: Iterable[str]) -> float:
        """The lag of those, p99, in ms."""
        return 1000 * percentile((run.lag for _, run in self.since(began, partitions)), 0.99)

    def outage(self, began: float, partitions: Iterable[str]) -> float:
        """For how long nothing ran on one of them at the longest, in seconds."""
        moments: dict[str, list[float]] = defaultdict(lambda: [began])
        for at, run in self.since(began, partitions):
            moments[self.homes[run.id]].append(at)
        return max(b - a for times in moments.values() for a, b in pairwise(times))

    @property
    def lost(self) -> int:
        """How many one-shots were acknowledged and never ran; to be asked at the end."""
        return len(set(self.acknowledged) - {run.id for _, run in self.runs})


@contextlib.asynccontextmanager
async def loaded(cluster: RedisCluster, namespace: str) -> AsyncIterator[Load]:
    """Runs and assigns tasks during a block; ends when all that is left has run."""
    async with Scheduler.from_url(
        cluster.url_of(partitions=_PARTITIONS),
        namespace=namespace,
        reconnect_interval_seconds=0.1,
        operation_timeout_seconds=5,
        check_tasks_every_seconds=1,
    ) as scheduler:
        load = Load(scheduler)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2, spread=True) for n in range(_RECURRING)])
        load.homes = {task.id: task.partition async for task in scheduler.tasks()}
        await scheduler.start_task_execute(load.execute)
        await load.all_ran()
        assigning = [asyncio.create_task(load.assign(batcher)) for batcher in range(4)]
        try:
            yield load
        finally:
            for task in assigning:
                task.cancel()
            await asyncio.gather(*assigning, return_exceptions=True)

        async def nothing_left() -> bool:
            try:
                return await scheduler.task_size() <= _RECURRING
            except PartitionOffline:  # it cannot be told yet
                return False

        await until(nothing_left, 90)
        await scheduler.stop_task_execute()
        assert await scheduler.task_size() == _RECURRING
    for node in cluster.primaries():
        with node.client() as client:
            check_key_space(client, namespace)


def shards_on(cluster: RedisCluster, namespace: str, node: RedisServer) -> dict[str, int]:
    """The partitions on a node, with their slots."""
    slots = {f"shard-{n}": Keys(namespace, f"shard-{n}", n).slot for n in range(_PARTITIONS)}
    return {name: slot for name, slot in slots.items() if cluster.owner(slot) is node}


async def test_reshard(namespace: str) -> None:
    """The slots of partitions move from one primary to the others and back, key by key."""
    rounds = often(1, 5)
    with RedisCluster(replicas=False, cluster_node_timeout=str(_NODE_TIMEOUT)) as cluster:
        first, second, _ = cluster.nodes
        moving = shards_on(cluster, namespace, first)
        staying = {f"shard-{n}" for n in range(_PARTITIONS)} - set(moving)
        keys = 0
        async with loaded(cluster, namespace) as load, heartbeat() as beat:
            began = time.monotonic()
            for n in range(rounds):
                target = (second, first)[n % 2]
                for slot in moving.values():
                    keys += await asyncio.to_thread(cluster.move, slot, target, 0.01)
                    assert cluster.owner(slot) is target
            await load.all_ran()
        lag, other_lag, outage = load.lag(began, moving), load.lag(began, staying), load.outage(began, moving)
        standing = load.outage(began, staying)
    again = doubled(run for _, run in load.runs)
    tell(
        "cluster",
        "the slots of partitions move to another primary, key by key with 10 ms between two, under load",
        count=f"{rounds * len(moving)} moves of {keys} keys, {len(load.acknowledged):,} tasks acknowledged",
        expected="lost 0, doubled 0; no partition stands still for 5 s",
        figure=f"lost {load.lost}, doubled {again}; {load.refused} calls were refused; a partition that moved stood "
        f"still {outage:.2f} s at the most, lag p99 {lag:.0f} ms; the others {standing:.2f} s, {other_lag:.0f} ms",
        holds=load.lost == 0 and again == 0 and outage < 5 + unless_full(beat.longest),
    )


@pytest.mark.parametrize("full_coverage", ["no", "yes"])
async def test_killed_primary(namespace: str, full_coverage: str) -> None:
    """A primary is killed under load: its replica is elected. By default, Redis serves no slot until then."""
    kills = often(1, 5)
    outages, others, lags, quiet_lags = [], [], [], []
    with RedisCluster(cluster_require_full_coverage=full_coverage, cluster_node_timeout=str(_NODE_TIMEOUT)) as cluster:
        async with loaded(cluster, namespace) as load, heartbeat() as beat:
            for _ in range(kills):
                quiet = time.monotonic()
                await load.all_ran()
                victim = cluster.primaries()[0]
                hit = shards_on(cluster, namespace, victim)
                rest = {f"shard-{n}" for n in range(_PARTITIONS)} - set(hit)
                quiet_lags.append(load.lag(quiet, rest))
                victim.kill()
                began = time.monotonic()
                await load.all_ran()
                outages.append(load.outage(began, hit))
                others.append(load.outage(began, rest))
                lags.append(load.lag(began, rest))
                assert victim not in cluster.primaries()
                await asyncio.to_thread(victim.start)
                await asyncio.to_thread(cluster.wait_well)
    again = doubled(run for _, run in load.runs)
    tell(
        "cluster",
        f"a primary of three is killed (kill -9) under load; cluster-node-timeout {_NODE_TIMEOUT / 1000:g} s, "
        f"cluster-require-full-coverage {full_coverage}",
        count=f"{kills} kills, {len(load.acknowledged):,} tasks acknowledged",
        expected=f"its replica is elected and its partitions go on within {_OUTAGE_SECONDS:g} s"
        + ("; those of others stand still for less" if full_coverage == "no" else ""),
        figure=f"outage up to {max(outages):.1f} s; {load.refused} calls were refused; acknowledged tasks lost "
        f"{load.lost} (replication is asynchronous), doubled runs {again}; the others' partitions stood still up to "
        f"{max(others):.2f} s, lag p99 {max(lags):.0f} ms (before {max(quiet_lags):.0f} ms)",
        holds=max(outages) < _OUTAGE_SECONDS + unless_full(beat.longest)
        and (max(others) < max(outages) + unless_full(beat.longest) or full_coverage == "yes"),
    )


async def test_lost_majority(namespace: str) -> None:
    """Two of three primaries die: the cluster is down for all, says so, and comes back with them."""
    count = often(1, 3)
    recorder = Recorder()
    outages = []
    with RedisCluster(
        replicas=False, appendonly="yes", appendfsync="always", cluster_node_timeout=str(_NODE_TIMEOUT)
    ) as cluster:
        async with Scheduler.from_url(cluster.url, namespace=namespace, reconnect_interval_seconds=0.1) as scheduler:
            await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(50)])
            await scheduler.start_task_execute(recorder)
            for _ in range(count):
                await recorder.ran(len(recorder.runs) + 100)
                for node in cluster.nodes[1:]:
                    node.kill()
                await until(lambda: not scheduler.online)
                errors = await asyncio.gather(
                    *(scheduler.assign_task(IntervalTask(f"t{n}", every=0.2)) for n in range(50)),
                    return_exceptions=True,
                )
                assert {type(error) for error in errors if isinstance(error, Exception)} <= {
                    PartitionOffline,
                    OutcomeUnknown,
                }
                with pytest.raises(PartitionOffline):
                    await scheduler.task_size()
                for node in cluster.nodes[1:]:
                    await asyncio.to_thread(node.start)
                began = time.monotonic()
                recorder.runs.clear()
                await until(lambda: len({run.id for run in recorder.runs}) == 50, 90)
                outages.append(time.monotonic() - began)
            await scheduler.stop_task_execute()
            assert await scheduler.task_size() == 50
    tell(
        "cluster",
        "two of three primaries are killed, so that the cluster is down, and started again",
        count=f"{count} times",
        expected=f"typed errors; goes on by itself within {often(60, 20)} s",
        figure=f"every task ran again {max(outages):.1f} s after they were started at the most",
        holds=max(outages) < often(60, 20),
    )

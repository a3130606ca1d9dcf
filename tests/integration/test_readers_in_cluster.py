"""A reader of a real Redis Cluster: each call that reads, with the published rights, on several partitions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from interval_scheduler import Scheduler, StorageRefused
from interval_scheduler.storage.connection.slots import slot_of
from interval_scheduler.storage.scripts.keys import Keys
from tests.clusters import RedisCluster
from tests.integration.processes import check_key_space
from tests.integration.test_readers import changes, rules_of, version_of, written
from tests.reading import READING, WRITING, fill
from tests.rights import refused, restrict
from tests.servers import PASSWORD, USER
from tests.waiting import until

pytestmark = pytest.mark.asyncio

PARTITIONS = 4
#: Keys of what tools look at, each of which some partition has; `count:` is the beginning of many.
LOOKED_AT = {"actions", "cards", "causes", "count:", "failing", "halt", "history", "pauses", "seen"}


def url_of(cluster: RedisCluster) -> str:
    return cluster.url_of(partitions=PARTITIONS)


async def prepare(cluster: RedisCluster) -> Scheduler:
    """A scheduler of the namespace `app`, which has something for each call to see, a pause and a card as well."""
    scheduler = Scheduler.from_url(url_of(cluster), namespace="app")
    await fill(scheduler)
    await scheduler.pause("a test")
    await until(scheduler.schedulers, 60)
    return scheduler


def as_reader(cluster: RedisCluster) -> str:
    """The URL of the user that has the published rights to read, on each node."""
    for node in cluster.nodes:
        restrict(node, [*rules_of(version_of(node)), "+cluster|slots"])
        with node.client() as client:
            client.acl_log_reset()
    return url_of(cluster).replace("redis+cluster://", f"redis+cluster://{USER}:{PASSWORD}@")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster(replicas=False, cluster_node_timeout="5000", save="") as cluster:
        yield cluster


@pytest_asyncio.fixture
async def worker(cluster: RedisCluster) -> AsyncIterator[Scheduler]:
    cluster.wait_well()
    scheduler = await prepare(cluster)
    yield scheduler
    await scheduler.resume()
    await scheduler.clear_all_tasks()
    await scheduler.close()


@pytest_asyncio.fixture
async def reader(cluster: RedisCluster, worker: Scheduler) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler.from_url(as_reader(cluster), namespace="app")
    await scheduler.connect(create=False)
    yield scheduler
    await scheduler.close()


async def test_each_reading_call_needs_the_published_rights_only(
    cluster: RedisCluster, worker: Scheduler, reader: Scheduler
) -> None:
    await worker.stop_task_accept()  # so that nobody else reports meanwhile
    await until(lambda: _has_no_card(worker), 60)
    before = [(changes(node), written(node)) for node in cluster.nodes]
    for name, call in READING.items():
        assert await call(reader) is not None, name
        assert [refused(node) for node in cluster.nodes] == [set()] * len(cluster.nodes), name
    assert [(changes(node), written(node)) for node in cluster.nodes] == before
    with pytest.raises(StorageRefused, match="NOPERM"):
        await WRITING["update_task"](reader)


async def _has_no_card(scheduler: Scheduler) -> bool:
    return not await scheduler.schedulers()


async def test_they_see_what_is_on_all_partitions(worker: Scheduler, reader: Scheduler) -> None:
    overview = await reader.overview()
    assert [each.name for each in overview.partitions] == [f"shard-{n}" for n in range(PARTITIONS)]
    assert all(each.online and each.pause is not None for each in overview.partitions)
    assert (overview.waiting, overview.paused, overview.dead, overview.failing) == (27, 1, 1, 1)
    assert sum(1 for each in overview.partitions if each.waiting) > 1
    paused = await reader.paused()
    assert paused is not None
    assert paused.reason == "a test"
    assert {"pause", "pause_task", "set_rate"} <= {action.kind for action in (await reader.actions()).actions}
    assert [task.id for task in (await reader.failing_page()).tasks] == ["failing"]
    assert [run.outcome for run in await reader.run_history("kept")] == ["ok"]
    assert len((await reader.search("feed:")).rows) == 20
    [card] = await reader.schedulers()
    assert card.partitions == tuple(f"shard-{n}" for n in range(PARTITIONS))
    assert (await reader.statistics(time.time() - 3600)).total.runs >= 3
    task = await reader.get_task("paused")
    assert task is not None
    assert task.paused is not None
    assert await reader.queues() == ["mail"]
    assert (await reader.check_health()).ok
    assert not (await reader.audit()).problems


def found_keys(cluster: RedisCluster) -> dict[bytes, int]:
    """All keys of the namespace and its queue, and the slot of each."""
    found: dict[bytes, int] = {}
    for node in cluster.primaries():
        with node.client() as client:
            found |= {key: slot_of(key) for key in client.scan_iter(b"*")}
    return found


async def test_all_keys_of_a_partition_share_its_slot_and_move_with_it(
    cluster: RedisCluster, worker: Scheduler, reader: Scheduler
) -> None:
    slots = {Keys("app", f"shard-{n}", n).slot for n in range(PARTITIONS)}
    of_queue = {Keys("app.mail", f"shard-{n}", n).slot for n in range(PARTITIONS)}
    keys = await asyncio.to_thread(found_keys, cluster)
    assert set(keys.values()) <= slots | of_queue
    names = {key.rpartition(b"}:")[2].decode() for key in keys}
    assert {name for name in LOOKED_AT if any(each.startswith(name) for each in names)} == LOOKED_AT
    calls = ("actions", "failing_page", "run_history", "statistics", "paused", "overview", "export", "search")
    before = {name: await READING[name](worker) for name in calls}
    for slot in slots:
        nodes = cluster.primaries()
        target = nodes[(nodes.index(cluster.owner(slot)) + 1) % len(nodes)]
        await asyncio.to_thread(cluster.move, slot, target)
    for name in calls:
        await until(lambda name=name: _answers(reader, name), 60)  # type: ignore[misc]
    after = {name: await READING[name](reader) for name in calls}
    for name in ("actions", "failing_page", "run_history", "paused"):
        assert after[name] == before[name]
    assert after["statistics"].total == before["statistics"].total
    assert sorted(after["export"][1:]) == sorted(before["export"][1:]), "the header tells the moment"
    assert len(after["search"].rows) == 20
    assert after["overview"].waiting == before["overview"].waiting
    report = await worker.audit()
    assert report.ok
    for node in cluster.primaries():
        with node.client() as client:
            check_key_space(client, "app")


async def _answers(reader: Scheduler, name: str) -> bool:
    try:
        await READING[name](reader)
    except ConnectionError:  # its slot has just moved; the partition follows
        return False
    return True

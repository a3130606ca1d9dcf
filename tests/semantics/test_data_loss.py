"""`acknowledge_data_loss`, and the finding that it takes off, on a real Redis and on the embedded engine."""

from __future__ import annotations

from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, NotConnected, Scheduler, acting_as
from tests.semantics.test_assign import MakeScheduler
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio
START = 4_000_000_000


async def lose(scheduler: Scheduler, url: str, redis_server: RedisServer, namespace: str) -> None:
    """Delete everything of the namespace."""
    if url.startswith("memory"):
        await scheduler._lifespan.require().partitions.master._client.flushall()
        return
    with redis_server.client() as client:
        client.delete(*client.keys(f"*{{{namespace}*"))


async def test_a_loss(make_scheduler: MakeScheduler, url: str, redis_server: RedisServer, namespace: str) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    events: list[str] = []
    one.on("data-lost", events.append)
    await one.assign_task(IntervalTask("t", start=START))
    await lose(one, url, redis_server, namespace)
    assert await one.assign_task(IntervalTask("t", start=START)) is True
    (partition,) = (await other.check_health()).partitions
    (finding,) = [each for each in partition.findings if each.code == "data-lost"]
    assert (finding.severity, partition.ok, events) == ("warning", True, [partition.name])
    assert partition.name in finding.message
    assert "acknowledge_data_loss" in finding.message
    with acting_as("alice"):
        assert await one.acknowledge_data_loss(partition.name) is True
    for scheduler in (one, other):
        assert await scheduler.acknowledge_data_loss() is False
        (partition,) = (await scheduler.check_health()).partitions
        assert "data-lost" not in {each.code for each in partition.findings}
    assert await one.task_size() == 1
    (entry,) = (await one.actions()).actions
    assert (entry.who, entry.kind, entry.count, entry.partition) == (
        "alice",
        "acknowledge_data_loss",
        1,
        partition.name,
    )


@pytest.mark.parametrize(
    ("partition", "error", "words"),
    [
        ("nowhere", InvalidValue, "^partition must be one of .*, got 'nowhere'"),
        (7, InvalidType, "^partition must be a"),
    ],
)
async def test_no_such_partition(scheduler: Scheduler, partition: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        await scheduler.acknowledge_data_loss(partition)


async def test_before_connect(url: str, namespace: str) -> None:
    with pytest.raises(NotConnected):
        await Scheduler.from_url(url, namespace=namespace).acknowledge_data_loss()

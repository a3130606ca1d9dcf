"""The script that keeps the list of the queues of a namespace."""

from __future__ import annotations

import pytest

from interval_scheduler import PartitionMismatch, QueuesFull
from interval_scheduler.storage.commands import topology
from interval_scheduler.storage.commands.queues import MOST_QUEUES, QueueEntry, enter_queue, list_queues
from tests.scripts.store import Store
from tests.scripts.test_loss import MEMBER

pytestmark = pytest.mark.asyncio


async def test_a_queue_is_entered_once(store: Store) -> None:
    before = await store.raw()
    assert await list_queues(store.partition, store.keys) == []
    assert await store.raw() == before, "to list them writes nothing"
    await enter_queue(store.partition, QueueEntry("mail", store.keys), MEMBER.list)
    before = await store.raw()
    await enter_queue(store.partition, QueueEntry("mail", store.keys), MEMBER.list)
    assert await store.raw() == before
    await enter_queue(store.partition, QueueEntry("feeds", store.keys), MEMBER.list)
    assert await list_queues(store.partition, store.keys) == ["feeds", "mail"]


async def test_another_partition_than_the_master_keeps_no_list(store: Store) -> None:
    before = await store.raw()
    await enter_queue(store.partition, QueueEntry("mail", None), MEMBER.list)
    assert await store.raw() == before


async def test_the_list_is_bounded(store: Store) -> None:
    for n in range(MOST_QUEUES):
        await enter_queue(store.partition, QueueEntry(f"q{n}", store.keys), MEMBER.list)
    with pytest.raises(QueuesFull, match="'one more' was not made"):
        await enter_queue(store.partition, QueueEntry("one more", store.keys), MEMBER.list)
    assert await store.client.zcard(store.keys.queues) == MOST_QUEUES, "it is kept nowhere"
    await enter_queue(store.partition, QueueEntry("q7", store.keys), MEMBER.list)
    await store.client.zadd(store.keys.queues, {f"from outside {n}": n for n in range(1000)})
    assert len(await list_queues(store.partition, store.keys)) == MOST_QUEUES


async def test_a_new_queue_needs_the_list_of_partitions_in_force(store: Store) -> None:
    await topology.enroll(store.partition, MEMBER)
    await enter_queue(store.partition, QueueEntry("mail", store.keys), MEMBER.list)
    with pytest.raises(PartitionMismatch, match="another list of partitions by now, so the queue 'feeds' was not made"):
        await enter_queue(store.partition, QueueEntry("feeds", store.keys), MEMBER.list + b",more")
    await enter_queue(store.partition, QueueEntry("mail", store.keys), MEMBER.list + b",more")
    assert await list_queues(store.partition, store.keys) == ["mail"]

"""The birth of a database, and the note of a loss of its data."""

from __future__ import annotations

import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from interval_scheduler.storage.commands import topology
from interval_scheduler.storage.scripts.membership import SCHEMA_VERSION, Membership

from .store import Store, stamp

pytestmark = pytest.mark.asyncio

MEMBER = Membership(SCHEMA_VERSION, b"here", b"here", b"here")


@pytest_asyncio.fixture(autouse=True)
async def empty(store: Store) -> None:
    """The database is no partition yet."""
    await store.client.delete(store.keys.epoch)


async def flushed(store: Store) -> None:
    """As a FLUSHALL, for this namespace."""
    await store.client.delete(store.keys.epoch, store.keys.membership)


async def test_the_birth_is_written_once(store: Store) -> None:
    before = await store.now_ms()
    first = await topology.enroll(store.partition, MEMBER)
    assert before <= int(first.born) // 1000 <= await store.now_ms()
    assert first.lost == b""
    space = await store.space()
    assert space.epoch == stamp(1, int(first.born))
    for known in (first, MEMBER):
        assert await topology.enroll(store.partition, known) == first
    assert await store.space() == space


@pytest.mark.parametrize("key", ["epoch", "membership"])
async def test_one_key_alone_is_no_loss(store: Store, key: str) -> None:
    """Deleting the membership is the documented way to start with another configuration."""
    first = await topology.enroll(store.partition, MEMBER)
    before = await store.raw()
    await store.client.delete(getattr(store.keys, key))
    assert await topology.enroll(store.partition, first) == first
    assert await store.raw() == before


async def test_who_knew_it_before_notes_the_loss(store: Store) -> None:
    first = await topology.enroll(store.partition, MEMBER)
    await flushed(store)
    before = await store.now_ms()
    second = await topology.enroll(store.partition, first)
    assert second.born > first.born
    assert before <= (second.lost_ms or 0) <= await store.now_ms()
    space = await store.space()
    for known in (first, second, MEMBER):  # a second scheduler, a repetition, a new one
        assert await topology.enroll(store.partition, known) == second
    assert await store.space() == space


async def test_a_new_scheduler_that_comes_first_hides_nothing(store: Store) -> None:
    first = await topology.enroll(store.partition, MEMBER)
    await flushed(store)
    assert (await topology.enroll(store.partition, MEMBER)).lost_ms is None
    assert (await topology.enroll(store.partition, first)).lost_ms


async def test_an_acknowledged_loss_does_not_come_back(store: Store) -> None:
    first = await topology.enroll(store.partition, MEMBER)
    await flushed(store)
    second = await topology.enroll(store.partition, first)
    assert not await topology.acknowledge(store.partition, first.born), "a late copy, for an earlier loss"
    assert (await topology.enroll(store.partition, second)).lost_ms
    assert await topology.acknowledge(store.partition, second.born)
    before = await store.raw()
    assert not await topology.acknowledge(store.partition, second.born)
    for known in (first, second, MEMBER):
        assert (await topology.enroll(store.partition, known)).lost_ms is None
    assert await store.raw() == before
    await flushed(store)
    assert (await topology.enroll(store.partition, second)).lost_ms, "the next loss is another one"


async def test_nothing_to_acknowledge(store: Store) -> None:
    assert not await topology.acknowledge(store.partition, b"")
    assert await store.raw() == {}
    stored = await topology.enroll(store.partition, MEMBER)
    before = await store.raw()
    assert not await topology.acknowledge(store.partition, stored.born)
    assert await store.raw() == before


async def test_a_list_that_is_adopted_keeps_the_birth(store: Store) -> None:
    first = await topology.enroll(store.partition, MEMBER)
    second = MEMBER._replace(list=b"here,there", epoch=b"2", from_list=b"here")
    await topology.adopt_list(store.partition, second, 1)
    assert await topology.enroll(store.partition, second) == second._replace(born=first.born)
    await flushed(store)
    await topology.adopt_list(store.partition, second, None)
    third = await topology.enroll(store.partition, second._replace(born=first.born))
    assert third.born > first.born
    assert third.lost_ms
    assert (third.epoch, third.from_list) == (b"2", b"here")
    assert (await store.space()).epoch == stamp(2, int(third.born))


async def test_an_empty_partition_is_enrolled_with_the_list_before(store: Store) -> None:
    member = MEMBER._replace(epoch=b"2", from_list=b"there")
    with pytest.raises(ResponseError, match="UNENROLLED"):
        await topology.migration_status(store.partition)
    stored = await topology.enroll(store.partition, member)
    assert stored[:6] == member[:6]
    store.epoch, store.born = 2, int(stored.born)
    assert (await topology.migration_status(store.partition)).is_migrating

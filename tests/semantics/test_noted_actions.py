"""`note_action`, and the entries of the log of actions that repairs leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    Action,
    ActionPage,
    BlockingScheduler,
    IntervalTask,
    InvalidType,
    InvalidValue,
    PartitionOffline,
    Scheduler,
    acting_as,
)
from interval_scheduler.facade.acting import note
from interval_scheduler.storage.audit import Audit
from interval_scheduler.storage.scripts.loader import NOTE_ACTION
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
FAR = 4_000_000_000


def told(action: Action) -> tuple[str, str, str | None, int, str | None]:
    return action.who, action.kind, action.task_id, action.count, action.details


async def test_what_somebody_asks_for_is_one_entry(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(actor="bot")
    task = IntervalTask("a", "secret payload", start=FAR)
    await scheduler.note_action("assign_task", [task])
    with acting_as("alice"):
        await scheduler.note_action("remove_task", [f"t{n}" for n in range(1000)], "they left")
        await scheduler.note_action("remove_task", {"t1", "t2"})
        await scheduler.note_action("remove_task", ["b", "b"])
        await scheduler.note_action("remove_task", [])
    page = await scheduler.actions()
    assert list(map(told, page.actions)) == [
        ("alice", "remove_task", "b", 1, None),
        ("alice", "remove_task", None, 2, None),
        ("alice", "remove_task", None, 1000, "they left"),
        ("bot", "assign_task", "a", 1, None),
    ]
    assert "secret" not in repr(page)
    assert await scheduler.task_size() == 0, "it does nothing but note"


async def test_what_an_application_assigns_and_removes_is_not_told(scheduler: Scheduler) -> None:
    with acting_as("alice"):
        await scheduler.assign_task(IntervalTask("a", start=FAR))
        await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(10))
        assert await scheduler.remove_task("a")
        assert await scheduler.remove_tasks([f"t{n}" for n in range(10)]) == 10
        assert (await scheduler.audit(repair=True)).ok
        assert not await scheduler.acknowledge_data_loss()
    assert await scheduler.actions() == ActionPage((), None)


async def test_each_home_tells_of_its_tasks(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(*(server.url for server in servers), namespace=namespace) as scheduler:
        first, second = scheduler._lifespan.require().partitions.all
        ids = ids_by_home(scheduler)
        await scheduler.note_action("remove_task", [*ids[first.name], ids[second.name][0]], "they left")
        found = (await scheduler.actions()).actions
        assert {entry.partition: (entry.task_id, entry.count, entry.details) for entry in found} == {
            first.name: (None, len(ids[first.name]), "they left"),
            second.name: (ids[second.name][0], 1, "they left"),
        }


@pytest.mark.parametrize("lost", [0, 1])
async def test_what_concerns_a_home_that_is_offline_is_told_by_another(
    own_server: Callable[..., RedisServer], namespace: str, lost: int
) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(
        *(server.url for server in servers), namespace=namespace, operation_timeout_seconds=6
    ) as scheduler:
        partitions = scheduler._lifespan.require().partitions.all
        offline, other = partitions[lost], partitions[1 - lost]
        ids = ids_by_home(scheduler)
        servers[lost].stop()
        await until(lambda: offline.state != "online")
        await scheduler.note_action("remove_task", ids[other.name][:1])
        await scheduler.note_action("remove_task", ids[offline.name][:1])
        await scheduler.note_action("remove_task", [*ids[offline.name], *ids[other.name]])
        page = await scheduler.actions()
        assert [(entry.partition, entry.task_id, entry.count) for entry in page.actions] == [
            (other.name, None, 20),
            (other.name, ids[offline.name][0], 1),
            (other.name, ids[other.name][0], 1),
        ]
        servers[1 - lost].stop()
        await until(lambda: other.state != "online")
        with pytest.raises(PartitionOffline):
            await scheduler.note_action("remove_task", ["a"])


async def test_a_change_that_is_kept_as_a_hint_is_told(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(
        *(server.url for server in servers), namespace=namespace, operation_timeout_seconds=6, on_offline="hint"
    ) as scheduler:
        partitions = scheduler._lifespan.require().partitions
        (place,) = (n for n, each in enumerate(partitions.all) if each is not partitions.master)
        offline = partitions.all[place]
        await scheduler.start_task_accept()
        servers[place].stop()
        await until(lambda: offline.state != "online")
        task = IntervalTask(ids_by_home(scheduler)[offline.name][0], start=FAR)
        await scheduler.note_action("assign_task", [task])
        assert await scheduler.assign_task(task)
        (entry,) = (await scheduler.actions()).actions
        assert (entry.partition, entry.task_id) == (partitions.master.name, task.id)


def ids_by_home(scheduler: Scheduler) -> dict[str, list[str]]:
    """Twenty ids, by the name of the partition that is their home; each home has some."""
    found = scheduler._lifespan.require().partitions.by_home([b"t%d" % n for n in range(20)])
    assert len(found) == 2
    return {home.name: [each.decode() for each in ids] for home, ids in found.items()}


@pytest.mark.parametrize(
    ("args", "error", "field"),
    [
        (("pause_task", ["a"]), InvalidValue, "kind"),
        ((None, ["a"]), InvalidValue, "kind"),
        ((["remove_task"], ["a"]), InvalidValue, "kind"),
        (("remove_task", "feed:1"), InvalidType, "tasks_or_ids"),
        (("remove_task", iter(["a"])), InvalidType, "tasks_or_ids"),
        (("remove_task", ["a", ""]), InvalidValue, "id"),
        (("remove_task", ["a", 3]), InvalidType, "task_or_id"),
        (("remove_task", ["a"], "two\nlines"), InvalidValue, "reason"),
        (("remove_task", ["a"], 3), InvalidType, "reason"),
    ],
)
async def test_bad_arguments(scheduler: Scheduler, args: Any, error: type[Exception], field: str) -> None:
    with pytest.raises(error, match=field):
        await scheduler.note_action(*args)
    assert await scheduler.actions() == ActionPage((), None)


async def test_repairs_are_told_by_partition(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(actor="bot")
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=60, start=FAR) for n in range(300)])
    partition = scheduler._lifespan.require().partitions.master
    for n in range(0, 300, 2):
        await partition._client.zrem(partition.keys.due, f"t{n}")
    await partition._client.hdel(partition.keys.tasks, "t1")
    assert not (await scheduler.audit()).ok
    assert await scheduler.actions() == ActionPage((), None)
    with acting_as("alice"):
        assert (await scheduler.audit(repair=True)).ok
    assert list(map(told, (await scheduler.actions()).actions)) == [("alice", "audit", None, 151, None)]


async def test_repairs_before_a_partition_is_lost_are_told(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(
        *(server.url for server in servers), namespace=namespace, operation_timeout_seconds=6
    ) as scheduler:
        first, second = scheduler._lifespan.require().partitions.all
        await scheduler.start_task_accept()
        ids = ids_by_home(scheduler)
        await scheduler.assign_tasks([IntervalTask(each, start=FAR) for each in ids[first.name]])
        orphan, misplaced = ids[first.name][0].encode(), ids[second.name][0].encode()
        await first._client.zrem(first.keys.due, orphan)
        record = await first._client.hget(first.keys.tasks, orphan)
        await first._client.hset(first.keys.tasks, misplaced, record)  # its home is asked, and it is gone by then
        await first._client.zadd(first.keys.due, {misplaced: FAR})
        servers[1].stop()
        audit = Audit(
            scheduler._lifespan.require().partitions,
            repair=True,
            progress=None,
            note=note("alice", "audit", in_steps=True),
            log=logging.getLogger(__name__),
        )
        with pytest.raises(PartitionOffline):
            await audit._audit_key(first, "tasks", 20)
        assert list(map(told, (await scheduler.actions()).actions)) == [("alice", "audit", None, 1, None)]


async def test_a_second_copy_that_is_removed_is_told(own_server: Callable[..., RedisServer], namespace: str) -> None:
    async with Scheduler.from_url(own_server().url, own_server().url, namespace=namespace, actor="bot") as scheduler:
        first, second = scheduler._lifespan.require().partitions.all
        await scheduler.start_task_accept()
        ids = ids_by_home(scheduler)[first.name][:3]
        await scheduler.assign_tasks([IntervalTask(each, start=FAR) for each in ids])
        for each in ids:
            record = await first._client.hget(first.keys.tasks, each)
            await second._client.hset(second.keys.tasks, each, record)
            await second._client.zadd(second.keys.due, {each: FAR})
        assert (await scheduler.audit(repair=True)).ok
        (entry,) = (await scheduler.actions()).actions
        assert (entry.partition, *told(entry)) == (second.name, "bot", "audit", None, 3, None)


async def test_an_audit_whose_entry_cannot_be_written_has_its_report(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await make_scheduler()
    await scheduler.assign_task(IntervalTask("a", start=FAR))
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.zrem(partition.keys.due, "a")
    (actions_key,) = partition.keys.of[NOTE_ACTION]
    await partition._client.set(actions_key, "of another type")
    report = await scheduler.audit(repair=True)
    assert [(problem.id, problem.mended) for problem in report.problems] == [("a", True)]
    assert "its log of actions does not tell so (1 problems so far)" in caplog.text


async def test_without_an_event_loop(url: str, namespace: str) -> None:
    def work() -> list[tuple[str, str, str | None, int, str | None]]:
        with BlockingScheduler.from_url(url, namespace=namespace, actor="bot") as scheduler:
            scheduler.note_action("remove_task", ["a", "b"], "why")
            return list(map(told, scheduler.actions().actions))

    assert await asyncio.to_thread(work) == [("bot", "remove_task", None, 2, "why")]

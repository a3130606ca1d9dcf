"""`note_action`, and the entries of the log of actions that repairs leave."""

from __future__ import annotations

import asyncio
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


async def test_it_is_told_by_the_master(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(
        *(server.url for server in servers), namespace=namespace, operation_timeout_seconds=2
    ) as scheduler:
        master, other = scheduler._lifespan.require().partitions.all
        servers[1].stop()
        await until(lambda: other.state != "online")
        await scheduler.note_action("remove_task", [f"t{n}" for n in range(20)])
        (entry,) = (await scheduler.actions()).actions
        assert (entry.partition, entry.count) == (master.name, 20)
        servers[0].stop()
        await until(lambda: master.state != "online")
        with pytest.raises(PartitionOffline):
            await scheduler.note_action("remove_task", ["a"])


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


async def test_without_an_event_loop(url: str, namespace: str) -> None:
    def work() -> list[tuple[str, str, str | None, int, str | None]]:
        with BlockingScheduler.from_url(url, namespace=namespace, actor="bot") as scheduler:
            scheduler.note_action("remove_task", ["a", "b"], "why")
            return list(map(told, scheduler.actions().actions))

    assert await asyncio.to_thread(work) == [("bot", "remove_task", None, 2, "why")]

"""Hints and another list of partitions: a change waits for hints, and none are kept while tasks move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from interval_scheduler import IntervalTask, PartitionListChanged, PartitionMismatch, PartitionOffline, Scheduler
from interval_scheduler.model.placement import homes
from tests.integration.hinting import state
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


def scheduler_of(servers: Sequence[RedisServer], namespace: str, **options: Any) -> Scheduler:
    return Scheduler.from_url(
        *(server.url for server in servers),
        namespace=namespace,
        on_offline="hint",
        reconnect_interval_seconds=0.05,
        operation_timeout_seconds=20,
        **options,
    )


def of(servers: Sequence[RedisServer], index: int, count: int) -> list[str]:
    """So many ids whose home is one of the servers, by the list of all of them."""
    home = homes([f"127.0.0.1:{server.port}/0" for server in servers])
    return [task_id for n in range(1000) if home((task_id := f"t{n}").encode()) == index][:count]


def durable(own_server: Callable[..., RedisServer]) -> list[RedisServer]:
    """Three servers that keep all that they acknowledge."""
    return [own_server(appendonly="yes", appendfsync="always") for _ in range(3)]


async def is_in(scheduler: Scheduler, wanted: str, partition: int) -> None:
    await until(lambda: state(scheduler, partition) == wanted)


async def moved(scheduler: Scheduler) -> None:
    async def done() -> bool:
        return await scheduler.moving() == ()

    await until(done)


async def test_a_change_waits_for_hints(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = durable(own_server)
    ids = of(servers[:2], 1, 60)
    async with scheduler_of(servers[:2], namespace) as old:
        servers[1].kill()
        await is_in(old, "offline", 1)
        await old.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in ids])
    servers[1].start()
    with pytest.raises(PartitionMismatch, match="hints wait"):
        await scheduler_of(servers, namespace, list_epoch=2).connect()
    async with scheduler_of(servers[:2], namespace) as old:
        assert await old.task_size() == 60, "nothing is changed, and they are applied"
        async with scheduler_of(servers, namespace, list_epoch=2) as new:
            await moved(new)
            assert {task.id async for task in new.tasks()} == set(ids)
            assert (await new.audit()).ok
            for task_id in [*ids, *ids]:
                with pytest.raises(PartitionListChanged):
                    await old.assign_task(IntervalTask(task_id, start=FAR))
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)


async def test_while_tasks_move_no_hints_are_kept(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = durable(own_server)
    async with scheduler_of(servers[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(100))
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(servers, namespace, list_epoch=2) as new:
        assert len(await new.moving()) == 2
        for lost in (1, 2):  # an old home, and one that only the new list has
            task_id = of(servers, lost, 200)[-1]  # not assigned before: what is known stays at its old home for now
            servers[lost].kill()
            await is_in(new, "offline", lost)
            for call in (
                lambda: new.assign_task(IntervalTask(task_id, start=FAR)),  # noqa: B023 - called at once
                lambda: new.remove_task(task_id),  # noqa: B023
                lambda: new.get_task(task_id),  # noqa: B023
            ):
                with pytest.raises(PartitionOffline):
                    await call()
            servers[lost].start()
            await is_in(new, "online", lost)
        assert await new.unlock(lock)
        await moved(new)
        size = await new.task_size()
        servers[2].kill()
        await is_in(new, "offline", 2)
        assert await new.remove_task(of(servers, 2, 1)[0]) is False, "kept again"
        servers[2].start()
        await is_in(new, "online", 2)
        assert await new.task_size() == size - 1

"""Updates beside partitions that are lost, killed, or give their tasks away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from tests.integration.hinting import Trio, back, gone
from tests.integration.processes import check_key_space
from tests.integration.test_moving import moved, scheduler_of
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]
FAR = 4_000_000_000


@pytest_asyncio.fixture
async def trio(own_server: NewServer, namespace: str) -> AsyncIterator[Trio]:
    """Three partitions, of which the last goes away."""
    async with Trio(own_server, namespace) as made:
        yield made


async def test_no_hint_is_kept_of_an_update(trio: Trio) -> None:
    """What the task has there is not known; hints of assignments that wait are applied before an update."""
    scheduler = await trio.scheduler()
    known, new = trio.some("known", 1)[0], trio.some("new", 1)[0]
    await scheduler.assign_task(IntervalTask(known, "old", start=FAR))
    trio.lost.kill()
    await gone(scheduler)
    assert await scheduler.assign_task(IntervalTask(new, "hinted", start=FAR))
    for task_id in (known, new):
        with pytest.raises(PartitionOffline, match="nothing was changed"):
            await scheduler.update_task(task_id, data="updated")
    assert await scheduler.has_task(new), "a hint tells that"
    with pytest.raises(PartitionOffline):
        await scheduler.has_task(known)
    assert trio.waiting() == 1
    trio.lost.start()
    await back(scheduler)
    assert await scheduler.update_task(new, retries=3)
    assert await scheduler.update_task(known, retries=3)
    found = await scheduler.get_task(new)
    assert found is not None
    assert (found.data, found.rules.retries) == ("hinted", 3)


async def test_tasks_are_updated_wherever_they_are_while_they_move(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [server.url for server in servers]
    ids = [f"t{n}" for n in range(300)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(task_id, "old", every=60, start=FAR, retries=1) for task_id in ids)
    async with scheduler_of(urls, namespace, list_epoch=2) as new:
        calls = [new.update_task(task_id, timeout=7, every=90) for task_id in ids]
        calls += [new.update_task(f"none{n}", timeout=7) for n in range(20)]
        assert await asyncio.gather(*calls) == [True] * len(ids) + [False] * 20
        assert await asyncio.gather(*[new.has_task(task_id) for task_id in ids]) == [True] * len(ids)
        assert not await new.has_task("none1")
        await moved(new)
        found = [task async for task in new.tasks()]
        assert sorted(task.id for task in found) == sorted(ids)
        assert {(task.data, task.every, task.rules.retries, task.rules.timeout) for task in found} == {
            ("old", 90, 1, 7)
        }
        assert {task.next_run - FAR for task in found} == {30}
        assert (await new.audit()).ok
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)


async def test_updates_hold_when_the_server_is_killed(own_server: NewServer, namespace: str) -> None:
    """Each update is there as a whole if it was answered, and as a whole or not at all if it was not."""
    server = own_server(appendonly="yes", appendfsync="always")
    acknowledged = dict.fromkeys([f"t{n}" for n in range(20)], 0)
    tried = dict(acknowledged)
    ends = asyncio.Event()
    async with Scheduler.from_url(
        server.url, namespace=namespace, reconnect_interval_seconds=0.05, operation_timeout_seconds=20
    ) as scheduler:
        await scheduler.assign_tasks(IntervalTask(task_id, "0", every=60, start=FAR) for task_id in acknowledged)

        async def update(task_id: str) -> None:
            while not ends.is_set():
                number = tried[task_id] = tried[task_id] + 1
                try:
                    assert await scheduler.update_task(task_id, data=str(number), retries=number % 1000)
                except PartitionOffline:  # or `OutcomeUnknown`
                    await asyncio.sleep(0.01)  # not to ask all the time for a server that is gone
                else:
                    acknowledged[task_id] = number

        callers = [asyncio.create_task(update(task_id)) for task_id in acknowledged]
        for _ in range(3):
            await _all_are_beyond(acknowledged, dict(acknowledged))
            server.kill()
            server.start()
        ends.set()
        await asyncio.gather(*callers)
        await until(lambda: scheduler.online)
        found = {task.id: task async for task in scheduler.tasks()}
        assert found.keys() == acknowledged.keys()
        for task_id, task in found.items():
            number = int(task.data)
            assert acknowledged[task_id] <= number <= tried[task_id]
            assert (task.rules.retries, task.next_run, task.every) == (number % 1000, FAR, 60)
    with server.client() as client:
        check_key_space(client, namespace)


async def _all_are_beyond(counts: dict[str, int], before: dict[str, int]) -> None:
    await until(lambda: all(counts[each] > before[each] + 5 for each in before))


async def test_a_lost_reply_of_a_batch_that_needs_the_next_occurrence(
    redis_server: RedisServer, namespace: str
) -> None:
    """The second request of an update is repeated as the first is, and each change is made once."""
    async with Proxy(redis_server.port) as proxy, Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", cron="0 4 * * *"))
        count = 0

        def each_second(request: bytes) -> bool:
            nonlocal count
            if b"Europe/" not in request and b"Asia/" not in request:
                return False
            count += 1
            return count % 2 == 1

        proxy.drop_reply = each_second
        changes = [{"timezone": "Europe/Riga"}, {"retries": 3}, {"timezone": "Asia/Tokyo"}, {"timeout": 7}]
        assert await asyncio.gather(*[scheduler.update_task("a", **change) for change in changes]) == [True] * 4  # type: ignore[arg-type]
        proxy.drop_reply = lambda _: False
        found = await scheduler.get_task("a")
        assert found is not None
        assert (found.timezone, found.rules.retries, found.rules.timeout) == ("Asia/Tokyo", 3, 7)
        assert proxy.dropped > 0

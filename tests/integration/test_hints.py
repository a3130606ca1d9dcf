"""`on_offline="hint"`: what is assigned and removed while a partition is offline is applied when it is back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from interval_scheduler import HintsFull, IntervalTask, PartitionOffline, Scheduler, StorageFull
from tests.integration.hinting import Trio, back, gone, state
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


@pytest_asyncio.fixture
async def trio(own_server: Callable[..., RedisServer], namespace: str) -> AsyncIterator[Trio]:
    """Three partitions; their key space is checked in the end."""
    async with Trio(own_server, namespace) as made:
        yield made
    for server in made.servers:
        if server.is_running:
            with server.client() as client:
                check_key_space(client, namespace)


async def test_a_partition_returns_with_its_old_data(trio: Trio) -> None:
    """Several schedulers write meanwhile: nothing is doubled, nothing lost, what was removed does not run."""
    one, two, three = [await trio.scheduler() for _ in range(3)]
    old = trio.some("old", 60)
    removed, updated, kept = old[:20], old[20:40], old[40:]
    await one.assign_tasks([IntervalTask(task_id, "old", start=FAR) for task_id in kept])
    due = [IntervalTask(task_id, "old", start=FAR if task_id in updated else None) for task_id in removed + updated]
    await one.assign_tasks(due)
    trio.lost.kill()
    await gone(one, two, three)

    new = trio.some("new", 90)
    again = trio.some("again", 5)
    assert (await one.assign_tasks([IntervalTask(task_id, "new") for task_id in new])).assigned == 90
    assert await two.remove_tasks(removed) == 0, "whether they were scheduled is not known"
    assert await three.assign_tasks([IntervalTask(i, "new") for i in updated], reschedule="start") == (20, 0)
    for task_id in again:
        assert await two.assign_task(IntervalTask(task_id, "1")) is True
        assert await three.assign_task(IntervalTask(task_id, "2")) is False
        assert await one.remove_task(task_id) is True
        assert await two.remove_task(task_id) is False
        assert await one.assign_task(IntervalTask(task_id, "3", start=FAR)) is True
    assert trio.waiting() == 90 + 20 + 20 + 25
    # The others go on.
    assert await one.assign_task(IntervalTask(trio.some("elsewhere", 1, home=1)[0], start=FAR)) is True

    recorders = [Recorder() for _ in range(3)]
    for scheduler, recorder in zip((one, two, three), recorders, strict=True):
        await scheduler.start_task_execute(recorder)
    trio.lost.start()
    await back(one, two, three)
    await until(lambda: sum(len(recorder.runs) for recorder in recorders) >= 110, 20)
    assert trio.waiting() == 0
    for scheduler in (one, two, three):
        await scheduler.stop_task_execute()
    runs = Counter(run.id for recorder in recorders for run in recorder.runs)
    assert runs == dict.fromkeys(new + updated, 1)
    assert {str(data) for recorder in recorders for data in recorder.data} == {"new"}
    assert await one.task_size() == len(kept) + len(again) + 1
    assert [await one.is_scheduled(task_id) for task_id in again] == ["3"] * 5


async def test_looking_at_hints(trio: Trio) -> None:
    scheduler = await trio.scheduler()
    known, removed, unknown = trio.some("t", 3)
    trio.lost.kill()
    await gone(scheduler)
    await scheduler.assign_task(IntervalTask(known, b"\0\n\xff", every=60, start=FAR, retries=2, group="g"))
    await scheduler.remove_task(removed)
    task = await scheduler.get_task(known)
    assert task is not None
    assert (task.data, task.every, task.next_run, task.state) == (b"\0\n\xff", 60, FAR, "waiting")
    assert (task.partition, task.group, task.attempt) == ("p2", "g", 1)
    assert await scheduler.is_scheduled(known) == b"\0\n\xff"
    assert await scheduler.get_task(removed) is None
    with pytest.raises(PartitionOffline, match="p2"):
        await scheduler.get_task(unknown)
    for call in (scheduler.task_size, scheduler.clear_all_tasks, scheduler.pause):
        with pytest.raises(PartitionOffline, match="p2"):
            await call()
    with pytest.raises(PartitionOffline, match="p2"):
        await scheduler.sync_tasks([IntervalTask("s:1")], scope="s:")
    with pytest.raises(PartitionOffline, match="p2"):
        await scheduler.pause_task(known)
    with pytest.raises(PartitionOffline, match="p2"):
        [task async for task in scheduler.tasks()]
    trio.lost.start()
    await back(scheduler)
    applied = await scheduler.get_task(known)
    assert applied == task


async def test_what_was_asked_for_as_soon_as_possible_is_due_from_then(trio: Trio) -> None:
    scheduler = await trio.scheduler()
    (task_id, cron) = trio.some("t", 2)
    trio.lost.kill()
    await gone(scheduler)
    await scheduler.assign_task(IntervalTask(task_id, every=1000))
    await scheduler.assign_task(IntervalTask(cron, cron="0 0 1 1 *"))
    hinted = await scheduler.get_task(task_id), await scheduler.get_task(cron)
    trio.lost.start()
    await back(scheduler)
    assert (await scheduler.get_task(task_id), await scheduler.get_task(cron)) == hinted


async def test_no_room(trio: Trio) -> None:
    scheduler = await trio.scheduler(max_hints=5)
    ids = trio.some("t", 8)
    trio.lost.kill()
    await gone(scheduler)
    outcomes = await asyncio.gather(
        *(scheduler.assign_task(IntervalTask(task_id, start=FAR)) for task_id in ids), return_exceptions=True
    )
    assert outcomes[:5] == [True] * 5
    assert [type(outcome) for outcome in outcomes[5:]] == [HintsFull] * 3
    with pytest.raises(StorageFull, match=r"5 hints .*max_hints"):
        await scheduler.remove_task(ids[0])
    trio.lost.start()
    await back(scheduler)
    assert await scheduler.task_size() == 5
    assert await scheduler.assign_task(IntervalTask(ids[7], start=FAR)) is True


async def test_the_master_is_offline(trio: Trio) -> None:
    """Then its own calls raise, and those for another that is offline as well; that one waits for the master."""
    scheduler = await trio.scheduler()
    (mine,) = trio.some("m", 1, home=0)
    (theirs,) = trio.some("t", 1)
    trio.lost.kill()
    await gone(scheduler)
    await scheduler.assign_task(IntervalTask(theirs, "hinted", start=FAR))
    trio.servers[0].kill()
    await until(lambda: state(scheduler, 0) == "offline")
    for task_id, match in ((mine, "'p0' is offline"), (theirs, "'p2' cannot be used while the master 'p0'")):
        for call in (scheduler.remove_task, scheduler.get_task, lambda i: scheduler.assign_task(IntervalTask(i))):
            with pytest.raises(PartitionOffline, match=match):
                await call(task_id)
    partition = scheduler._host.require().partitions.all[2]
    trio.lost.start()
    await until(lambda: partition.problem is not None and "while the master" in str(partition.problem), 20)
    assert partition.state == "offline"
    trio.servers[0].start()
    await back(scheduler)
    assert await scheduler.is_scheduled(theirs) == "hinted"

"""`on_offline="hint"`: what is assigned and removed while a partition is offline is applied when it is back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from interval_scheduler import (
    GroupNeedsTag,
    HintsFull,
    IntervalTask,
    NotReplicated,
    PartitionOffline,
    Scheduler,
    StorageFull,
)
from interval_scheduler.model.placement import homes
from interval_scheduler.storage.connection.client import _memory_stores
from tests.integration.hinting import QUICK, Trio, back, gone, state
from tests.integration.processes import check_key_space
from tests.proxy import Proxy
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
    await until(lambda: sum(len(recorder.runs) for recorder in recorders) >= 110)
    assert trio.waiting() == 0
    for scheduler in (one, two, three):
        await scheduler.stop_task_execute()
    runs = Counter(run.id for recorder in recorders for run in recorder.runs)
    assert runs == dict.fromkeys(new + updated, 1)
    assert {str(data) for recorder in recorders for data in recorder.data} == {"new"}
    assert await one.task_size() == len(kept) + len(again) + 1
    assert [await one.is_scheduled(task_id) for task_id in again] == ["3"] * 5


async def test_a_task_of_a_bounded_group_needs_a_tag_there_too(trio: Trio) -> None:
    scheduler = await trio.scheduler()
    await scheduler.set_group_concurrency({"g": 1})
    trio.lost.kill()
    await gone(scheduler)
    bare, other = trio.some("t", 2)
    with pytest.raises(GroupNeedsTag):
        await scheduler.assign_task(IntervalTask(bare, group="g", start=FAR))
    assert await scheduler.assign_task(IntervalTask(other, group="h", start=FAR)) is True
    assert trio.waiting() == 1


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
    scheduler = await trio.scheduler(operation_timeout_seconds=5)
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
    partition = scheduler._lifespan.require().partitions.all[2]
    trio.lost.start()
    await until(lambda: partition.problem is not None and "while the master" in str(partition.problem))
    assert partition.state == "offline"
    trio.servers[0].start()
    await back(scheduler)
    assert await scheduler.is_scheduled(theirs) == "hinted"


async def test_one_that_never_lost_the_partition_hears_of_hints(trio: Trio) -> None:
    """Only one scheduler is cut off; the other applies what that one wrote, and says what waits."""
    async with Proxy(trio.lost.port) as proxy:
        cut, near = await trio.scheduler([None, None, proxy]), await trio.scheduler(check_tasks_every_seconds=600)
        there, new = trio.some("t", 2)
        await near.assign_task(IntervalTask(there, start=FAR))
        proxy.drop_reply = lambda _: True
        proxy.cut()
        await gone(cut)
        assert await cut.assign_task(IntervalTask(new, "new", start=FAR)) is True
        assert await cut.remove_task(there) is False

        async def applied() -> bool:
            return await near.is_scheduled(new) == "new" and await near.is_scheduled(there) is None

        await until(applied)
        await until(lambda: trio.waiting() == 0)
        assert state(near) == "online"


async def test_health_tells_what_waits(trio: Trio) -> None:
    scheduler, plain = await trio.scheduler(), await trio.scheduler(on_offline="raise")
    trio.lost.kill()
    await gone(scheduler, plain)
    await scheduler.remove_tasks(trio.some("t", 7))
    for each in (scheduler, plain):
        findings = (await each.check_health()).partitions[2].findings
        assert [(found.code, found.severity) for found in findings] == [("hints", "warning")]
        assert "7 changes wait" in findings[0].message
        assert not (await each.check_health()).partitions[1].findings
    with pytest.raises(PartitionOffline):
        await plain.assign_task(IntervalTask(trio.some("t", 1)[0]))
    trio.lost.start()
    await back(scheduler)
    assert not [f for f in (await scheduler.check_health()).partitions[2].findings if f.code == "hints"]


async def test_a_full_partition_goes_online_and_drains(trio: Trio) -> None:
    scheduler = await trio.scheduler()
    recorder = Recorder()
    old, new = trio.some("old", 5), trio.some("new", 5)
    await scheduler.assign_tasks([IntervalTask(task_id) for task_id in old])
    trio.lost.kill()
    await gone(scheduler)
    await scheduler.assign_tasks([IntervalTask(task_id) for task_id in new])
    await scheduler.start_task_execute(recorder)
    trio.lost._settings["maxmemory"] = "1"
    trio.lost.start()
    await back(scheduler)
    await recorder.ran(5)
    with pytest.raises(StorageFull, match="out of memory"):
        await scheduler.assign_task(IntervalTask(new[0]))
    with trio.lost.client() as client:
        client.config_set("maxmemory", 0)
    await recorder.ran(10)
    assert sorted(run.id for run in recorder.runs) == sorted(old + new)
    await scheduler.stop_task_execute()


async def test_the_embedded_engine(namespace: str) -> None:
    """The same there: its engine plays dead, and what it held is there again afterwards."""
    names = [f"{namespace}-{n}" for n in range(2)]
    home = homes(["a", "b"])
    ids = [f"t{n}" for n in range(50) if home(f"t{n}".encode()) == 1]
    recorder = Recorder()
    async with Scheduler.from_url(
        *(f"memory://{name}?name={each}" for name, each in zip(names, "ab", strict=True)),
        namespace=namespace,
        **QUICK,
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in ids])
        engine = _memory_stores[names[1]]
        engine.connected = False
        scheduler._lifespan.require().partitions.all[1].give_up()
        await until(lambda: state(scheduler, 1) == "offline")
        await scheduler.assign_tasks([IntervalTask(task_id) for task_id in ids[:5]], reschedule="start")
        await scheduler.remove_tasks(ids[5:10])
        assert await scheduler.get_task(ids[5]) is None
        await scheduler.start_task_execute(recorder)
        engine.connected = True
        await recorder.ran(5)
        await scheduler.stop_task_execute()
        assert sorted(run.id for run in recorder.runs) == sorted(ids[:5])
        assert await scheduler.task_size() == len(ids) - 10


async def test_the_published_rights_are_enough(restricted_servers: Callable[..., RedisServer], namespace: str) -> None:
    async with Trio(restricted_servers, namespace) as trio:
        scheduler = await trio.scheduler()
        ids = trio.some("t", 4)
        await scheduler.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in ids[:2]])
        trio.lost.kill()
        await gone(scheduler)
        await scheduler.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in ids[2:]])
        await scheduler.remove_tasks(ids[:2])
        assert await scheduler.is_scheduled(ids[0]) is None
        trio.lost.start()
        await back(scheduler)
        assert await scheduler.task_size() == 2
        assert (await scheduler.audit()).ok


@pytest.mark.usefixtures("short_waits")
async def test_an_assignment_that_is_kept_waits_for_the_replicas_of_the_master(trio: Trio) -> None:
    scheduler = await trio.scheduler(wait_replicas=1)
    (task_id,) = trio.some("t", 1)
    trio.lost.kill()
    await gone(scheduler)
    with pytest.raises(NotReplicated, match="'p0' carried it out, but 0 of 1"):
        await scheduler.assign_task(IntervalTask(task_id, start=FAR))
    assert trio.waiting() == 1, "it may stay, as the error says"
    assert await scheduler.remove_task(task_id) is True, "a removal waits for nobody"


async def test_hints_of_heavy_tasks(trio: Trio) -> None:
    """Both the old and the new payloads are heavy: they are looked up and applied a part at a time."""
    one = await trio.scheduler()
    old, new = trio.some("old", 40), trio.some("new", 20)
    await one.assign_tasks(IntervalTask(task_id, "o" * 250_000, start=FAR) for task_id in old)
    trio.lost.kill()
    await gone(one)
    await one.assign_tasks(IntervalTask(task_id, "light", start=FAR) for task_id in old)
    await one.assign_tasks(IntervalTask(task_id, "n" * 250_000, start=FAR) for task_id in new)
    assert {task and task.data for task in await asyncio.gather(*map(one.get_task, [*old, *new]))} == {
        "light",
        "n" * 250_000,
    }
    trio.lost.start()
    await back(one)
    await until(lambda: trio.waiting() == 0)
    found = {task.id: task.data async for task in one.tasks()}
    assert found == dict.fromkeys(old, "light") | dict.fromkeys(new, "n" * 250_000)

"""Another list of partitions, on real servers: who may change it, who is fenced off, and where calls go meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from interval_scheduler import (
    ConfigurationError,
    IntervalTask,
    PartitionListChanged,
    PartitionMismatch,
    PartitionOffline,
    Scheduler,
)
from interval_scheduler.storage.commands import topology
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000

NewServer = Callable[..., RedisServer]


def scheduler_of(urls: Iterable[str], namespace: str, **options: Any) -> Scheduler:
    options.setdefault("reconnect_interval_seconds", 0.05)
    options.setdefault("operation_timeout_seconds", 20)
    return Scheduler.from_url(*urls, namespace=namespace, **options)


async def moved(scheduler: Scheduler, seconds: float = 60) -> None:
    """Wait until all tasks are at their new homes."""

    async def done() -> bool:
        return await scheduler.moving() == ()

    await until(done, seconds)


async def where(scheduler: Scheduler) -> dict[str, str]:
    return {task.id: task.partition async for task in scheduler.tasks()}


@pytest.fixture
def urls(own_server: NewServer) -> list[str]:
    """Four databases of two servers, with names: so each task has the same home in every run."""
    servers = [own_server(), own_server()]
    return [f"{servers[n % 2].url_of(n // 2)}?name=p{n}" for n in range(4)]


async def test_a_list_grows_and_shrinks(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [server.url for server in servers]
    names = [f"127.0.0.1:{server.port}/0" for server in servers]
    tasks = [IntervalTask(f"t{n}", f"data{n}", every=60, start=START + n) for n in range(600)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(tasks)
        await old.pause_task("t1")
        before = await where(old)
        assert await old.moving() == ()
    async with scheduler_of([urls[2], urls[0], urls[1]], namespace, list_epoch=2, master_index=1) as wider:
        await moved(wider)
        after = await where(wider)
        changed = {task_id for task_id in before if before[task_id] != after[task_id]}
        assert {after[task_id] for task_id in changed} == {names[2]}, "tasks move to the new partition only"
        assert 100 < len(changed) < 300, "about a third of them"
        assert before.keys() == after.keys()
        found = await wider.get_task("t7")
        assert found is not None
        assert (found.data, found.every, found.next_run) == ("data7", 60, START + 7)
        assert [task.id async for task in wider.tasks(state="paused")] == ["t1"]
        assert (await wider.audit()).ok
    async with scheduler_of(urls, namespace):
        pass  # in another order, and with the epoch left out: it is the same list
    async with scheduler_of(urls[:2], namespace, list_epoch=3, leaving=[urls[2]]) as narrower:
        await moved(narrower)
        assert await where(narrower) == before
        assert len((await narrower.check_health()).partitions) == 2
        servers[2].kill()
        await narrower.assign_tasks(tasks)
        assert await narrower.task_size() == 600
    async with scheduler_of(urls[:2], namespace, list_epoch=3, leaving=[urls[2]]) as again:
        assert await again.task_size() == 600, "what has left is not needed any more"
    for server in servers[:2]:
        with server.client() as client:
            check_key_space(client, namespace)


async def test_only_a_list_with_a_greater_epoch_takes_the_place(urls: list[str], namespace: str) -> None:
    async with scheduler_of(urls[:2], namespace) as first:
        await first.assign_task(IntervalTask("a", start=START))
    for epoch in (None, 1):
        with pytest.raises(PartitionMismatch, match="list_epoch changes the list") as caught:
            await scheduler_of(urls[:3], namespace, list_epoch=epoch).connect()
        assert not isinstance(caught.value, PartitionListChanged)
    async with scheduler_of(urls[:3], namespace, list_epoch=5) as second:
        await moved(second)
    for refused in ({}, {"list_epoch": 1}, {"list_epoch": 4}):
        with pytest.raises(PartitionListChanged, match=r"changed to .*\(epoch 5\).* restart this process"):
            await scheduler_of(urls[:2], namespace, **refused).connect()
    with pytest.raises(PartitionMismatch, match="another configuration"):
        await scheduler_of(urls[:2], namespace, list_epoch=5).connect()
    with pytest.raises(PartitionMismatch, match="tell in `leaving`"):
        await scheduler_of(urls[:2], namespace, list_epoch=6).connect()
    with pytest.raises(PartitionMismatch, match="cannot become the master"):
        await scheduler_of(urls[1::-1], namespace, list_epoch=6, leaving=[urls[2]]).connect()
    async with scheduler_of(urls[:3], namespace) as third:
        assert await third.task_size() == 1


async def test_a_partition_that_is_offline_is_told(own_server: NewServer, namespace: str) -> None:
    """Of what cannot be reached, nobody knows that all tasks have moved."""
    servers = [own_server() for _ in range(2)]
    async with scheduler_of([server.url for server in servers], namespace) as scheduler:
        assert await scheduler.moving() == ()
        servers[1].stop()
        offline = scheduler._lifespan.require().partitions.all[1]
        await until(lambda: offline.state == "offline", 60)
        with pytest.raises(PartitionOffline) as caught:
            await scheduler.moving()
        assert caught.value.partition == offline.name
        servers[1].start()
        await until(lambda: offline.state == "online", 60)
        assert await scheduler.moving() == ()


async def test_a_change_needs_every_partition(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    urls = [server.url for server in servers]
    new = own_server()
    async with scheduler_of(urls, namespace):
        pass
    for server in (servers[1], new):
        server.kill()
        with pytest.raises(PartitionOffline, match="must be reached to change the list"):
            await scheduler_of([*urls, new.url], namespace, list_epoch=2).connect()
        server.start()
    async with scheduler_of(urls, namespace) as scheduler:
        assert await scheduler.assign_task(IntervalTask("a", start=START))


async def test_another_change_waits_for_the_first(urls: list[str], namespace: str) -> None:
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(f"t{n}", start=START) for n in range(100))
        lock = await old.try_lock("partitions:move")
        assert lock is not None
        async with scheduler_of(urls[:3], namespace, list_epoch=2) as second:
            assert len(await second.moving()) == 2
            with pytest.raises(PartitionMismatch, match="tasks still move"):
                await scheduler_of(urls, namespace, list_epoch=3).connect()
            assert await old.unlock(lock), "locks are free of the list: the master stays"
            await moved(second)
    async with scheduler_of(urls, namespace, list_epoch=3) as third:
        await moved(third)
        assert await third.task_size() == 100


async def test_two_lists_with_one_epoch(urls: list[str], namespace: str) -> None:
    """The master decides between them."""
    async with scheduler_of(urls[:1], namespace) as old:
        await old.assign_tasks(IntervalTask(f"t{n}", start=START) for n in range(50))
    rivals = [scheduler_of([urls[0], urls[n]], namespace, list_epoch=2) for n in (1, 2)]
    outcomes = await asyncio.gather(*(rival.connect() for rival in rivals), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [PartitionMismatch]
    winner = next(rival for rival, outcome in zip(rivals, outcomes, strict=True) if outcome is None)
    await moved(winner)
    assert await winner.task_size() == 50
    await winner.close()


async def test_a_scheduler_with_a_list_of_the_past(urls: list[str], namespace: str) -> None:
    """It claims, assigns and removes nothing any more; the runs that it has begun end in order."""
    recorder, second = Recorder(), Recorder()
    recorder.gate.clear()
    async with scheduler_of(urls[:2], namespace, check_tasks_every_seconds=0.2) as old:
        await old.assign_tasks(IntervalTask(f"t{n}", every=3600) for n in range(40))
        await old.start_task_execute(recorder)
        await recorder.ran(40)
        async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
            await new.start_task_execute(second)
            for call in (
                lambda n: old.assign_task(IntervalTask(f"t{n}")),
                lambda n: old.assign_task(IntervalTask(f"new{n}")),
                lambda n: old.remove_task(f"t{n}"),
                lambda n: old.pause_task(f"t{n}"),
                lambda _: old.clear_all_tasks(),
                lambda _: old.pause(),
            ):
                outcomes = await asyncio.gather(*(call(n) for n in range(20)), return_exceptions=True)
                assert {type(outcome) for outcome in outcomes} == {PartitionListChanged}
            assert len(await new.moving()) == 2, "what is leased does not move"
            recorder.gate.set()
            await moved(new)
            await new.assign_tasks(IntervalTask(f"t{n}", every=3600, start=1_000_000) for n in range(40))
            found = [task async for task in new.tasks()]
            assert {task.id for task in found} == {f"t{n}" for n in range(40)}
            assert {task.attempt for task in found} == {1}, "no lease has ended"
            assert len({task.partition for task in found}) == 3
            await new.assign_tasks([IntervalTask(f"now{n}") for n in range(20)])
            await second.ran(20)
        with pytest.raises(PartitionListChanged):
            await old.task_size()
        health = await old.check_health()
        assert not health.ok
        assert all("restart this process" in (partition.problem or "") for partition in health.partitions)
    assert len(recorder.runs) == 40
    assert len(second.runs) == 20
    assert {run.id[:3] for run in second.runs} == {"now"}


async def test_calls_bring_home_what_is_on_its_way(urls: list[str], namespace: str) -> None:
    ids = [f"t{n}" for n in range(150)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(task_id, "old", every=60, start=START) for task_id in ids)
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
        partitions = new._lifespan.require().partitions
        migration = partitions.migration
        assert migration is not None
        changing = [raw_id for raw_id in map(str.encode, ids) if migration.changes_home(raw_id)]
        assert len(changing) > 12
        staying, leaving = changing[0::2], changing[1::2]
        for source in migration.old:
            own = [raw_id for raw_id in leaving if migration.old_home(raw_id) is source]
            outbox = await topology.move_out(source, migration.new_home(own[0]).name, own)
            assert len(outbox.batch) == 2 * len(own)
        for group in (staying, leaving):
            one, two, three, four, five, *_ = (raw_id.decode() for raw_id in group)
            assert await new.is_scheduled(one) == "old"
            assert not await new.assign_task(IntervalTask(two, "new", every=60)), "it is updated"
            found = await new.get_task(two)
            assert found is not None
            assert (found.data, found.next_run) == ("new", START), "and keeps its place"
            assert await new.remove_task(three)
            assert await new.is_scheduled(three) is None
            assert await new.pause_task(four)
            assert await new.resume_task(four)
            assert await new.run_task_now(five)
            assert await new.has_task(four)
            assert await new.update_task(four, retries=2)
        counts = await new.assign_tasks(IntervalTask(f"n{n}", start=START) for n in range(300))
        assert counts.assigned == 300
        assert (await new.assign_tasks(IntervalTask(f"n{n}", start=START) for n in range(300))).updated == 300
        assert await new.remove_tasks(f"n{n}" for n in range(300)) == 300
        synced = await new.sync_tasks([IntervalTask(i, "x", start=START) for i in ids[:30]], scope="t")
        assert synced.added + synced.updated == 30
        assert await new.unlock(lock)
        await moved(new)
        homes = await where(new)
        assert set(homes) == set(ids[:30])
        assert all(partitions.home(task_id.encode()).name == home for task_id, home in homes.items())


async def test_runs_are_cancelled_while_tasks_move(urls: list[str], namespace: str) -> None:
    ids = [f"t{n}" for n in range(40)]
    begun: asyncio.Queue[str] = asyncio.Queue()
    cancelled: asyncio.Queue[str] = asyncio.Queue()

    async def executor(data: str) -> None:
        begun.put_nowait(data)
        await asyncio.sleep(600)  # it goes on until it is stopped

    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(task_id, task_id, every=1000) for task_id in ids)
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2, concurrency=40) as new:
        new.on("run-error", lambda run, error: cancelled.put_nowait(f"{run.id} {type(error).__name__}"))
        await new.start_task_execute(executor)
        async with asyncio.timeout(60):
            assert {await begun.get() for _ in ids} == set(ids)
            assert all([await new.cancel_run(task_id) for task_id in ids]), "at the old home, where its lease is"
            assert {await cancelled.get() for _ in ids} == {f"{task_id} RunCancelled" for task_id in ids}
        assert await new.unlock(lock)
        await moved(new)
        assert not any([await new.cancel_run(task_id) for task_id in ids])


async def test_calls_on_a_task_that_moves_keep_their_order(urls: list[str], namespace: str) -> None:
    """Nobody waits for the calls in between, and the task is in the outbox when the first one is made."""
    ids = [f"t{n}" for n in range(60)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(task_id, "old", every=60, start=START) for task_id in ids)
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
        migration = new._lifespan.require().partitions.migration
        assert migration is not None
        changing = [raw_id for raw_id in map(str.encode, ids) if migration.changes_home(raw_id)]
        for source in migration.old:
            own = [raw_id for raw_id in changing if migration.old_home(raw_id) is source]
            await topology.move_out(source, migration.new_home(own[0]).name, own)
        calls: list[Awaitable[Any]] = []
        for raw_id in changing:
            task_id = raw_id.decode()
            calls += [
                new.assign_task(IntervalTask(task_id, "first", start=START)),
                new.remove_task(task_id),
                new.assign_task(IntervalTask(task_id, "second", start=START)),
                new.remove_task(task_id),
                new.assign_task(IntervalTask(task_id, "last", start=START)),
            ]
        results = await asyncio.gather(*calls)
        assert results == [False, True, True, True, True] * len(changing)
        assert await asyncio.gather(*(new.is_scheduled(raw_id.decode()) for raw_id in changing)) == ["last"] * len(
            changing
        )
        await until(lambda: not migration._latest)  # nothing is kept of calls that ended
        assert await new.unlock(lock)


async def test_dead_tasks_are_found_wherever_they_are_while_they_move(urls: list[str], namespace: str) -> None:
    """At the old home, on the way, and at the new home; a reader, who delivers none, asks too."""
    ids = [f"t{n}" for n in range(60)]

    async def executor(data: str) -> None:
        raise ValueError(data)

    async with scheduler_of(urls[:2], namespace) as old:
        await old.start_task_execute(executor)
        await old.assign_tasks(IntervalTask(task_id, task_id) for task_id in ids)

        async def are_dead() -> bool:
            return (await old.overview()).dead == len(ids)

        await until(are_dead, 60)
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
        migration = new._lifespan.require().partitions.migration
        assert migration is not None
        changing = [raw_id for raw_id in map(str.encode, ids) if migration.changes_home(raw_id)]

        async def found_at() -> dict[str, str]:
            found = await asyncio.gather(*map(new.get_dead_task, ids))
            assert [(task and task.id, task and task.error) for task in found] == [
                (task_id, f"ValueError: {task_id}") for task_id in ids
            ]
            return {task.id: task.partition for task in found if task is not None}

        places = await found_at()
        for source in migration.old:
            own = [raw_id for raw_id in changing if migration.old_home(raw_id) is source]
            assert {places[raw_id.decode()] for raw_id in own} == {source.name}
            await topology.move_out(source, migration.new_home(own[0]).name, own)
        reader = scheduler_of(urls[:3], namespace, list_epoch=2)
        await reader.connect(create=False)
        on_its_way = asyncio.ensure_future(reader.get_dead_task(changing[0].decode()))
        places = await found_at()
        there = await on_its_way
        await reader.close()
        assert there is not None
        assert there.partition == places[there.id] == migration.new_home(changing[0]).name
        assert all(places[raw_id.decode()] == migration.new_home(raw_id).name for raw_id in changing)
        assert await new.unlock(lock)
        await moved(new)
        assert await found_at() == places
        assert await new.get_dead_task("unknown") is None


async def test_clearing_while_tasks_move(urls: list[str], namespace: str) -> None:
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(IntervalTask(f"t{n}", start=START) for n in range(60))
        lock = await old.try_lock("partitions:move")
        assert lock is not None
    async with scheduler_of(urls[:3], namespace, list_epoch=2) as new:
        migration = new._lifespan.require().partitions.migration
        assert migration is not None
        for source in migration.old:
            ids = [b"t%d" % n for n in range(60) if migration.old_home(b"t%d" % n) is source]
            own = [raw_id for raw_id in ids if migration.changes_home(raw_id)][:5]
            await topology.move_out(source, migration.new_home(own[0]).name, own)
        await new.clear_all_tasks()
        assert await new.unlock(lock)
        await moved(new)
        assert await new.task_size() == 0


async def test_a_pause_of_the_namespace_holds_for_new_partitions(urls: list[str], namespace: str) -> None:
    recorder = Recorder()
    async with scheduler_of(urls[:2], namespace) as old:
        await old.pause()
        await old.assign_tasks(IntervalTask(f"t{n}") for n in range(60))
    async with scheduler_of(urls[:3], namespace, list_epoch=2, check_tasks_every_seconds=0.1) as new:
        await new.start_task_execute(recorder)
        await moved(new)
        assert await new.queue_size() == 60
        assert recorder.runs == []
        await new.resume()
        await recorder.ran(60)


async def test_options() -> None:
    for bad in (
        {"list_epoch": 0},
        {"list_epoch": True},
        {"leaving": "redis://localhost"},
        {"leaving": ["redis://localhost:6379/0"]},
    ):
        with pytest.raises(ConfigurationError, match=next(iter(bad))):
            Scheduler.from_url("redis://localhost:6379/0", **bad)

"""Queues on real servers: connections, idle cost, crashes, lost servers, and a list of partitions that changes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import IntervalTask, PartitionListChanged, PartitionMismatch, PartitionOffline, Scheduler
from tests.clusters import RedisCluster
from tests.integration.processes import Worker, check_key_space, end_leases, read_ledger
from tests.integration.test_moving import moved, scheduler_of, where
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000

NewServer = Callable[..., RedisServer]


async def test_queues_share_the_connections(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    with server.client() as client:
        own = str(client.client_id())

        def clients() -> tuple[int, int]:
            """All clients of schedulers, and those of them that listen."""
            found = [each for each in client.client_list() if each["id"] != own]
            return len(found), sum(each["sub"] != "0" for each in found)

        # It looks so seldom that it hears of tasks, or not at all.
        async with Scheduler.from_url(
            server.url, namespace=namespace, check_tasks_every_seconds=600, max_connections=8
        ) as scheduler:
            await scheduler.start_task_execute(Recorder())
            alone, _ = clients()
            recorders = [Recorder() for _ in range(10)]
            for n, recorder in enumerate(recorders):
                await scheduler.queue(f"q{n}").start_task_execute(recorder)
            async with Scheduler.from_url(server.url, namespace=namespace) as other:
                for n in range(10):
                    await other.queue(f"q{n}").assign_task(IntervalTask("t", f"{n}"))
                await until(lambda: all(recorder.data for recorder in recorders))
            await until(lambda: clients()[1] == 1)
            together, listening = clients()
        print(f"{alone} connections alone, {together} with ten queues")  # noqa: T201 - the figure
        assert listening == 1, "one subscription hears for all"
        assert together <= 8, f"{alone} alone, {together} with ten queues"
        assert [recorder.data for recorder in recorders] == [[f"{n}"] for n in range(10)]
        await until(lambda: clients() == (0, 0))


async def test_an_idle_queue_asks_for_little(own_server: NewServer, namespace: str) -> None:
    servers, count = [own_server(), own_server()], 5
    urls = [server.url for server in servers]
    async with AsyncExitStack() as stack:
        scheduler = await stack.enter_async_context(Scheduler.from_url(*urls, namespace=namespace))
        for n in range(count):
            await scheduler.queue(f"q{n}").start_task_execute(Recorder())
        with servers[0].client() as client:

            def requests() -> int:
                """What schedulers sent; commands of scripts are not among these."""
                stats: Any = client.info("commandstats")
                return sum(stats.get(f"cmdstat_{each}", {"calls": 0})["calls"] for each in ("evalsha", "eval", "ping"))

            await asyncio.sleep(1)  # what is left of the connecting
            before, began = requests(), time.monotonic()
            await asyncio.sleep(11)  # a figure over time: every ten seconds each looks
            rate = (requests() - before) / (time.monotonic() - began) / count
            print(f"{rate:.3f} requests a second for each queue and partition")  # noqa: T201 - the figure
    assert rate <= 0.5, f"{rate:.2f} requests a second for each queue and partition"


async def test_a_fleet_of_queues_is_killed(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """What ran in one queue comes again there, and the other queue is not touched by anybody who did not name it."""
    ledger, elsewhere = tmp_path / "ledger", tmp_path / "elsewhere"
    options: dict[str, Any] = {"lease_seconds": 30, "concurrency": 10, "check_tasks_every_seconds": 1}
    url, kinds = redis_server.url, ("mail", "feeds")
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        queues = {kind: scheduler.queue(kind) for kind in (*kinds, "reports")}
        for kind, queue in queues.items():
            await queue.assign_tasks([IntervalTask(f"{kind}{n}") for n in range(150)])
        for _ in range(2):
            with Worker(url, namespace, ledger, "sleep:0.05", queues=kinds, **options) as worker:
                seen = len(read_ledger(ledger))
                await until(lambda seen=seen: len(read_ledger(ledger)) > seen + 20)  # type: ignore[misc]
                worker.kill()
            with redis_server.client() as client:
                for kind in kinds:
                    end_leases(client, f"{namespace}.{kind}")
        assert sorted(await scheduler.queues()) == ["feeds", "mail", "reports"]

        async def is_done() -> bool:
            return sum([await queues[kind].task_size() for kind in kinds]) == 0

        with Worker(url, namespace, ledger, "sleep:0", queues=kinds, **options) as worker:
            await until(is_done, 60)
            assert worker.terminate() == 0
        entries = read_ledger(ledger)
        assert {entry.id for entry in entries if entry.event == "end"} == {f"{k}{n}" for k in kinds for n in range(150)}
        starts = Counter(entry.id for entry in entries if entry.event == "start")
        assert sum(starts.values()) - 300 <= 2 * 2 * 2 * 10, "more came again than were in flight"
        assert await queues["reports"].task_size() == 150
        with Worker(url, namespace, elsewhere, "sleep:0", queues=["reports"], **options) as worker:
            await until(lambda: len(read_ledger(elsewhere)) >= 300)
            assert worker.terminate() == 0
    with redis_server.client() as client:
        for suffix in ("", ".mail", ".feeds", ".reports"):
            check_key_space(client, namespace + suffix)


async def test_a_server_that_is_lost_and_comes_back(own_server: NewServer, namespace: str) -> None:
    server = own_server(appendonly="yes")
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.05) as scheduler:
        mail, told, recorder = scheduler.queue("mail"), [], Recorder()
        for event in ("offline", "online"):
            mail.on(event, lambda event=event: told.append(event))
        await mail.start_task_execute(recorder)
        server.kill()
        await until(lambda: not mail.online and not scheduler.online)
        with pytest.raises(PartitionOffline):
            await mail.assign_task(IntervalTask("t"))
        late = scheduler.queue("late")
        with pytest.raises(PartitionOffline):
            await late.assign_task(IntervalTask("t", start=START))
        health = await scheduler.check_health()
        assert not health.ok
        server.start()
        await until(lambda: mail.online and scheduler.online)
        await mail.assign_task(IntervalTask("t", "after"))
        await until(lambda: recorder.data == ["after"])
        assert await late.assign_task(IntervalTask("t", start=START)) is True, "the next call connects it"
        assert await scheduler.queues() == ["late", "mail"]
        assert told == ["online", "offline", "online"]


async def test_a_new_queue_needs_the_master(own_server: NewServer, namespace: str) -> None:
    """Else a change of the list would not know of it."""
    master, other = own_server(appendonly="yes"), own_server()
    urls = [master.url, other.url]
    async with scheduler_of(urls, namespace) as scheduler:
        await scheduler.queue("mail").connect()
    master.kill()
    async with scheduler_of(urls, namespace) as scheduler:
        with pytest.raises(PartitionOffline, match="must be reached to make the queue 'fresh'"):
            await scheduler.queue("fresh").connect()
        await scheduler.queue("mail").connect()
        with pytest.raises(PartitionOffline):
            await scheduler.queues()
        assert await scheduler.acknowledge_data_loss(f"127.0.0.1:{other.port}/0") is False
    master.start()
    async with scheduler_of(urls, namespace) as scheduler:
        assert await scheduler.queues() == ["mail"]


async def test_a_list_changes_for_queues_that_nobody_asked_for(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls, kinds = [server.url for server in servers], ("", "mail", "feeds")
    tasks = [IntervalTask(f"t{n}", start=START + n) for n in range(300)]

    def of(scheduler: Scheduler, kind: str) -> Scheduler:
        return scheduler.queue(kind) if kind else scheduler

    async with scheduler_of(urls[:2], namespace) as old:
        for kind in kinds:
            await of(old, kind).assign_tasks(tasks)
        async with scheduler_of(urls, namespace, list_epoch=2) as wider:
            with pytest.raises(PartitionListChanged):
                await old.queue("mail").assign_tasks(tasks)
            await moved(wider)
            with pytest.raises((PartitionListChanged, PartitionMismatch)):
                await old.queue("fresh").connect()
            assert await wider.queues() == ["feeds", "mail"]
            homes = await where(wider)
            assert len(set(homes.values())) == 3
            assert await wider.moving() == ()
    async with scheduler_of(urls, namespace) as after:
        for kind in kinds:
            assert await where(of(after, kind)) == homes
        assert (await after.audit()).checked == 900
        assert (await after.check_health()).ok
    async with scheduler_of(urls[:2], namespace, list_epoch=3, leaving=[urls[2]]) as narrower:
        await moved(narrower)
        servers[2].kill()
        for kind in kinds:
            assert len(await where(of(narrower, kind))) == 300
    for server in servers[:2]:
        with server.client() as client:
            for suffix in ("", ".mail", ".feeds"):
                check_key_space(client, namespace + suffix)


async def test_a_list_that_is_refused_changes_no_queue(own_server: NewServer, namespace: str) -> None:
    """A queue that was made later has a smaller epoch: that must not let an old list into it."""
    urls = [own_server().url for _ in range(3)]
    async with scheduler_of(urls[:1], namespace) as first:
        await first.assign_task(IntervalTask("t", start=START))
    async with scheduler_of(urls[:2], namespace, list_epoch=5) as second:
        await moved(second)
    async with scheduler_of(urls[:2], namespace) as third:
        await third.queue("mail").assign_task(IntervalTask("t", start=START))
        with pytest.raises(PartitionMismatch):
            await scheduler_of(urls, namespace, list_epoch=4).connect()
        assert await third.queue("mail").is_scheduled("t") is not None
        assert await third.queue("mail").assign_task(IntervalTask("t", start=START)) is False


async def test_hints_of_a_queue_hold_a_change_up(own_server: NewServer, namespace: str) -> None:
    """Schedulers with the old list must be able to go on, or nobody could apply the hints."""
    servers = [own_server(appendonly="yes") for _ in range(3)]
    urls = [server.url for server in servers]
    async with scheduler_of(urls[:2], namespace, on_offline="hint") as old:
        mail = old.queue("mail")
        await mail.connect()
        servers[1].kill()
        await until(lambda: any(each.state == "offline" for each in mail._lifespan.require().partitions.all))
        await mail.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(20)])
    servers[1].start()
    # `leaving` has the instance for whose sake the hints wait: nothing else applies them.
    with pytest.raises(PartitionMismatch, match="hints wait there for another partition"):
        await scheduler_of(urls, namespace, list_epoch=2).connect()
    async with scheduler_of(urls[:2], namespace, on_offline="hint") as old:
        assert await old.queue("mail").task_size() == 20
    async with scheduler_of(urls, namespace, list_epoch=2) as wider:
        await moved(wider)
        assert await wider.queue("mail").task_size() == 20


async def test_queues_in_a_cluster(namespace: str) -> None:
    with RedisCluster(cluster_node_timeout="5000") as cluster:
        cluster.wait_well()
        recorder = Recorder()
        async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
            mail = scheduler.queue("mail")
            await mail.start_task_execute(recorder)
            await mail.assign_tasks([IntervalTask(f"t{n}", f"{n}") for n in range(40)])
            await until(lambda: len(recorder.data) == 40)
            await mail.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(40)])
            async with Scheduler.from_url(cluster.url, namespace=namespace) as other:
                assert await other.queues() == ["mail"]
                assert (await other.audit()).checked == 40
                assert (await other.check_health()).queues["mail"].ok
            assert (await mail.task_size(), await scheduler.task_size()) == (40, 0)
        for node in cluster.primaries():
            with node.client() as client:
                check_key_space(client, namespace)
                check_key_space(client, f"{namespace}.mail")

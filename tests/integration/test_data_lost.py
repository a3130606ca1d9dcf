"""A server that comes back empty: who hears of it, what is refused, and what goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from interval_scheduler import IntervalTask, LockLost, Scheduler
from interval_scheduler.services import heartbeat
from interval_scheduler.storage.scripts.loader import Script
from interval_scheduler.storage.scripts.ports import Argument
from tests.integration.hinting import Trio, back, gone
from tests.integration.processes import check_key_space
from tests.integration.test_moving import moved, scheduler_of, where
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000
NewServer = Callable[..., RedisServer]


class Told:
    """What a scheduler tells of its partitions."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.lost: list[str] = []
        self.gone: list[str] = []
        scheduler.on("data-lost", self.lost.append)
        scheduler.on("db-disconnect", self.gone.append)


def flush(server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()


async def findings(scheduler: Scheduler) -> list[str]:
    """The partitions with the finding."""
    health = await scheduler.check_health()
    assert health.ok, "they work"
    return [each.name for each in health.partitions for finding in each.findings if finding.code == "data-lost"]


@pytest.fixture
def no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report would hear of a loss as well, some seconds later."""
    for name in ("BEAT_SECONDS", "_SOON_SECONDS"):
        monkeypatch.setattr(heartbeat, name, 600)


@pytest.mark.usefixtures("no_reports")
async def test_an_executing_scheduler(own_server: NewServer, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
    """The next claim hears of it; runs end, calls go on, and nothing is ever offline."""
    server, recorder = own_server(), Recorder()
    async with scheduler_of([f"{server.url}?name=p"], namespace, check_tasks_every_seconds=600) as scheduler:
        told = Told(scheduler)
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=0.1) for n in range(20))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        assert await findings(scheduler) == []
        flush(server)
        await until(lambda: told.lost == ["p"])
        (said,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert said.getMessage().startswith("partition p came back without its data: its tasks, ")
        assert "sync_tasks" in said.getMessage()
        assert await scheduler.task_size() == 0
        counts = await scheduler.sync_tasks([IntervalTask("new", every=0.1)], scope="new")
        assert counts.added == 1
        await until(lambda: recorder.runs[-1].id == "new")
        assert await findings(scheduler) == ["p"]
        assert await scheduler.acknowledge_data_loss("p") is True
        assert await findings(scheduler) == []
        assert await scheduler.acknowledge_data_loss("p") is False
        assert (told.lost, told.gone) == (["p"], [])
    with server.client() as client:
        check_key_space(client, namespace)


@pytest.mark.usefixtures("no_reports")
@pytest.mark.parametrize("ends_well", [True, False])
async def test_all_tasks_are_running(own_server: NewServer, namespace: str, *, ends_well: bool) -> None:
    """Nothing is left that would be due; the ends of the runs have the partition looked at."""
    server, begun, may_end = own_server(), asyncio.Event(), asyncio.Event()

    async def hold(_: object) -> None:
        begun.set()
        await may_end.wait()
        if not ends_well:
            raise ValueError

    async with scheduler_of([server.url], namespace, check_tasks_every_seconds=600) as scheduler:
        told = Told(scheduler)
        await scheduler.assign_task(IntervalTask("t", every=600))
        await scheduler.start_task_execute(hold)
        await begun.wait()
        flush(server)
        may_end.set()
        await until(lambda: told.lost)


async def test_a_scheduler_that_only_assigns(own_server: NewServer, namespace: str) -> None:
    """The assignment that meets it is carried out, without a pause and once, and the event is told."""
    server = own_server()
    async with scheduler_of([server.url], namespace, reconnect_interval_seconds=600) as scheduler:
        told = Told(scheduler)
        await scheduler.assign_task(IntervalTask("old", start=START))
        flush(server)
        many = [scheduler.assign_task(IntervalTask(f"t{n}", start=START)) for n in range(300)]
        async with asyncio.timeout(60):
            assert await asyncio.gather(*many, scheduler.remove_task("old"), scheduler.pause_task("old")) == [
                *[True] * 300,
                False,
                False,
            ]
        assert len(told.lost) == 1
        assert await scheduler.task_size() == 300


@pytest.mark.parametrize("call", ["try_lock", "pause", "clear_all_tasks", "clear_dead_tasks", "run_task_now"])
async def test_each_change_hears_of_it(own_server: NewServer, namespace: str, call: str) -> None:
    server = own_server()
    arguments = {"try_lock": ["door"], "run_task_now": ["none"]}
    async with scheduler_of([server.url], namespace, operation_timeout_seconds=600) as scheduler:
        told = Told(scheduler)
        flush(server)
        async with asyncio.timeout(60):
            await getattr(scheduler, call)(*arguments.get(call, []))
        assert len(told.lost) == 1


async def test_calls_that_wait_for_their_turn_know_the_new_birth(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with scheduler_of([server.url], namespace, max_connections=4, operation_timeout_seconds=600) as scheduler:
        told = Told(scheduler)
        flush(server)
        async with asyncio.timeout(60):
            await asyncio.gather(*[scheduler.pause() for _ in range(40)])
        assert (len(told.lost), told.gone) == (1, [])


async def test_a_health_check_hears_of_it(own_server: NewServer, namespace: str) -> None:
    """A scheduler that does nothing at all is told of by its health check, with the finding in the same answer."""
    server = own_server()
    async with scheduler_of([f"{server.url}?name=p"], namespace) as scheduler:
        told = Told(scheduler)
        flush(server)
        assert await findings(scheduler) == ["p"]
        assert told.lost == ["p"]


@pytest.mark.usefixtures("no_reports")
async def test_an_idle_scheduler_looks(own_server: NewServer, namespace: str) -> None:
    """It hears at its next look at the latest."""
    server, recorder = own_server(), Recorder()
    async with scheduler_of([server.url], namespace, check_tasks_every_seconds=0.3) as scheduler:
        told = Told(scheduler)
        await scheduler.start_task_execute(recorder)
        flush(server)
        await until(lambda: told.lost)


async def test_a_restart_without_persistence(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with scheduler_of([server.url], namespace) as scheduler:
        told = Told(scheduler)
        server.kill()
        server.start()
        await until(lambda: told.lost)
        assert await scheduler.assign_task(IntervalTask("t", start=START))


async def test_a_restart_that_loses_nothing(
    own_server: NewServer, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is a first connect a loss."""
    server = own_server(appendonly="yes", appendfsync="always")
    async with scheduler_of([server.url], namespace) as scheduler:
        told = Told(scheduler)
        server.kill()
        server.start()
        assert await scheduler.assign_task(IntervalTask("t", start=START))
        assert await findings(scheduler) == []
        assert told.lost == []
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_two_schedulers(own_server: NewServer, namespace: str) -> None:
    """Each tells once; the finding is for all, survives a new scheduler, and goes for all."""
    server = own_server()
    url = f"{server.url}?name=p"
    async with scheduler_of([url], namespace) as one, scheduler_of([url], namespace) as other:
        told = [Told(one), Told(other)]
        flush(server)
        await one.assign_task(IntervalTask("t", start=START))
        async with scheduler_of([url], namespace) as new:
            late = Told(new)
            assert await findings(new) == ["p"]
            assert await other.assign_task(IntervalTask("t", start=START)) is False
            assert [each.lost for each in (*told, late)] == [["p"], ["p"], []]
            assert await new.acknowledge_data_loss()
            assert [await findings(each) for each in (one, other, new)] == [[], [], []]
        flush(server)
        assert await findings(other) == ["p"], "another loss"
        assert await other.acknowledge_data_loss()
        assert await one.assign_task(IntervalTask("t", start=START)), "it hears after the others acknowledged it"
        assert [each.lost for each in told] == [["p", "p"], ["p", "p"]]
        assert await findings(one) == []


async def test_one_of_three(own_server: NewServer, namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [f"{server.url}?name=p{n}" for n, server in enumerate(servers)]
    recorder = Recorder()
    async with scheduler_of(urls, namespace) as scheduler:
        told = Told(scheduler)
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=0.1) for n in range(60))
        homes = await where(scheduler)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(100)
        flush(servers[1])
        await until(lambda: told.lost == ["p1"])
        left = {task_id for task_id, home in homes.items() if home != "p1"}
        before = len(recorder.runs)
        await until(lambda: {run.id for run in recorder.runs[before:]} >= left)
        await scheduler.stop_task_execute()  # a list may miss a task that moves meanwhile
        assert set(await where(scheduler)) == left
        assert await findings(scheduler) == ["p1"]
        assert await scheduler.acknowledge_data_loss("p0") is False
        assert await findings(scheduler) == ["p1"]
        assert await scheduler.acknowledge_data_loss() is True


async def test_a_key_that_was_changed_is_no_loss(own_server: NewServer, namespace: str) -> None:
    """The key that requests ask, deleted or garbled, is written anew; nobody is told."""
    server, recorder = own_server(), Recorder()
    async with scheduler_of([f"{server.url}?name=p"], namespace) as scheduler:
        told = Told(scheduler)
        await scheduler.assign_task(IntervalTask("t", every=0.1))
        await scheduler.start_task_execute(recorder)
        key = f"{{{namespace}:p}}:epoch"
        with server.client() as client:
            right = client.get(key)
            for value in (None, b"", b"x", b"9" * 400, b"2:1", b"\xff", b"1:" + b"9" * 16):
                client.delete(key)
                if value is not None:
                    client.set(key, value)
                await until(lambda: client.get(key) == right)
                await recorder.ran(len(recorder.runs) + 3)
        assert (told.lost, told.gone) == ([], [])
        assert await findings(scheduler) == []


@pytest.mark.usefixtures("no_reports")
async def test_a_late_copy_from_before(own_server: NewServer, namespace: str) -> None:
    """Old bytes arrive after the loss, before anybody has enrolled and after: nothing is written."""
    server = own_server()
    async with scheduler_of([f"{server.url}?name=p"], namespace) as scheduler:
        copies: list[tuple[Any, ...]] = []
        sender = scheduler._lifespan.require().partitions.master.sender
        evaluate = sender.evaluate

        async def overheard(script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
            copies.append(("EVAL", script.text, len(keys), *keys, *args))
            return await evaluate(script, keys, args)

        vars(sender)["evaluate"] = overheard
        await scheduler.assign_task(IntervalTask("t", start=START))
        await scheduler.pause_task("t")
        await scheduler.pause()
        lock = await scheduler.try_lock("door")
        assert lock is not None
        vars(sender).pop("evaluate")
        assert len(copies) == 4
        flush(server)
        for enrolled in (False, True):
            if enrolled:
                assert await findings(scheduler) == ["p"]
            with server.client() as client:
                for copy in copies:
                    with pytest.raises(Exception, match="UNENROLLED"):
                        client.execute_command(*copy)
                names = {key.decode().rpartition(":")[2] for key in client.keys("*")}
                assert names == ({"partitions", "epoch"} if enrolled else set())


@pytest.mark.leaves_leases("the leases are gone with the data")
async def test_a_run_and_a_lock_in_progress(own_server: NewServer, namespace: str) -> None:
    """What they held is gone: the lock is told lost, the end of the run changes nothing."""
    server, recorder = own_server(), Recorder()
    async with scheduler_of([server.url], namespace, lease_seconds=5) as scheduler:
        recorder.gate.clear()
        await scheduler.assign_task(IntervalTask("t", every=60))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)

        async def hold() -> None:
            async with scheduler.lock("door", 1):
                flush(server)
                await asyncio.Event().wait()

        with pytest.raises(LockLost):
            await hold()
        recorder.gate.set()
        await until(lambda: recorder.active == 0)
        await scheduler.stop_task_execute()
        assert await scheduler.task_size() == 0


async def test_hints_for_a_partition_that_comes_back_empty(own_server: NewServer, namespace: str) -> None:
    """They are applied to it, and the loss is told."""
    async with Trio(own_server, namespace) as trio:
        scheduler = await trio.scheduler()
        told = Told(scheduler)
        old, new = trio.some("old", 20), trio.some("new", 20)
        await scheduler.assign_tasks(IntervalTask(each, start=START) for each in old)
        trio.lost.kill()
        await gone(scheduler)
        await scheduler.assign_tasks(IntervalTask(each, start=START) for each in new)
        assert trio.waiting() == 20
        for kept in trio.lost.folder.glob("appendonly*"):  # a folder or, before Redis 7, a file
            kept.rename(trio.lost.folder / "away")
        trio.lost.start()
        await back(scheduler)
        assert {task.id async for task in scheduler.tasks()} == set(new)
        assert trio.waiting() == 0
        assert told.lost == ["p2"]
        assert await findings(scheduler) == ["p2"]


async def test_hints_on_a_master_that_comes_back_empty(own_server: NewServer, namespace: str) -> None:
    """Those from before are lost with it, which is told; those that come after are kept and applied."""
    async with Trio(own_server, namespace) as trio:
        scheduler = await trio.scheduler()
        told = Told(scheduler)
        trio.lost.kill()
        await gone(scheduler)
        before, after = trio.some("before", 5), trio.some("after", 5)
        await scheduler.assign_tasks(IntervalTask(each, start=START) for each in before)
        flush(trio.servers[0])
        await scheduler.assign_tasks(IntervalTask(each, start=START) for each in after)
        assert told.lost == ["p0"]
        assert trio.waiting() == 5
        trio.lost.start()
        await back(scheduler)
        assert {task.id async for task in scheduler.tasks()} == set(after)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["master", "old", "new"])
async def test_while_tasks_move(own_server: NewServer, namespace: str, which: int) -> None:
    """The move comes to its end; what is left is where it belongs; what was lost is told."""
    servers = [own_server() for _ in range(3)]
    urls = [f"{server.url}?name=p{n}" for n, server in enumerate(servers)]
    tasks = [IntervalTask(f"t{n}", start=START) for n in range(2000)]
    async with scheduler_of(urls[:2], namespace) as old:
        await old.assign_tasks(tasks)
    async with scheduler_of(urls, namespace, list_epoch=2) as new:
        told = Told(new)
        flush(servers[which])
        await new.assign_tasks(tasks)
        await moved(new)
        await until(lambda: told.lost == [f"p{which}"])
        await new.assign_tasks(tasks)
        homes = await where(new)
        assert len(homes) == 2000
        assert set(homes.values()) == {"p0", "p1", "p2"}
        assert (await new.audit()).ok
        assert await findings(new) == [f"p{which}"]
    async with scheduler_of(urls, namespace) as later:
        assert len(await where(later)) == 2000

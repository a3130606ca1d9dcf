"""Queues: several kinds of tasks, each with its own schedule, executor and concurrency, on the same connections."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings

import pytest

from interval_scheduler import (
    BlockingScheduler,
    IntervalTask,
    NotAcceptingTasks,
    NotConnected,
    QueuesFull,
    Scheduler,
    WrongEventLoop,
)
from interval_scheduler.storage.commands import queues as commands
from interval_scheduler.storage.commands.queues import MOST_QUEUES, QueueEntry
from tests.semantics.test_assign import MakeScheduler
from tests.semantics.test_data_loss import lose
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat, until, until_outside

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


async def test_a_queue_is_a_schedule_of_its_own(make_scheduler: MakeScheduler, url: str, namespace: str) -> None:
    scheduler = await make_scheduler()
    mail = scheduler.queue("mail")
    assert await mail.assign_task(IntervalTask("t", "of mail", start=FAR)) is True
    assert await scheduler.get_task("t") is None
    assert await scheduler.assign_task(IntervalTask("t", "of the namespace", start=FAR)) is True
    assert await mail.is_scheduled("t") == "of mail"
    await mail.pause()
    await scheduler.run_task_now("t")
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await until(lambda: recorder.data == ["of the namespace"])
    assert await scheduler.try_lock("door") is not None
    assert await mail.try_lock("door") is not None, "locks are those of the queue too"
    assert await scheduler.clear_all_tasks() == 0
    assert await mail.task_size() == 1
    if not url.startswith("memory"):
        async with Scheduler.from_url(url, namespace=f"{namespace}.mail") as plain:
            assert await plain.is_scheduled("t") == "of mail", "its namespace is <namespace>.<name>"


async def test_a_callback_of_the_event_loop_asks_for_a_queue(make_scheduler: MakeScheduler) -> None:
    scheduler, asked = await make_scheduler(), asyncio.get_running_loop().create_future()
    # No task runs there; with sniffio installed, anyio refuses to start one.
    asyncio.get_running_loop().call_soon(lambda: asked.set_result(scheduler.queue("mail")))
    mail = await asked
    assert await mail.assign_task(IntervalTask("t", start=FAR)) is True
    assert await scheduler.queues() == ["mail"]


async def test_queues_that_are_too_many_hold_up_no_other(
    url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commands, "MOST_QUEUES", 2)
    scheduler = Scheduler.from_url(url, namespace=namespace)
    asked = [scheduler.queue(name) for name in ("a", "b", "c", "d")]
    async with scheduler:
        made = [queue for queue in asked if queue.online]
        assert len(made) == 2
        for queue in (scheduler, *made):
            assert await queue.assign_task(IntervalTask("t", start=FAR)) is True
        for queue in asked:
            if queue not in made:
                with pytest.raises(QueuesFull):
                    await queue.assign_task(IntervalTask("t", start=FAR))
    told = [record.getMessage() for record in caplog.records if "was not made" in record.getMessage()]
    assert len(told) == 2, told


async def test_a_queue_that_is_asked_for_before(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    mail, told = scheduler.queue("mail"), []
    mail.on("online", lambda: told.append("mail"))
    with pytest.raises(NotAcceptingTasks):
        await mail.assign_task(IntervalTask("t", start=FAR))
    with pytest.raises(NotConnected):
        await mail.task_size()
    async with scheduler:
        assert (mail.online, mail.accepting_tasks, mail.executing_tasks, told) == (True, True, False, ["mail"])
        assert await mail.assign_task(IntervalTask("t", start=FAR)) is True
        await scheduler.stop_task_accept()
        with pytest.raises(NotAcceptingTasks):
            await mail.assign_task(IntervalTask("t", start=FAR))
    assert (mail.online, mail.accepting_tasks) == (False, False)
    with pytest.raises(NotConnected):
        await mail.task_size()


async def test_each_call_may_be_the_first(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    assert (await scheduler.queue("a").assign_tasks([IntervalTask("t", start=FAR)])).assigned == 1
    assert await scheduler.queue("b").remove_task("t") is False
    assert await scheduler.queue("c").remove_tasks(["t"]) == 0
    assert (await scheduler.queue("d").sync_tasks([IntervalTask("s:t", start=FAR)], scope="s:")).added == 1
    assert await scheduler.queue("e").clear_all_tasks() == 0
    assert [task.id async for task in scheduler.queue("f").tasks()] == []
    assert [task.id async for task in scheduler.queue("g").dead_tasks()] == []
    async with scheduler.queue("h").lock("door", 5) as held:
        assert held.token > 0
    assert await scheduler.queue("i").try_auto_lock("door", 1) is True
    assert (await scheduler.queue("j").check_health()).ok
    assert (await scheduler.queue("k").audit()).ok
    await scheduler.queue("l").start_task_execute(Recorder())
    assert scheduler.queue("l").executing_tasks
    assert await scheduler.queue("m").run_task_now("t") is False
    await scheduler.queue("l").stop_task_execute()
    assert await scheduler.queue("n").run_history("t") == ()
    assert (await scheduler.queue("o").failing_page()).tasks == ()
    assert await scheduler.queue("p").has_task("t") is False
    assert await scheduler.queue("q").get_rate() is None
    assert await scheduler.queue("r").count_tasks(prefix="t") == 0
    scheduler.queue("s")
    assert await scheduler.queues() == list("abcdefghijklmnopqrs"), "also one on which nothing was called"
    assert await scheduler.queue("a").queues() == []


async def test_a_queue_that_is_empty_exists_for_all(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    assert await one.queues() == []
    await one.queue("mail").connect()
    assert await other.queues() == ["mail"]


async def test_slow_runs_of_one_kind_do_not_hold_up_another(make_scheduler: MakeScheduler) -> None:
    """One executor that dispatches by kind would let the slow ones take all places."""
    scheduler = await make_scheduler(drain_seconds=0)
    reports, mails = Recorder(), Recorder()
    reports.gate.clear()  # none of them ends
    await scheduler.queue("report").assign_tasks(IntervalTask(f"r{n}", f"r{n}") for n in range(60))
    await scheduler.queue("report", concurrency=100).start_task_execute(reports, concurrency=2)
    await scheduler.queue("mail", concurrency=5).start_task_execute(mails)
    await until(lambda: reports.active == 2)
    await scheduler.queue("mail").assign_tasks(IntervalTask(f"m{n}", f"m{n}") for n in range(50))
    await until(lambda: len(mails.data) == 50)
    assert (reports.active, reports.most_active) == (2, 2)
    assert mails.most_active <= 5
    assert await scheduler.queue("report").queue_size() == 58
    reports.gate.set()
    await until(lambda: len(reports.data) == 60)
    assert reports.most_active == 2


async def test_a_process_runs_only_the_queues_that_it_names(make_scheduler: MakeScheduler) -> None:
    assigns, executes = await make_scheduler(), await make_scheduler()
    mail = Recorder()
    await executes.queue("mail").start_task_execute(mail)
    for name in ("mail", "report"):
        await assigns.queue(name).assign_task(IntervalTask("t", name))
    await until(lambda: mail.data == ["mail"])
    assert await assigns.queue("report").queue_size() == 1
    assert executes.executing_tasks is False


async def test_the_namespace_closes_with_all_queues_at_once(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace, drain_seconds=2)
    held = [Recorder() for _ in range(4)]
    async with heartbeat() as beat, scheduler:
        for n, recorder in enumerate(held):
            recorder.gate.clear()
            queue = scheduler.queue(f"q{n}", cancel_grace_seconds=1)
            await queue.start_task_execute(recorder)
            await queue.assign_task(IntervalTask("t"))
        await until(lambda: all(recorder.active for recorder in held))
        held[0].gate.set()  # this one may end in the drain
        started = time.monotonic()
    took = time.monotonic() - started
    assert 1.9 < took < 5 + 3 * beat.longest, "within one drain, not within one after the other"
    assert [len(recorder.cancelled) for recorder in held] == [0, 1, 1, 1]


async def test_a_queue_has_its_own_drain_within_that_of_its_namespace(url: str, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(url, namespace=namespace, drain_seconds=20) as scheduler:
        mail = scheduler.queue("mail", drain_seconds=0)
        await mail.start_task_execute(recorder)
        await mail.assign_task(IntervalTask("t"))
        await until(lambda: recorder.active)
        started = time.monotonic()
    assert time.monotonic() - started < 10


async def test_a_run_of_a_queue_closes_the_namespace(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    mail, ended = scheduler.queue("mail"), asyncio.Event()

    async def closes(data: str) -> None:
        await scheduler.close()
        with pytest.raises(NotConnected):
            await scheduler.connect()
        with pytest.raises(NotConnected):
            await scheduler.queue("other").connect()
        ended.set()

    await mail.start_task_execute(closes)
    await mail.start_task_accept()
    await mail.assign_task(IntervalTask("t"))
    async with asyncio.timeout(25):
        await ended.wait()
        await until(lambda: not scheduler.online)
        await scheduler.close()
    assert not mail.online


async def test_a_handler_of_a_queue_closes_the_namespace(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    mail, ended = scheduler.queue("mail"), asyncio.Event()

    async def closes(*_: object) -> None:
        await scheduler.close()
        ended.set()

    mail.on("run", closes)
    await scheduler.start_task_accept()
    await mail.start_task_execute(Recorder())
    await mail.assign_task(IntervalTask("t"))
    async with asyncio.timeout(25):
        await ended.wait()
    assert (scheduler.online, mail.online) == (False, False)


async def test_a_queue_that_is_closed_alone(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    mail, feeds, recorder = scheduler.queue("mail"), scheduler.queue("feeds"), Recorder()
    await mail.start_task_execute(recorder)
    await feeds.start_task_execute(recorder)
    await mail.close()
    assert (mail.online, mail.executing_tasks, feeds.online, scheduler.online) == (False, False, True, True)
    for call in (mail.task_size, mail.audit):
        with pytest.raises(NotConnected):
            await call()
    with pytest.raises(NotAcceptingTasks):
        await mail.assign_task(IntervalTask("t"))
    await scheduler.start_task_accept()
    assert not mail.accepting_tasks, "the namespace was connected, so the queue stays closed"
    assert (await scheduler.check_health()).queues["mail"].ok, "it exists all the same"
    await feeds.assign_task(IntervalTask("t", "of feeds"))
    await until(lambda: recorder.data == ["of feeds"])
    await mail.start_task_accept()
    assert await mail.assign_task(IntervalTask("t", start=FAR)) is True
    await mail.close()
    await scheduler.close()
    await scheduler.start_task_accept()
    assert await mail.task_size() == (1 if mail.online else 0), "it connects with the namespace again"
    assert mail.online


async def test_a_queue_as_a_block(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    async with scheduler.queue("mail") as mail:
        assert scheduler.online, "a queue connects its namespace"
        assert await mail.assign_task(IntervalTask("t", start=FAR)) is True
        assert not scheduler.accepting_tasks
    assert (mail.online, scheduler.online) == (False, True)
    await scheduler.close()


async def test_health_covers_the_queues(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    await one.queue("mail").start_task_execute(Recorder())
    await one.queue("feeds").connect()
    health = await one.check_health()
    assert (list(health.queues), health.ok) == (["feeds", "mail"], True)
    assert health.queues["mail"].executing
    assert not health.queues["feeds"].executing
    there = await other.check_health()
    assert (list(there.queues), there.ok) == (["feeds", "mail"], True)
    assert there.queues["mail"].partitions[0].name == there.partitions[0].name
    assert there.queues["mail"].queues == {}
    assert other.queue("mail", concurrency=3)._options.concurrency == 3, "it was not asked for by a look"
    assert (await Scheduler.from_url("memory://").check_health()).queues == {}


async def test_an_audit_covers_the_queues(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    mail = one.queue("mail")
    await mail.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(5))
    await one.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(3))
    partition = mail._lifespan.require().partitions.master
    await partition._client.zrem(partition.keys.due, "t1")
    steps: list[tuple[int, int]] = []
    report = await other.audit(progress=lambda done, of: steps.append((done, of)))
    assert (report.checked, dict(report.counts)) == (8, {"orphan": 1})
    assert [(each.queue, each.id) for each in report.problems] == [("mail", "t1")]
    assert str(report.problems[0]).startswith(f"{partition.name}: queue 'mail': 't1' is orphan")
    assert steps[-1] == (8, 8)
    assert (await other.audit(repair=True)).ok
    assert (await mail.audit()).counts == {}


async def test_losses_are_acknowledged_for_the_queues(
    make_scheduler: MakeScheduler, url: str, redis_server: RedisServer, namespace: str
) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    lost: list[str] = []
    mail = one.queue("mail")
    mail.on("data-lost", lost.append)
    await mail.assign_task(IntervalTask("t", start=FAR))
    await lose(one, url, redis_server, namespace)
    assert await mail.assign_task(IntervalTask("t", start=FAR)) is True
    assert await one.task_size() == 0
    await until(lambda: lost)

    async def finds() -> bool:
        health = await other.check_health()
        return "data-lost" in {each.code for each in health.queues["mail"].partitions[0].findings}

    assert await other.queues() == ["mail"], "it was entered into the list again"
    assert await finds()
    assert await other.acknowledge_data_loss() is True
    assert not await finds()
    assert await other.acknowledge_data_loss() is False
    assert await other.moving() == ()


async def test_what_anybody_wrote_into_the_list_is_no_queue(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.zadd(partition.keys.queues, {b"\xff": 1, b"a.b": 2, b"mail": 3})
    assert await scheduler.queues() == ["\\xff", "a.b", "mail"]
    health = await scheduler.check_health()
    assert list(health.queues) == ["mail"]
    assert (await scheduler.audit()).ok


async def test_one_queue_too_many_is_not_listed_and_hides_no_other(scheduler: Scheduler, url: str) -> None:
    partition = scheduler._lifespan.require().partitions.master
    names = [f"q{n:03}" for n in range(MOST_QUEUES)]
    for name in names:
        await commands.enter_queue(partition, QueueEntry(name, partition.keys), partition.handshake.expected.list)
    more = scheduler.queue("more")
    with pytest.raises(QueuesFull, match="'more' was not made"):
        await more.task_size()
    assert await scheduler.queues() == names
    with pytest.raises(QueuesFull):
        await more.assign_task(IntervalTask("t", start=FAR))
    assert await scheduler.queues() == names


async def test_the_queue_of_another_event_loop(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    mail = scheduler.queue("mail")
    await mail.connect()

    def elsewhere() -> None:
        for call in (mail.task_size, mail.connect, mail.close, scheduler.queues, scheduler.close):
            with pytest.raises(WrongEventLoop):
                asyncio.run(call())
        fresh = scheduler.queue("fresh")
        with pytest.raises(WrongEventLoop):
            asyncio.run(fresh.connect())

    await asyncio.to_thread(elsewhere)
    assert await mail.task_size() == 0
    assert await scheduler.queues() == ["fresh", "mail"]


async def test_only_the_namespace_says_that_it_was_never_closed(url: str, namespace: str) -> None:
    scheduler: Scheduler | None = Scheduler.from_url(url, namespace=namespace)
    assert scheduler is not None
    mail = scheduler.queue("mail")
    await mail.connect()
    family = scheduler._family
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scheduler = None
        gc.collect()
        assert told == [], "one of its queues is still used"
        del mail
        gc.collect()
    assert [str(each.message).partition(" was")[0] for each in told if each.category is ResourceWarning] == [
        f"Scheduler(namespace={namespace!r}, partitions=[{family.root.options.storage.master.partition_name}])"
    ]
    await family.close(family.root, 0)


async def test_a_blocking_scheduler_has_queues_too(url: str, namespace: str) -> None:
    def use() -> None:
        ran: list[str] = []
        with BlockingScheduler.from_url(url, namespace=namespace) as scheduler:
            mail = scheduler.queue("mail", concurrency=2)
            assert mail is scheduler.queue("mail")
            mail.start_task_execute(ran.append)
            assert mail.assign_task(IntervalTask("t", "hello")) is True
            assert scheduler.queues() == ["mail"]
            until_outside(lambda: ran)
            mail.close()
            assert scheduler.online
            assert not mail.online
            with mail:
                assert mail.accepting_tasks
            assert scheduler.task_size() == 0
        assert ran == ["hello"]
        for call in (mail.task_size, scheduler.queues):
            with pytest.raises(NotConnected):
                call()
        mail.close()
        scheduler.close()

    await asyncio.to_thread(use)

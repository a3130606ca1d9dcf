"""`statistics`, `schedulers` and `tail`: each run is counted once, and a scheduler is on the list while it is there."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from interval_scheduler import (
    BlockingScheduler,
    IntervalTask,
    InvalidValue,
    NotConnected,
    Point,
    Retry,
    Scheduler,
    SchedulerCard,
    TaskRun,
    current_run,
)
from interval_scheduler.config.options import Delivery
from interval_scheduler.services import heartbeat
from tests.waiting import Recorder, until, until_outside

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
EITHER = pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])


async def executor(data: str) -> None:
    """Does what the payload says, word by word, one run after the other."""
    words = data.split()
    word = words[min(current_run().attempt, len(words)) - 1] if words else ""
    if word == "fail":
        raise ValueError("no such account")
    if word == "hang":
        await asyncio.sleep(HOUR)  # until it is cut short
    if word == "later":
        raise Retry(after=HOUR)


async def total(scheduler: Scheduler) -> Point:
    series = await scheduler.statistics(time.time() - 600)
    assert series.missing == ()
    return series.total


async def counted(scheduler: Scheduler) -> dict[str, int]:
    """All counts but for the lags, those above 0."""
    point = await total(scheduler)
    names = ("runs", "failures", "timeouts", "postponed", "retries", "crashed", "dead", "lost_leases", "skipped")
    return {name: getattr(point, name) for name in names if getattr(point, name)}


@pytest.fixture
def only_stops_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is counted by a beat, and a stop waits for its report for as long as a slow machine needs."""
    for name, seconds in (("BEAT_SECONDS", 600), ("_LAST_SECONDS", 60), ("_SHORTEST_SECONDS", 60)):
        monkeypatch.setattr(heartbeat, name, seconds)


async def shown(scheduler: Scheduler) -> list[SchedulerCard]:
    """The cards; there is one at least."""
    found: list[SchedulerCard] = []

    async def is_any() -> bool:
        found[:] = await scheduler.schedulers()
        return bool(found)

    await until(is_any)
    return found


@pytest.mark.usefixtures("only_stops_report")
@EITHER
async def test_each_way_of_ending_is_counted_once(make_scheduler: MakeScheduler, delivery: Delivery) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    tasks = [
        *(IntervalTask(f"ok{n}") for n in range(20)),
        IntervalTask("recurs", every=HOUR),
        IntervalTask("kept", every=HOUR, history=1),
        IntervalTask("again", "fail fail ok", every=HOUR, retries=2, backoff=0.001),
        IntervalTask("dies", "fail", retries=1, backoff=0.001),
        IntervalTask("hangs", "hang", every=HOUR, timeout=0.02, retries=0),
        IntervalTask("later", "later", every=HOUR, retries=1),
        IntervalTask("late", every=HOUR, start=time.time() - HOUR / 2, late="skip", start_deadline=1),
    ]
    assert (await scheduler.assign_tasks(tasks)).assigned == len(tasks)
    recorder: list[TaskRun] = []
    scheduler.on("run", recorder.append)
    await scheduler.start_task_execute(executor)
    await until(lambda: len(recorder) == 20 + 2 + 3 + 2 + 1 + 1)
    await scheduler.stop_task_execute()
    found = await counted(scheduler)
    assert found.pop("dead") == 1
    assert found == {
        "runs": 29,
        "failures": 2 + 2 + 1,
        "timeouts": 1,
        "postponed": 1,
        "retries": 2 + 1,
        "skipped": 1,
    }


@pytest.mark.usefixtures("only_stops_report")
async def test_lags_are_those_of_the_claims(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    now = time.time()
    await scheduler.assign_tasks([IntervalTask(f"a{n}", start=now - 20) for n in range(7)])
    await scheduler.assign_tasks([IntervalTask(f"b{n}", start=now - 2000) for n in range(3)])
    await scheduler.start_task_execute(recorder)
    await recorder.ran(10)
    await scheduler.stop_task_execute()
    point = await total(scheduler)
    assert {edge: count for edge, count in zip(Point.LAG_EDGES, point.lags, strict=False) if count} == {60.0: 7}
    assert (point.lags[-1], point.claimed, point.lag(0.5)) == (3, 10, 60.0)


@pytest.mark.usefixtures("only_stops_report")
async def test_the_runs_of_batches_are_counted(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    ended: list[TaskRun] = []

    async def many(runs: list[TaskRun]) -> None:
        ended.extend(runs)

    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(50)])
    await scheduler.start_task_execute(many, batch=20)
    await until(lambda: len(ended) == 50)
    await scheduler.stop_task_execute()
    assert await counted(scheduler) == {"runs": 50}


@pytest.mark.usefixtures("only_stops_report")
async def test_runs_that_are_cut_short_are_handed_back(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=HOUR) for n in range(3)])
    await scheduler.start_task_execute(recorder)
    await recorder.ran(3)
    await scheduler.stop_task_execute(drain_seconds=0)
    point = await total(scheduler)
    assert (point.runs, point.lost_leases) == (0, 0)
    assert point.handed_back >= 3  # on a slow machine, also some that had not begun


@pytest.mark.usefixtures("only_stops_report")
async def test_two_executions_of_a_scheduler_add_up(scheduler: Scheduler) -> None:
    for n in range(2):
        recorder = Recorder()
        await scheduler.assign_tasks([IntervalTask(f"{n} {k}") for k in range(5)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(5)
        await scheduler.stop_task_execute()
    assert (await total(scheduler)).runs == 10


async def test_counts_are_reported_every_few_seconds(scheduler: Scheduler) -> None:
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=HOUR))

    async def is_counted() -> bool:
        return (await total(scheduler)).runs == 1

    await until(is_counted)


@pytest.mark.usefixtures("only_stops_report")
async def test_several_partitions_are_summed(namespace: str) -> None:
    urls = [f"memory://{uuid.uuid4().hex}" for _ in range(3)]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        recorder = Recorder()
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(60)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(60)
        cards = await shown(scheduler)
        await until(lambda: _reaches(scheduler, 3))
        await scheduler.stop_task_execute()
        assert (await total(scheduler)).runs == 60
        assert len(cards) == 1


async def _reaches(scheduler: Scheduler, many: int) -> bool:
    return [len(card.partitions) for card in await scheduler.schedulers()] == [many]


@pytest.mark.usefixtures("only_stops_report")
async def test_a_queue_has_counts_of_its_own(scheduler: Scheduler) -> None:
    mail, recorder = scheduler.queue("mail"), Recorder()
    await scheduler.assign_task(IntervalTask("a"))
    await mail.assign_tasks([IntervalTask(f"m{n}") for n in range(3)])
    await scheduler.start_task_execute(recorder)
    await mail.start_task_execute(recorder)
    await recorder.ran(4)
    await mail.stop_task_execute()
    await scheduler.stop_task_execute()
    assert ((await total(scheduler)).runs, (await total(mail)).runs) == (1, 3)


async def test_the_card_of_a_scheduler(make_scheduler: MakeScheduler) -> None:
    before = time.time()
    scheduler = await make_scheduler(concurrency=5)
    recorder = Recorder()
    recorder.gate.clear()
    assert [(card.accepting, card.executing, card.places) for card in await shown(scheduler)] == [(True, False, 0)]
    mail = scheduler.queue("mail", concurrency=2)
    await scheduler.start_task_execute(recorder)
    await mail.start_task_execute(recorder)
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=HOUR) for n in range(3)])
    await mail.assign_task(IntervalTask("m", every=HOUR))
    await recorder.ran(4)
    scheduler._core.census.changed()  # or it would be told some seconds later

    async def runs() -> bool:
        return [card.running for card in await scheduler.schedulers()] == [4]

    await until(runs)
    [card] = await scheduler.schedulers()
    assert (card.host, card.pid) == (socket.gethostname(), os.getpid())
    assert (card.accepting, card.executing, card.queues, card.places) == (True, True, ("mail",), 7)
    assert {(run.id, run.queue) for run in card.longest} == {*((f"t{n}", None) for n in range(3)), ("m", "mail")}
    assert [run.since for run in card.longest] == sorted(run.since for run in card.longest)
    assert all(before - 1 < moment < time.time() + 1 for moment in (card.since, card.last_seen))
    assert all(before - 1 < run.since < time.time() + 1 for run in card.longest)
    [of_queue] = await mail.schedulers()
    assert (of_queue.id, of_queue.executing, of_queue.places, of_queue.running) == (card.id, True, 2, 1)
    assert [run.id for run in of_queue.longest] == ["m"]
    assert await scheduler.queue("other").schedulers() == []
    recorder.gate.set()
    await mail.stop_task_execute()
    await until(lambda: _executes(scheduler, ()))
    assert await mail.schedulers() == []


async def _executes(scheduler: Scheduler, queues: tuple[str, ...]) -> bool:
    return [card.queues for card in await scheduler.schedulers()] == [queues]


async def test_one_that_is_closed_is_gone_at_once(make_scheduler: MakeScheduler) -> None:
    scheduler, other = await make_scheduler(), await make_scheduler()

    async def both() -> bool:
        return len({card.id for card in await scheduler.schedulers()}) == 2

    await until(both)
    await other.close()
    assert len(await scheduler.schedulers()) == 1
    await scheduler.stop_task_accept()

    async def none() -> bool:
        return await scheduler.schedulers() == []

    await until(none)


async def test_one_without_statistics_tells_nothing(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(statistics=False)
    recorder = Recorder()
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await scheduler.stop_task_execute()
    assert (await scheduler.schedulers(), await counted(scheduler)) == ([], {})


async def test_garbage_is_left_out_of_the_list(scheduler: Scheduler) -> None:
    partition = scheduler._lifespan.require().partitions.master
    card = (await shown(scheduler))[0]
    now = await partition.now_ms()
    garbage: dict[bytes, bytes] = {b"g1": b"nonsense", b"\xff": b"[1]", b"g3": b"{}"}
    await partition.link.client.hset(partition.keys.cards, mapping=garbage)
    await partition.link.client.zadd(partition.keys.seen, dict.fromkeys(garbage, now))
    assert [each.id for each in await scheduler.schedulers()] == [card.id]


async def test_bad_times(scheduler: Scheduler) -> None:
    for since, until_, resolution in (
        (time.time() - 4 * HOUR, None, "1m"),
        (5, None, "1m"),
        (time.time(), 1.9e9, "2m"),
    ):
        with pytest.raises(InvalidValue):
            await scheduler.statistics(since, until_, resolution=resolution)  # type: ignore[arg-type]
    assert len(await scheduler.statistics(time.time() - 7 * 24 * HOUR, resolution="10m")) in (1009, 1010)
    assert len(await scheduler.statistics(time.time() - 600, time.time() - 540)) in (1, 2)


async def test_runs_are_watched_while_somebody_does(make_scheduler: MakeScheduler, monkeypatch: Any) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(heartbeat, "_SAMPLE_SECONDS", 0.05)
    worker, watcher = await make_scheduler(), await make_scheduler()
    await worker.start_task_execute(executor)
    await worker.assign_tasks(
        [IntervalTask("ok", every=0.05), IntervalTask("bad", "fail", every=0.05, retries=1, backoff=0.01)]
    )
    sampling = worker._lifespan.require().sampling
    assert not sampling.is_on
    found = {}
    async with asyncio.timeout(60), aclosing(watcher.tail()) as runs:
        async for run in runs:
            found[run.id] = run
            if len(found) == 2:
                break
    assert (found["ok"].outcome, found["ok"].error, found["bad"].outcome) == ("ok", None, "failed")
    assert found["bad"].error == "ValueError: no such account"
    assert all(0 <= run.lag < 60 and 0 <= run.duration < 60 and run.stands_for >= 1 for run in found.values())
    assert all(abs(time.time() - run.ended) < 60 for run in found.values())
    names = {run.scheduler for run in found.values()}

    async def has_cards() -> bool:
        return names <= {card.id for card in await watcher.schedulers()}

    await until(has_cards)
    await until(lambda: not sampling.is_on)  # nobody watches any more


async def test_a_run_of_a_queue_names_the_card_of_its_scheduler(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def executor(_: str) -> None: ...

    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "_SAMPLE_SECONDS", 0.05)
    worker, watcher = await make_scheduler(), await make_scheduler()
    mail = worker.queue("mail")
    await mail.start_task_execute(executor)
    await mail.assign_task(IntervalTask("a", every=0.05))
    async with asyncio.timeout(60), aclosing(watcher.queue("mail").tail()) as runs:
        run = await anext(runs)
        found: list[str] = []
        while not found:
            found = [card.id for card in await watcher.queue("mail").schedulers() if "mail" in card.queues]
    assert found == [run.scheduler]
    await mail.stop_task_execute()


async def test_a_close_ends_the_watching(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    seen: list[Any] = []

    async def watch() -> str:
        async for run in scheduler.tail():
            seen.append(run)  # noqa: PERF401 - one by one, as they come
        return "ended"

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)  # the watching has begun, of which nothing tells
    await scheduler.close()
    assert await asyncio.wait_for(watching, 60) == "ended"
    with pytest.raises(NotConnected):
        await anext(scheduler.tail())
    await scheduler.start_task_accept()


async def test_from_a_blocking_scheduler(url: str, namespace: str) -> None:
    def use() -> None:
        ran: list[str] = []
        with BlockingScheduler.from_url(url, namespace=namespace) as scheduler:
            scheduler.start_task_execute(ran.append)
            scheduler.assign_task(IntervalTask("a", "x", every=0.05))
            until_outside(scheduler.schedulers)
            runs = scheduler.tail()
            assert next(runs).id == "a"
            runs.close()
            scheduler.stop_task_execute()
            until_outside(lambda: scheduler.statistics(time.time() - 600).total.runs == len(ran))

    await asyncio.to_thread(use)

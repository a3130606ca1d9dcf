"""The metrics that are read from Redis: by one process, in the event loop of the scheduler, and only while fresh."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Mapping

import pytest
from opentelemetry.sdk.metrics.export import Metric

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler, StorageRefused
from interval_scheduler.telemetry import instrument, stored
from interval_scheduler.telemetry.rows import Row
from tests.servers import RedisServer
from tests.telemetry.collecting import DEADLINE_SECONDS, in_memory, points
from tests.waiting import until

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
TASKS = "interval_scheduler.tasks"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty readings a second instead of one in ten seconds."""
    monkeypatch.setattr(stored, "PERIOD", 0.05)
    monkeypatch.setattr(stored, "_LOOK", 0.02)
    monkeypatch.setattr(stored, "_HELD", 1.0)


async def _fails(_: str) -> None:
    raise RuntimeError("it does not work")


@pytest.mark.asyncio
async def test_they_tell_what_redis_has(scheduler: Scheduler, namespace: str) -> None:
    mail = scheduler.queue("mail")
    await scheduler.assign_tasks([IntervalTask(f"every{n}", every=60, start=time.time() + 30) for n in range(120)])
    await scheduler.assign_tasks([IntervalTask("old", start=time.time() - 100), IntervalTask("paused", every=HOUR)])
    await scheduler.pause_task("paused")
    await mail.assign_task(IntervalTask("bad"))
    await mail.start_task_execute(_fails)
    await until(lambda: mail.counts().partitions[0].dead == 1, DEADLINE_SECONDS)
    [partition] = [each.name for each in scheduler.counts().partitions]
    with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
        queue = f"{namespace}.mail"
        read = {("dead", queue, partition), ("dead", namespace, partition)}  # each is read by itself
        await until(lambda: read <= points_of(collect(), TASKS).keys(), DEADLINE_SECONDS)
        found = collect()
        assert {key: value for key, value in points_of(found, TASKS).items() if value} == {
            ("waiting", namespace, partition): 121,
            ("paused", namespace, partition): 1,
            ("dead", queue, partition): 1,
        }
        assert points_of(found, "interval_scheduler.due") == {(namespace, partition): 1, (queue, partition): 0}
        ages = points_of(found, "interval_scheduler.due.age")
        assert 99 < ages[namespace, partition] < 100 + DEADLINE_SECONDS
        assert ages[queue, partition] == 0
        demand = points_of(found, "interval_scheduler.demand")
        assert demand[(namespace,)] == pytest.approx(2, rel=0.2)
        # It accepts tasks, and tells so within five seconds.
        await until(
            lambda: points_of(collect(), "interval_scheduler.schedulers") == {(namespace,): 1, (queue,): 1},
            DEADLINE_SECONDS,
        )


@pytest.mark.asyncio
async def test_one_process_reads_and_another_takes_over(
    make_scheduler: MakeScheduler, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FRESH", 0.5)
    monkeypatch.setattr(stored, "_HELD", DEADLINE_SECONDS)  # so that it is not lost meanwhile
    first, second = await make_scheduler(), await make_scheduler()
    with in_memory() as (one, collect_first), in_memory() as (other, collect_second):
        reading = instrument(first, storage=True, meter_provider=one)
        await until(lambda: TASKS in collect_first(), DEADLINE_SECONDS)
        with instrument(second, storage=True, meter_provider=other):
            lock = "interval_scheduler.telemetry"
            assert await second.try_lock(lock) is None, "it is held"
            for _ in range(10):
                await asyncio.sleep(0.05)  # as often as it tries: it must not get the lock meanwhile
                assert TASKS not in collect_second()
            reading.undo()
            assert TASKS not in collect_first()
            await until(lambda: TASKS in collect_second(), DEADLINE_SECONDS)


@pytest.mark.asyncio
async def test_old_values_are_told_no_more(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
        await until(lambda: TASKS in collect(), DEADLINE_SECONDS)
        monkeypatch.setattr(stored, "FRESH", 0.0)
        assert TASKS not in collect()


@pytest.mark.asyncio
async def test_a_partition_that_is_offline_has_no_values(
    own_server: Callable[..., RedisServer], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FRESH", DEADLINE_SECONDS)
    servers = [own_server(), own_server()]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
            await until(lambda: len(points_of(collect(), "interval_scheduler.due")) == 2, DEADLINE_SECONDS)
            servers[1].kill()
            await until(lambda: len(points_of(collect(), "interval_scheduler.due")) == 1, DEADLINE_SECONDS)
            await until(lambda: points_of(collect(), "interval_scheduler.demand") == {}, DEADLINE_SECONDS)
            online = "interval_scheduler.partition.online"
            await until(lambda: sorted(points_of(collect(), online).values()) == [0, 1], DEADLINE_SECONDS)


def test_it_goes_on_in_another_event_loop(url: str, namespace: str) -> None:
    """Closed and connected anew: what reads belongs to the event loop of the connection."""
    scheduler = Scheduler.from_url(url, namespace=namespace)
    reading = stored.Stored(scheduler)

    async def use() -> None:
        began = time.monotonic()
        async with scheduler:
            await until(lambda: any(at >= began for at, _ in reading._read.values()), DEADLINE_SECONDS)

    asyncio.run(use())
    asyncio.run(use())
    reading.end()


@pytest.mark.asyncio
async def test_reading_in_other_threads_touches_no_event_loop(scheduler: Scheduler) -> None:
    """Exporters read while the event loop stands still: they wait for nothing there."""
    with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
        await until(lambda: TASKS in collect(), DEADLINE_SECONDS)
        seen: list[bool] = []
        reader = threading.Thread(target=lambda: seen.append(TASKS in collect()))
        reader.start()
        reader.join(DEADLINE_SECONDS)  # it blocks this event loop on purpose
        assert seen == [True]


@pytest.mark.asyncio
async def test_it_begins_again_if_it_ended_slowly(url: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler was back before the reading had ended, which waited for a partition that did not answer."""
    works = stored._rows_of
    begun, ending, let_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def end_slowly(namespace: str, its: Scheduler) -> list[Row]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            while not let_end.is_set():
                with contextlib.suppress(asyncio.CancelledError):  # as a release, which is not cut short
                    await let_end.wait()
        return []

    monkeypatch.setattr(stored, "_rows_of", end_slowly)
    scheduler = Scheduler.from_url(url, namespace=namespace)
    reading = stored.Stored(scheduler)
    goes_on, asked = reading._goes_on, list[bool]()

    def note() -> bool:
        asked.append(goes_on())
        return asked[-1]

    monkeypatch.setattr(reading, "_goes_on", note)
    async with scheduler:
        await asyncio.wait_for(begun.wait(), DEADLINE_SECONDS)
    await asyncio.wait_for(ending.wait(), DEADLINE_SECONDS)
    await until(lambda: not asked[-1], DEADLINE_SECONDS)
    monkeypatch.setattr(stored, "_rows_of", works)
    async with scheduler:
        assert reading.rows() == []
        let_end.set()
        await until(reading.rows, DEADLINE_SECONDS)
        scheduler.queue("later")
        await until(lambda: f"{namespace}.later" in reading._read, DEADLINE_SECONDS)
    reading.end()


@pytest.mark.asyncio
async def test_it_goes_on_after_an_outage_that_only_the_reading_saw(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler was offline when a reading failed, and back before anybody else looked."""
    reading = stored.Stored(scheduler)
    goes_on, works = reading._goes_on, stored._rows_of
    failed: list[asyncio.Task[None] | None] = []

    async def freeze(namespace: str, its: Scheduler) -> list[Row]:
        if not failed:
            failed.append(asyncio.current_task())
            raise PartitionOffline("p", "it does not answer")
        return await works(namespace, its)

    def looks() -> bool:
        return goes_on() and asyncio.current_task() not in failed

    monkeypatch.setattr(stored, "_rows_of", freeze)
    monkeypatch.setattr(reading, "_goes_on", looks)
    await until(lambda: failed, DEADLINE_SECONDS)
    await until(reading.rows, DEADLINE_SECONDS)
    reading.end()


@pytest.mark.parametrize("error", [RuntimeError("it does not work"), StorageRefused("p", "NOPERM", "it does not work")])
@pytest.mark.asyncio
async def test_what_cannot_be_read_is_told_once_and_tried_again(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    tried: list[int] = []
    works = stored._rows_of

    async def fail(namespace: str, its: Scheduler) -> list[Row]:
        tried.append(1)
        if len(tried) < 4:
            raise error
        return await works(namespace, its)

    monkeypatch.setattr(stored, "_rows_of", fail)
    with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
        await until(lambda: TASKS in collect(), DEADLINE_SECONDS)
    assert len([each for each in caplog.records if each.levelname == "ERROR" and each.exc_info]) == 1
    assert f"what Redis has of {scheduler.counts().namespace} cannot be read: {error}" in caplog.text


def points_of(found: Mapping[str, Metric], name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric that may be missing."""
    return points(found[name]) if name in found else {}

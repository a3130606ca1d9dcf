"""`upcoming` and `forecast`: runs to come of many tasks, counted and estimated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interval_scheduler import (
    IntervalTask,
    InvalidType,
    InvalidValue,
    PartitionOffline,
    Scheduler,
    SchedulerError,
    next_runs,
)
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
FAR = 4_000_000_000
MINUTE, HOUR = 60, 3600


async def test_next_runs_are_counted_exactly(scheduler: Scheduler) -> None:
    starts = [0, 1, 59.999, 60, 60, 179.999, 180, -0.001]
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=5, start=FAR + each) for n, each in enumerate(starts)])
    assert await scheduler.upcoming(FAR, MINUTE, 3) == [3, 2, 1]
    begin = datetime.fromtimestamp(FAR, UTC)
    assert await scheduler.upcoming(begin - timedelta(minutes=1), timedelta(minutes=1), 2) == [1, 3]
    await scheduler.pause_task("t0")
    assert await scheduler.upcoming(FAR, MINUTE, 3) == [2, 2, 1]


def _tasks(now: float) -> list[IntervalTask]:
    """Tasks of all kinds, none of which is due before their forecast is made."""
    soon = now + MINUTE
    return [
        *(IntervalTask(f"often{n}", every=7 + n, start=soon + n) for n in range(20)),
        *(IntervalTask(f"jitter{n}", every=90, jitter=60, start=soon + n) for n in range(20)),
        *(IntervalTask(f"cron{n}", cron=f"{n}-59/7 * * * *", timezone="Europe/Riga", start=soon) for n in range(20)),
        *(IntervalTask(f"ends{n}", every=10, start=soon + n, max_runs=5) for n in range(10)),
        *(IntervalTask(f"until{n}", every=10, start=soon + n, until=soon + 500) for n in range(10)),
        *(IntervalTask(f"delay{n}", every=33, start=soon + n, repeat="delay") for n in range(10)),
        *(IntervalTask(f"spread{n}", every=2 * HOUR, start=soon, spread=True) for n in range(20)),
        *(IntervalTask(f"once{n}", start=soon + 60 * n) for n in range(10)),
        *(IntervalTask(f"beyond{n}", every=5, start=soon + 2 * HOUR + n) for n in range(10)),
    ]


async def test_a_forecast_of_few_tasks_is_exact(scheduler: Scheduler) -> None:
    tasks = _tasks(time.time())
    await scheduler.assign_tasks(tasks)
    found = await scheduler.forecast(HOUR, 20)
    assert (found.width, len(found.runs), found.missing, found.late) == (180, 20, (), 0)
    assert abs(found.start - time.time()) < MINUTE
    assert sum(found.errors) == 0
    runs = [0] * 20
    for task in tasks:
        for run in next_runs(task, 1000, after=found.start):
            if (bucket := -int(-(run.timestamp() - found.start) // found.width) - 1) < 20:
                runs[bucket] += 1
    assert found.runs == tuple(runs)
    assert found.total == sum(runs)
    assert found.demand == pytest.approx(sum(runs) / HOUR)
    assert found.sampled == found.tasks == sum(next_runs(task, 1)[0].timestamp() < found.start + HOUR for task in tasks)


@pytest.mark.parametrize("when", ["while it waits", "while it runs"])
async def test_runs_that_are_left(make_scheduler: MakeScheduler, when: str) -> None:
    """A task that has had one of its three runs, and one that is late since nobody executes."""
    scheduler, recorder = await make_scheduler(), Recorder()
    going = asyncio.Event()

    async def execute(data: str) -> None:
        await recorder(data)
        if when == "while it runs":
            await going.wait()

    await scheduler.assign_task(IntervalTask("t", every=HOUR, max_runs=3))
    await scheduler.start_task_execute(execute)
    await until(lambda: len(recorder.runs) == 1)
    going.set() if when == "while it waits" else None
    if when == "while it waits":

        async def waits() -> bool:
            found = await scheduler.get_task("t")
            return found is not None and found.state == "waiting"

        await until(waits)
    found = await scheduler.forecast(10 * HOUR, 10)
    assert (found.total, found.late) == (2, 0)
    going.set()


async def test_late_paused_and_parked_tasks(make_scheduler: MakeScheduler) -> None:
    scheduler, recorder, going = await make_scheduler(group_concurrency=1), Recorder(), asyncio.Event()

    async def execute(data: str) -> None:
        await recorder(data)
        await going.wait()

    await scheduler.assign_tasks([IntervalTask(f"{{g}}{n}", every=HOUR, group="g") for n in range(5)])
    await scheduler.start_task_execute(execute)
    await until(lambda: len(recorder.runs) == 1)

    async def are_parked() -> bool:
        return (await scheduler.forecast(HOUR, 1)).late == 4

    await until(are_parked)
    await scheduler.assign_task(IntervalTask("rests", every=HOUR, start=time.time() + MINUTE))
    await scheduler.pause_task("rests")
    found = await scheduler.forecast(2 * HOUR - 60, 2)
    # Four are late, and run an hour later again; the one that runs now does so too.
    assert (found.late, found.total, found.tasks) == (4, 9, 5)
    assert found.demand == pytest.approx(5 / (2 * HOUR - 60))
    assert sum(await scheduler.upcoming(time.time() - HOUR, HOUR, 3)) == 0
    going.set()


async def test_missed_occurrences_run_at_once(scheduler: Scheduler) -> None:
    late = time.time() - 10 * HOUR - 1
    await scheduler.assign_tasks(
        [
            IntervalTask("once", every=HOUR, start=late),
            IntervalTask("skip", every=HOUR, start=late, missed="skip"),
            IntervalTask("all", every=HOUR, start=late, missed="all"),
        ]
    )
    found = await scheduler.forecast(HOUR, 2)
    assert (found.late, found.runs[0], found.runs[1]) == (3, 1 + 11, 3)


async def test_long_payloads_leave_a_smaller_sample(scheduler: Scheduler) -> None:
    big = "x" * 200_000
    await scheduler.assign_tasks([IntervalTask(f"t{n}", big, every=60, start=time.time() + 30) for n in range(60)])
    found = await scheduler.forecast(600, 10)
    assert found.tasks == 60
    assert 20 <= found.sampled < 60
    assert found.total == pytest.approx(600)


async def test_a_queue_and_no_task(scheduler: Scheduler) -> None:
    queue = scheduler.queue("mail")
    await queue.assign_task(IntervalTask("t", every=60, start=time.time() + 30))
    assert (await queue.forecast(60, 1)).total == 1
    nothing = await scheduler.forecast(60, 3)
    assert (nothing.runs, nothing.errors, nothing.tasks, nothing.demand) == ((0,) * 3, (0,) * 3, 0, 0)


async def test_an_offline_partition(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server() for _ in range(2)]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(*urls, namespace=namespace, reconnect_interval_seconds=0.1) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=60, start=time.time() + 40) for n in range(60)])
        whole = await scheduler.forecast(100, 2)
        assert (whole.total, await scheduler.upcoming(time.time(), 100, 1)) == (120, [60])
        lost: list[str] = []
        scheduler.on("db-disconnect", lost.append)
        servers[1].kill()
        await until(lambda: lost)
        found = await scheduler.forecast(100, 2)
        assert found.missing == tuple(lost)
        homes = [next_home async for next_home in _homes(scheduler)]
        assert 0 < found.total == 2 * len(homes) < 120
        with pytest.raises(PartitionOffline):
            await scheduler.upcoming(time.time(), 100, 1)
        servers[0].kill()
        await until(lambda: len(lost) == 2)
        with pytest.raises(PartitionOffline):
            await scheduler.forecast(100, 2)


async def _homes(scheduler: Scheduler) -> Any:
    """The tasks that can still be read."""
    for n in range(60):
        try:
            yield await scheduler.get_task(f"t{n}")
        except PartitionOffline:  # those of a lost partition are left out
            continue


async def test_a_record_that_cannot_be_read_is_left_out(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=60, start=time.time() + 30) for n in range(4)])
        with redis_server.client() as client:
            (key,) = client.keys(f"{{{namespace}:*:tasks")
            client.hset(key, "t0", b"?? no header")
            client.hset(key, "t1", b"s;cno cron;zNowhere/Land\n")
        found = await scheduler.forecast(60, 1)
    assert (found.tasks, found.sampled, found.total) == (4, 2, 4)


@pytest.mark.parametrize(
    ("call", "arguments", "error", "field"),
    [
        ("upcoming", ("now", 60, 3), InvalidType, "start"),
        ("upcoming", (datetime(2030, 1, 1), 60, 3), InvalidValue, "start"),  # noqa: DTZ001 - a naive one
        ("upcoming", (FAR, 0, 3), InvalidValue, "width"),
        ("upcoming", (FAR, 0.0001, 3), InvalidValue, "width"),
        ("upcoming", (FAR, "60", 3), InvalidType, "width"),
        ("upcoming", (FAR, 60, 0), InvalidValue, "buckets"),
        ("upcoming", (FAR, 60, 121), InvalidValue, "buckets"),
        ("upcoming", (FAR, 60, 1.5), InvalidType, "buckets"),
        ("forecast", (-1, 3), InvalidValue, "horizon"),
        ("forecast", (True, 3), InvalidType, "horizon"),
        ("forecast", (60, 121), InvalidValue, "buckets"),
        ("next_runs", ("t", 3), InvalidType, "task"),
        ("next_runs", (IntervalTask("t"), 0), InvalidValue, "count"),
        ("next_runs", (IntervalTask("t"), 10_001), InvalidValue, "count"),
        ("next_runs", (IntervalTask("t"), "3"), InvalidType, "count"),
        ("next_runs", (IntervalTask("t"), 3, timedelta(1)), InvalidType, "after"),
    ],
)
async def test_bad_arguments(call: str, arguments: tuple[Any, ...], error: type[SchedulerError], field: str) -> None:
    async def made() -> None:
        await getattr(Scheduler.from_url("memory://"), call)(*arguments)

    with pytest.raises(error) as caught:
        await made()
    assert getattr(caught.value, "field", None) == field


async def test_the_rounding_grid_of_the_scheduler(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(task_interval_seconds=60)
    task = IntervalTask("t", every=90, start=FAR + 42)
    told = scheduler.next_runs(task, 4, after=FAR)
    assert [run.timestamp() % 60 for run in told] == [0] * 4
    await scheduler.assign_task(task)
    found = await scheduler.get_task("t")
    assert found is not None
    assert next_runs(found, 4, after=FAR) == told

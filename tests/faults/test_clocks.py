"""Clocks that jump: that of the server, and that of a worker: rows 16 and 17."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell, unless_full
from tests.faults.measuring import ended, is_empty
from tests.faults.skewed import SkewedClock
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat, until

pytestmark = pytest.mark.asyncio
HOUR = 3600


@pytest.mark.parametrize("hours", [25, -25])
async def test_server_clock(own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path, hours: int) -> None:
    """Row 16: tasks of every second and of every hour, one-shots ahead, and runs in progress."""
    fault = f"the server's clock jumps by {hours:+d} h (a preload shim moves it)"
    if not SkewedClock.is_possible():
        return tell(16, fault, count="none", expected="none", figure="not tried: no C compiler here", holds=None)
    count = often(50, 1000)
    clock = SkewedClock(tmp_path)
    server = own_server(environment=clock.environment)
    recorder, jumps = Recorder(), []
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=3) as scheduler:
        scheduler.on("clock-jump", lambda _, seconds: jumps.append(seconds))
        now = time.time()
        await scheduler.assign_tasks([IntervalTask(f"s{n}", every=1, start=now + n / count) for n in range(count)])
        await scheduler.assign_tasks([IntervalTask(f"h{n}", every=HOUR, start=now + 60) for n in range(count)])
        await scheduler.assign_tasks([IntervalTask(f"o{n}", start=now + 60) for n in range(count)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(2 * count)
        before = len(recorder.runs)
        jumped = time.monotonic()
        clock.set(hours * HOUR)
        # Something new makes a scheduler look that would sleep for a day.
        await scheduler.assign_task(IntervalTask("new"))
        await until(lambda: jumps)
        await asyncio.sleep(3)  # the figure is how many runs this time brings: three of each task of every second
        if hours > 0:  # a slow machine may need longer for the first of each
            await until(lambda: len({run.id for run in recorder.runs[before:]} - {"new"}) == 3 * count)
        took = time.monotonic() - jumped
        ran = Counter(run.id for run in recorder.runs[before:])
        await scheduler.stop_task_execute()
        size = await scheduler.task_size()
    with server.client() as client:
        check_key_space(client, namespace)
    # What a clock that did not jump would have brought, and at the most one more for what the jump skipped.
    regular = took + 1
    extra = max(max(ran[f"s{n}"] - regular, ran[f"h{n}"] - 0.0, ran[f"o{n}"] - 0.0) for n in range(count))
    missing = 0 if hours < 0 else sum(ran[f"{kind}{n}"] == 0 for kind in "sho" for n in range(count))
    gone = 3 * count - size - (count if hours > 0 else 0)
    tell(
        16,
        fault,
        count=f"{3 * count:,} tasks",
        expected="the event clock-jump; no more than 1 run too many of each task; lost 0",
        figure=f"clock-jump {jumps[0] / HOUR:+.2f} h; runs too many of one task: {max(0, round(extra))} at the most; "
        f"tasks lost {gone + missing}",
        holds=abs(jumps[0] - hours * HOUR) < 60 and extra <= 1 and (missing, gone) == (0, 0),
    )
    return None


async def test_client_clock(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 17: one worker's clock is a day ahead, another's a day behind."""
    fault = "the clocks of two workers are a day ahead and a day behind (a preload shim)"
    if not SkewedClock.is_possible():
        return tell(17, fault, count="none", expected="none", figure="not tried: no C compiler here", holds=None)
    count = often(100, 5000)
    skews = {seconds: SkewedClock(tmp_path, seconds) for seconds in (86_400.0, -86_400.0)}
    ledgers = {seconds: tmp_path / f"ledger{seconds:g}" for seconds in skews}
    begin = time.time() + 1.5
    due = {f"t{n}": begin + 2 * n / count for n in range(count)}
    workers = [
        Worker(
            redis_server.url,
            namespace,
            ledgers[seconds],
            environment=clock.environment,
            concurrency=5,
            prefetch=1,
        )
        for seconds, clock in skews.items()
    ]
    try:
        async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
            await scheduler.assign_tasks([IntervalTask(task_id, start=moment) for task_id, moment in due.items()])
            await until(lambda: is_empty(scheduler), 60)
        assert [worker.terminate() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)
    entries = [(entry, seconds) for seconds, path in ledgers.items() for entry in read_ledger(path)]
    assert all(abs(entry.moment - begin) > 80_000 for entry, _ in entries), "the clocks were not moved"
    # The ledger has the worker's own clock, to the millisecond.
    early = sum(e.moment - seconds < due[e.id] - 0.001 for e, seconds in entries if e.event == "start")
    lost = count - len(ended([entry for entry, _ in entries]))
    tell(
        17,
        fault,
        count=f"{count:,} tasks",
        expected="early starts 0; lost 0",
        figure=f"early starts {early}; lost {lost}",
        holds=(early, lost) == (0, 0),
    )
    return None


async def test_a_server_clock_that_was_ahead_for_a_moment(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path
) -> None:
    """Row 16: tasks that ran meanwhile would rest for a year; an audit brings them back."""
    fault = "the server's clock is ahead by a year for a moment, then right again"
    if not SkewedClock.is_possible():
        return tell(16, fault, count="none", expected="none", figure="not tried: no C compiler here", holds=None)
    clock = SkewedClock(tmp_path)
    server = own_server(environment=clock.environment)
    recorder = Recorder()
    # So long that the clock is set back before the next run: a run that ends afterwards would be rescheduled well.
    kinds = {"rate": {"every": 5}, "delay": {"every": 5, "repeat": "delay"}, "cron": {"cron": "*/5 * * * * *"}}
    async with Scheduler.from_url(server.url, namespace=namespace, check_tasks_every_seconds=0.5) as scheduler:
        await scheduler.assign_tasks([IntervalTask(name, **rules) for name, rules in kinds.items()])  # type: ignore[arg-type]
        start = IntervalTask("start", every=60, start=time.time() + 500 * 24 * HOUR)
        await scheduler.assign_task(start)
        await scheduler.start_task_execute(recorder)

        def ran(begin: int) -> bool:
            return {run.id for run in recorder.runs[begin:]} == set(kinds)

        await until(lambda: ran(0))
        clock.set(365 * 24 * HOUR)
        ahead = len(recorder.runs)
        await until(lambda: ran(ahead) or len(recorder.runs) > ahead + 6, 60)
        await until(lambda: _rests(scheduler, "rate"))
        clock.set(0)
        report = await scheduler.audit(repair=True)
        again = len(recorder.runs)
        began = time.monotonic()
        async with heartbeat() as beat:
            await until(lambda: ran(again), 60)
        took = time.monotonic() - began
        found = await scheduler.get_task("start")
        assert found is not None
        assert found.next_run == pytest.approx(start.start, abs=0.001)
        assert set(report.counts) == {"ahead"}
        assert (await scheduler.audit()).ok
        await scheduler.stop_task_execute()
    return tell(
        16,
        fault,
        count=f"{report.counts['ahead']} tasks",
        expected="an audit finds them, and they run within their interval of 5 s and two seconds",
        figure=f"all ran after {took:.1f} s",
        holds=took <= 7 + unless_full(beat.longest),
    )


async def _rests(scheduler: Scheduler, task_id: str) -> bool:
    task = await scheduler.get_task(task_id)
    return task is not None and task.state == "waiting" and task.next_run > time.time() + HOUR

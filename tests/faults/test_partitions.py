"""One of three partitions dies: row 15."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler, TaskRun
from tests.faults.figures import FULL, often, tell, unless_full
from tests.faults.measuring import machine, percentile
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


async def test_one_of_three_dead(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """The lag of the others' tasks, beside what it was before, in turns."""
    rounds, seconds, tasks = often(1, 5), often(2, 8), often(100, 600)
    servers = [own_server(appendonly="yes", appendfsync="always") for _ in range(3)]
    dying = servers[2]
    recorder = Recorder()
    before: list[TaskRun] = []
    during: list[TaskRun] = []
    late = 0.0
    async with Scheduler.from_url(
        *(server.url for server in servers),
        namespace=namespace,
        operation_timeout_seconds=often(5, 1),  # beside other programs an fsync may take a second
        reconnect_interval_seconds=0.2,
        lease_seconds=5,
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=1, spread=True) for n in range(tasks)])
        there = {task.id async for task in scheduler.tasks() if not task.partition.endswith(f"{dying.port}/0")}
        theirs = next(f"t{n}" for n in range(tasks) if f"t{n}" not in there)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(tasks)
        for _ in range(rounds):
            start = len(recorder.runs)
            await asyncio.sleep(seconds)  # for so long all are well
            before += [run for run in recorder.runs[start:] if run.id in there]
            await asyncio.to_thread(dying.kill)  # waiting for its end must not hold up the scheduler
            start = len(recorder.runs)
            with machine(*servers[:2]) as watched:
                await asyncio.sleep(seconds)  # for so long one is dead
            late = max(late, watched.latest)
            during += [run for run in recorder.runs[start:] if run.id in there]
            with pytest.raises(PartitionOffline):
                await scheduler.assign_task(IntervalTask(theirs, every=1))
            await asyncio.to_thread(dying.start)
            start = len(recorder.runs)
            await until(lambda start=start: len({run.id for run in recorder.runs[start:]}) == tasks)  # type: ignore[misc]
        await scheduler.stop_task_execute()
        lost = tasks - await scheduler.task_size()
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    p99, p99_dead = (percentile((run.lag for run in runs), 0.99) for runs in (before, during))
    share = len(during) / (len(there) * seconds * rounds)
    # A few seconds say little of a hundredth of the runs: then it only must not be out of all proportion.
    within = 1.5 * p99 if FULL else max(1.5 * p99, 0.25) + unless_full(late)
    tell(
        15,
        "one of three partitions is killed (kill -9), and started again",
        count=f"{rounds} times {seconds} s, {len(during):,} runs of the others",
        expected="the others' lag p99 ≤ 1.5 times what it was before; lost 0",
        figure=f"lag p99 {1000 * p99:.2f} ms before, {1000 * p99_dead:.2f} ms during: {p99_dead / p99:.2f} times; "
        f"{share:.0%} of the others' runs; lost {lost}",
        holds=p99_dead <= within and lost == 0 and share > 0.9 - unless_full(late) / seconds,
    )

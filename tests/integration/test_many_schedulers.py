"""Many schedulers that could all run the same few tasks: they share the work, and do not all come for each task."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat

pytestmark = pytest.mark.asyncio

SCHEDULERS = 20
TASKS = 50
SECONDS = 3


async def test_idle_schedulers_do_not_stampede(redis_server: RedisServer, namespace: str) -> None:
    """50 due moments a second: were every scheduler there for each, 1,000 claims a second would be made."""
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        schedulers = [
            await stack.enter_async_context(Scheduler.from_url(redis_server.url, namespace=namespace))
            for _ in range(SCHEDULERS)
        ]
        for scheduler in schedulers:
            await scheduler.start_task_execute(recorder)
        begin = time.time() + 0.5
        await schedulers[0].assign_tasks(
            IntervalTask(f"t{n}", f"t{n}", every=1, start=begin + n / TASKS) for n in range(TASKS)
        )
        await asyncio.sleep(begin + 0.1 - time.time())  # until all schedulers have found their pace
        idle = schedulers[0]._lifespan.require().partitions.master._client
        with redis_server.client() as client:
            before, began = client.info("commandstats")["cmdstat_evalsha"]["calls"], time.monotonic()
            runs_before = len(recorder.runs)
            async with heartbeat(idle.ping) as beat:
                await recorder.ran(runs_before + SECONDS * TASKS)
            calls = client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
            seconds = time.monotonic() - began
        runs = recorder.runs[runs_before:]
        await schedulers[0].clear_all_tasks()
    assert abs(len(runs) - seconds * TASKS) < TASKS * (0.5 + beat.longest)
    assert {run.id for run in runs} == {f"t{n}" for n in range(TASKS)}
    # A completion for each run, its claim, and some claims in vain.
    assert calls - 2 * len(runs) < seconds * TASKS * SCHEDULERS / 2
    lags = sorted(run.lag for run in runs)
    # Each run comes of a timer, and of an answer of Redis.
    assert lags[len(lags) // 2] < 0.05 + 3 * beat.median

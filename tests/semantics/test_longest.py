"""Durations at their bound, ten years: everything works as with shorter ones."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Retry, Scheduler
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]

LONGEST = 10 * 366 * 86_400


async def test_options_at_their_bound(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(
        check_tasks_every_seconds=LONGEST,
        lease_seconds=LONGEST,
        run_timeout_seconds=LONGEST,
        drain_seconds=LONGEST,
        cancel_grace_seconds=LONGEST,
        stuck_after_seconds=LONGEST,
        connect_timeout_seconds=LONGEST,
        operation_timeout_seconds=LONGEST,
        reconnect_interval_seconds=LONGEST,
    )
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "a", every=LONGEST, timeout=LONGEST, retries=1, backoff=LONGEST))
    await until(lambda: recorder.data == ["a"])
    lock = await scheduler.try_auto_lock("name", LONGEST)
    assert lock
    await scheduler.stop_task_execute(drain_seconds=LONGEST)
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.state == "waiting"
    assert found.next_run - time.time() == pytest.approx(LONGEST, abs=60)


async def test_a_retry_at_the_bound(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    seen: list[str] = []

    async def executor(data: str) -> None:
        seen.append(data)
        if data == "never":
            raise Retry(after=LONGEST)

    await scheduler.start_task_execute(executor)
    await scheduler.assign_tasks([IntervalTask("never", "never"), IntervalTask("other", "other", every=0.05)])
    await until(lambda: seen.count("other") > 3)
    assert seen.count("never") == 1
    found = await scheduler.get_task("never")
    assert found is not None
    assert found.next_run - time.time() == pytest.approx(LONGEST, abs=60)
    assert {task.id async for task in scheduler.tasks()} == {"never", "other"}

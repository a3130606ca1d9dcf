"""A client whose clock is wrong: it does nothing earlier or later than the others."""

from __future__ import annotations

import time

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.servers import RedisServer
from tests.waiting import Recorder

pytestmark = pytest.mark.asyncio

DAY = 86_400.0
real_time = time.time


@pytest.fixture(params=[-DAY, DAY], ids=["a day slow", "a day fast"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this process; that of the server is right."""
    monkeypatch.setattr(time, "time", lambda: real_time() + request.param)


@pytest.mark.usefixtures("wrong_clock")
async def test_a_client_whose_clock_is_wrong_runs_tasks_in_time(redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, check_tasks_every_seconds=600) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("at once"))
        await recorder.ran(1)
        await scheduler.assign_task(IntervalTask("soon", start=real_time() + 0.3))
        await recorder.ran(2)
    assert [run.id for run in recorder.runs] == ["at once", "soon"]
    assert all(0 <= run.lag < 60 for run in recorder.runs)


@pytest.mark.usefixtures("wrong_clock")
async def test_a_client_whose_clock_is_wrong_plans_cron_tasks_rightly(
    redis_server: RedisServer, namespace: str
) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        before = real_time()
        await scheduler.assign_task(IntervalTask("each minute", cron="* * * * *"))
        task = await scheduler.get_task("each minute")
        assert task is not None
        assert before - 1 <= task.next_run <= real_time() + 61

"""A run that must tell that it begins, while its scheduler is closed."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from interval_scheduler import Scheduler, SchedulerOptions, TaskRun
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.runs import Runs
from interval_scheduler.storage.beginnings import Beginnings
from interval_scheduler.storage.completions import Completions
from interval_scheduler.storage.partitions import Links, Partitions
from interval_scheduler.support.events import Events
from interval_scheduler.support.log import guarded

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("waits", [False, True])
async def test_a_run_does_not_begin_once_nobody_tells_of_it(waits: bool) -> None:  # noqa: FBT001 - a parameter
    """It is no error of the run, and there is nobody who could be told of one."""
    log, options = guarded(None), SchedulerOptions()
    storage = Scheduler.from_url("memory://")._options.storage
    master = Partitions(SchedulerOptions(storage=storage), log, Links(storage, log)).master
    beginnings = Beginnings(master, 30, 5)
    runs = Runs({"here": Completions(master, 30, log)}, {"here": beginnings}, options, Events(log), log)
    run = TaskRun(Grant("here", b"1", 0, 0, 1e9, 1e9, is_leased=True, is_rated=False), b"a", b"1", b"s\nx", None)
    telling = asyncio.create_task(beginnings.run())
    await asyncio.sleep(0)  # it has begun
    begins = asyncio.create_task(runs.begins(run)) if waits else None
    await asyncio.sleep(0)  # the run has asked
    telling.cancel()
    with contextlib.suppress(asyncio.CancelledError):  # it ends by that
        await telling
    assert await (begins or runs.begins(run)) is False

"""Queues in a time machine: they go by its time, and it fails for their failed runs."""

from __future__ import annotations

import asyncio

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.testing import time_machine

pytestmark = pytest.mark.asyncio


async def test_queues_go_by_the_time_of_the_machine() -> None:
    seen: list[str] = []

    async def executor(data: str) -> None:
        seen.append(f"{clock.now():%H:%M} {data}")

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        for name, hours in (("mail", 6), ("report", 12)):
            queue = scheduler.queue(name)
            await queue.start_task_execute(executor)
            await queue.assign_task(IntervalTask("t", name, every=3600 * hours, start=clock.time() + 3600 * hours))
        await clock.advance(days=1)
        assert sorted(seen) == sorted(
            ["06:00 mail", "12:00 mail", "12:00 report", "18:00 mail", "00:00 mail", "00:00 report"]
        )


async def test_the_queues_of_an_application_of_its_own() -> None:
    ran = asyncio.Event()

    async def executor(data: str) -> None:
        ran.set()

    async with time_machine() as clock, Scheduler.from_url("memory://") as scheduler:
        mail = scheduler.queue("mail")
        await mail.start_task_execute(executor)
        await mail.assign_task(IntervalTask("t", start=clock.time() + 86_400))
        await clock.advance(days=1)
        assert ran.is_set()


async def test_a_failed_run_of_a_queue_fails_the_test() -> None:
    async def executor(data: str) -> None:
        raise ZeroDivisionError

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        mail = scheduler.queue("mail")
        await mail.start_task_execute(executor)
        await mail.assign_task(IntervalTask("t", start=clock.time() + 60))
        with pytest.raises(ZeroDivisionError):
            await clock.advance(minutes=2)


async def test_the_end_of_a_machine_does_not_wait_for_runs_of_queues() -> None:
    async def executor(data: str) -> None:
        await asyncio.sleep(20)  # the machine's time

    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        mail = scheduler.queue("mail")
        await mail.start_task_execute(executor)
        await mail.assign_task(IntervalTask("t"))
        await clock.advance(1)
        before = clock.time()
    assert clock.time() - before < 10

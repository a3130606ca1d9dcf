"""A field of a hash that is gone or garbled: row 24."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
#: Nothing, no header, no newline, an interval of 0, no phase, no number, too many numbers, text that is not UTF-8.
GARBAGE = [b"", b"\x00\xff", b"x", b"s 0 0\nx", b"s 1000\nx", b"s 1e3 5\nx", b"s 1 5 7 9\nx", b"s\n\xff"]


async def test_corrupt_records(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """Records are deleted or garbled, from outside, while all tasks run."""
    harmed, others = often(9, 200), often(20, 100)
    server = own_server()
    recorder = Recorder()
    stalls = 0
    async with Scheduler.from_url(server.url, namespace=namespace, lease_seconds=1.5) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(harmed + others)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(harmed + others)
        with server.client() as client:
            tag = next(key for key in client.keys(f"{{{namespace}:*") if key.endswith(b":tasks")).removesuffix(b"tasks")
            for n in range(harmed):
                if n % 3 == 2:
                    client.hdel(tag + b"tasks", f"t{n}")
                else:
                    client.hset(tag + b"tasks", f"t{n}", random.choice(GARBAGE))
                before = len(recorder.runs)
                try:
                    await until(lambda before=before: len(recorder.runs) > before)  # type: ignore[misc]
                except AssertionError:  # counted
                    stalls += 1
            alive = {f"t{n}" for n in range(harmed, harmed + others)}
            before = len(recorder.runs)
            await until(lambda: {run.id for run in recorder.runs[before:]} >= alive)
            gone = {f"t{n}" for n in range(harmed) if n % 3 == 2}
            await until(lambda: _aside(scheduler, harmed - len(gone)))
            await scheduler.stop_task_execute()
            dead = {task.id async for task in scheduler.dead_tasks()}
            check_key_space(client, namespace)
            report = await scheduler.audit()
    tell(
        24,
        "the record of a task is deleted or garbled while it is due or runs",
        count=f"{harmed} records, {others} tasks beside them",
        expected="garbled ones set aside, deleted ones gone, the others go on; claim stalls 0",
        figure=f"set aside {len(dead)}, gone {len(gone)}, claim stalls {stalls}; audit finds {len(report.problems)} "
        "problems",
        holds=len(dead) == harmed - len(gone) and stalls == 0 and report.ok,
    )


async def _aside(scheduler: Scheduler, count: int) -> bool:
    return len([task async for task in scheduler.dead_tasks()]) == count


@pytest.mark.parametrize("name", ["leases", "attempts", "due", "leased", "fence"])
async def test_other_fields(own_server: Callable[..., RedisServer], namespace: str, name: str) -> None:
    """What else stands there of a task is deleted while it runs: it runs again, and the others go on."""
    server = own_server()
    recorder = Recorder()
    async with Scheduler.from_url(
        server.url, namespace=namespace, lease_seconds=1, check_tasks_every_seconds=0.5
    ) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(20)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client:
            key = next(key for key in client.keys(f"{{{namespace}:*") if key.endswith(b":tasks"))
            place = key.removesuffix(b"tasks") + name.encode()
            for _ in range(often(3, 30)):
                client.delete(place)
                await asyncio.sleep(0.05)  # the pace of the fault
            report = await scheduler.audit(repair=True)
            await until(lambda: _all_well(scheduler))
            before = len(recorder.runs)
            await until(lambda: len({run.id for run in recorder.runs[before:]}) == 20)
            await scheduler.stop_task_execute()
            check_key_space(client, namespace)
    tell(
        24,
        f"the whole key `{name}` is deleted while tasks run",
        count=f"{often(3, 30)} times, 20 tasks",
        expected="after an audit that mends, all tasks run on",
        figure=f"all ran on; the audit mended {sum(problem.mended for problem in report.problems)}",
        holds=True,
    )


async def _all_well(scheduler: Scheduler) -> bool:
    return (await scheduler.audit(repair=True)).ok

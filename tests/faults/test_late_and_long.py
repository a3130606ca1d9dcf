"""Workers are killed while tasks have start deadlines, and one more run for all that came during a run."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell, unless_full
from tests.faults.killing import Fleet
from tests.faults.measuring import is_empty, most_at_once, not_after_a_kill, starts_of
from tests.integration.processes import check_key_space, read_ledger
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio
#: Of those that are killed. Who lives on loses no lease, however slow the machine is.
OPTIONS = {"lease_seconds": 1.5, "check_tasks_every_seconds": 0.3, "concurrency": 20}


async def test_one_run_at_once_for_what_came_during_a_run(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    """Each run takes longer than its interval, so that another is due at each end; workers are killed meanwhile."""
    kills, count, ledger = often(1, 60), 10, tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, **OPTIONS)
    ids = [f"t{n}" for n in range(count)]
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(task_id, every=0.1, overlap="once") for task_id in ids])
        async with fleet.worker("sleep:0.15", lease_seconds=60) as survivor:
            for _ in range(kills):
                async with fleet.worker("sleep:0.15") as victim:
                    await until(lambda pid=victim.pid: any(e.pid == pid for e in read_ledger(ledger)), 60)  # type: ignore[misc]
                    await fleet.kill_soon(victim, 0.3)
            # Each goes on, whoever had it.
            seen = time.time()
            await until(lambda: _all_began(ledger, ids, seen), 60)
            await fleet.end(survivor)
        is_well = (await scheduler.audit()).ok
        attempts = {task.attempt async for task in scheduler.tasks()}
    entries = read_ledger(ledger)
    most = most_at_once(entries, fleet.killed, lambda entry: entry.id)
    starts = starts_of(entries)
    # A second attempt follows a crash, and so a run of a killed process.
    again = [entry for runs in starts.values() for entry in runs if entry.attempt > 1]
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        "overlap",
        'workers are killed (SIGKILL) while runs take longer than their intervals, with overlap="once"',
        count=f"{kills} kills, {sum(map(len, starts.values())):,} runs of {count} tasks",
        expected="two runs of one task at once 0; each task goes on",
        figure=f"at most {max(most.values())} at once; further attempts {len(again)}",
        holds=max(most.values()) == 1 and is_well and attempts <= {1} and len(again) <= kills * count,
    )


def _all_began(ledger: Path, ids: list[str], since: float) -> bool:
    return {entry.id for entry in read_ledger(ledger) if entry.event == "start" and entry.moment > since} >= set(ids)


async def test_what_is_skipped_is_told(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """One-shots with a start deadline, which those that are killed hold beyond it, or nobody has."""
    kills, each_time, deadline, ledger = often(2, 60), 40, 0.5, tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, **OPTIONS)
    due: dict[str, float] = {}
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler, heartbeat() as beat:
        for kill in range(kills):
            async with fleet.worker("sleep:0.2") as victim:
                began = time.time()
                more = {f"{kill}:{n}": began + random.uniform(0, 0.6) for n in range(each_time)}
                due |= more
                await scheduler.assign_tasks(
                    IntervalTask(task_id, start=at, late="skip", start_deadline=deadline)
                    for task_id, at in more.items()
                )
                await fleet.kill_soon(victim, 0.6)
            if kill % 2:
                await asyncio.sleep(deadline)  # nobody is there for this long
        async with fleet.worker("sleep:0.01", lease_seconds=60) as survivor:
            await until(lambda: is_empty(scheduler), 60)
            await fleet.end(survivor)
        dead = [task.id async for task in scheduler.dead_tasks()]
    entries = read_ledger(ledger)
    what: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        what[entry.id].add(entry.event)
    silent = sum(not what[task_id] & {"start", "skipped"} for task_id in due)
    skipped = sum("skipped" in what[task_id] for task_id in due)
    starts = starts_of(entries)
    late = [run.moment - due[run.id] - deadline for runs in starts.values() for run in runs]
    unexplained = not_after_a_kill(starts, fleet.killed)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    again = sum(len(runs) - 1 for runs in starts.values())
    slack = 0.25 + unless_full(beat.longest + 0.3)
    tell(
        "deadlines",
        f"workers are killed (SIGKILL) while one-shots are due that must start within {deadline:g} s",
        count=f"{kills} kills, {len(due):,} one-shots",
        expected="each is started in time, or told as skipped (run-skipped); dead 0; every second run follows a kill",
        figure=f"neither of both {silent}; skipped {skipped}; the latest start {max(0, *late):.3f} s after the "
        f"deadline; dead {len(dead)}; second runs {again}, of these not after a kill {unexplained}",
        holds=(silent, len(dead), unexplained) == (0, 0, 0) and skipped > 0 and max(late) <= slack,
    )

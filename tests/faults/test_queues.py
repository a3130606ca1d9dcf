"""Workers of two queues are killed under load: neither queue loses anything, nor gets into the other's hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell
from tests.faults.killing import Fleet
from tests.faults.measuring import ended, is_empty, not_after_a_kill, starts_of
from tests.integration.processes import check_key_space, read_ledger
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
KINDS = ("mail", "feed")


async def test_workers_of_two_queues_are_killed(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """One worker of each queue lives on, those of one queue and of the other are killed, one after the other."""
    kills, each_time = often(2, 100), 60
    ledger = tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, lease_seconds=1.5, check_tasks_every_seconds=0.3, concurrency=10)
    of: dict[int, str] = {}
    count = 0

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        queues = {kind: scheduler.queue(kind) for kind in KINDS}
        # Nobody executes the tasks of the namespace itself, which have the same ids as those of one queue.
        await scheduler.assign_tasks([IntervalTask(f"mail:{n}") for n in range(each_time)])
        async with fleet.workers(
            "sleep:0.02", *({"queues": [kind], "lease_seconds": 60} for kind in KINDS)
        ) as survivors:
            of.update({worker.pid: kind for worker, kind in zip(survivors, KINDS, strict=True)})
            for kill in range(kills):
                kind = KINDS[kill % 2]
                async with fleet.worker("sleep:0.05", queues=[kind]) as victim:
                    of[victim.pid] = kind
                    for name, queue in queues.items():
                        await queue.assign_tasks([IntervalTask(f"{name}:{count + n}") for n in range(each_time)])
                    count += each_time
                    await fleet.kill_soon(victim, 0.3)
            for queue in queues.values():
                await until(lambda queue=queue: is_empty(queue), 60)  # type: ignore[misc]
            await fleet.end(*survivors)
        untouched = await scheduler.task_size()
        are_well = [(await each.audit()).ok for each in (scheduler, *queues.values())]
    entries = read_ledger(ledger)
    lost = {kind: len({f"{kind}:{n}" for n in range(count)} - ended(entries)) for kind in KINDS}
    elsewhere = sum(entry.id.partition(":")[0] != of[entry.pid] for entry in entries)
    elsewhere += each_time - untouched
    starts = starts_of(entries)
    again = sum(len(runs) - 1 for runs in starts.values())
    unexplained = not_after_a_kill(starts, fleet.killed)
    with redis_server.client() as client:
        for suffix in ("", *(f".{kind}" for kind in KINDS)):
            check_key_space(client, namespace + suffix)
    tell(
        "queues",
        "workers of two queues are killed (SIGKILL) under load, one of each lives on",
        count=f"{kills} kills, {count:,} one-shots in each queue",
        expected="lost 0 in each queue; runs by an executor of another queue 0; every second run follows a kill",
        figure=f"lost {lost['mail']} and {lost['feed']}; runs by another's executor {elsewhere}; second runs {again}, "
        f"of these not after a kill {unexplained}",
        holds=(set(lost.values()), elsewhere, unexplained, all(are_well)) == ({0}, 0, 0, True),
    )

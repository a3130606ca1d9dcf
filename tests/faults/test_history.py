"""Workers are killed, and replies thrown away, while runs are kept: each is kept once, and none that was not."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell
from tests.faults.killing import Fleet
from tests.faults.measuring import starts_of
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
#: How long a worker may take from the start of a run, as it tells that, to the note of its executor, in seconds.
APART = often(5, 1)


def _now_and_then(script: bytes, request: bytes) -> bool:
    return script in request and random.random() < 0.3


async def test_killed_workers(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """SIGKILL at random moments of workers whose tasks succeed and fail, with replies that are lost on the way."""
    kills, most, ledger = often(4, 60), 20, tmp_path / "ledger"
    options = {"lease_seconds": 1, "concurrency": 20, "check_tasks_every_seconds": 0.2}
    good, bad = [f"good{n}" for n in range(10)], [f"bad{n}" for n in range(10)]
    ends = [script.sha.encode() for script in (scripts.COMPLETE, scripts.FAIL)]
    wrong: list[str] = []

    async def start() -> Worker:
        # It waits for the worker, to whose connections the proxy in this event loop has to answer.
        return await asyncio.to_thread(Worker, f"{proxy.url}?name=p", namespace, ledger, "misbehave:0.001", **options)

    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(f"{redis_server.url}?name=p", namespace=namespace) as scheduler,
    ):
        await scheduler.assign_tasks(IntervalTask(task_id, "fine", every=0.05, history=most) for task_id in good)
        await scheduler.assign_tasks(IntervalTask(task_id, "an error", every=0.05, history=most) for task_id in bad)
        for n in range(kills):
            proxy.drop_reply = partial(_now_and_then, ends[n % 2])
            with await start() as victim:
                await asyncio.sleep(random.uniform(0.3, 0.8))  # a random moment of the worker's life is the point
                victim.kill()
        proxy.drop_reply = lambda _: False
        with await start() as worker:

            async def all_kept() -> bool:
                return all([len(await scheduler.run_history(task_id)) == most for task_id in (*good, *bad)])

            await until(all_kept, 60)
            assert await asyncio.to_thread(worker.terminate) == 0
        starts: dict[str, list[float]] = {}
        for entry in read_ledger(ledger):
            if entry.event == "start":
                starts.setdefault(entry.id, []).append(entry.moment)
        for task_id in (*good, *bad):
            runs = await scheduler.run_history(task_id)
            outcome = "ok" if task_id in good else "failed"
            wrong += [f"{task_id}: {run}" for run in runs if run.outcome != outcome]
            began = [run.started for run in runs]
            wrong += [f"{task_id}: kept twice"] * (len(began) - len(set(began)))
            wrong += [f"{task_id}: out of order"] * (began != sorted(began, reverse=True))
            wrong += [
                f"{task_id}: never ran at {moment}"
                for moment in began
                if not any(abs(moment - start) < APART for start in starts[task_id])
            ]
        failing = {task.id for task in (await scheduler.failing_page(limit=1000)).tasks}
        wrong += [f"failing: {failing ^ set(bad)}"] * (failing != set(bad))
        report = await scheduler.audit()
        wrong += [problem.kind for problem in report.problems]
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        "history",
        "workers are killed (SIGKILL) and replies to the ends of runs thrown away while the last runs are kept",
        count=f"{kills} kills, {len(good) + len(bad)} tasks",
        expected="each run that is kept was begun, and is kept once; those that fail are failing, and no others",
        figure=f"wrong {len(wrong)}" + "".join(f"; {each}" for each in wrong[:3]),
        holds=not wrong,
    )


async def test_each_end_that_was_acknowledged_is_kept_once(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    """The ledger tells which ends were: those before a first attempt of the same task."""
    kills, count, ledger = often(1, 40), 10, tmp_path / "ledger"
    fleet = Fleet(redis_server.url, namespace, ledger, lease_seconds=1.5, check_tasks_every_seconds=0.3, concurrency=20)
    acknowledged = in_doubt = kept = wrong = 0
    async with (
        Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
        fleet.worker("sleep:0.01", lease_seconds=60) as survivor,
    ):
        for kill in range(kills):
            ids = [f"{kill}:{n}" for n in range(count)]
            async with fleet.worker("sleep:0.03") as victim:
                await scheduler.assign_tasks(IntervalTask(task_id, every=0.1, history=100) for task_id in ids)
                await fleet.kill_soon(victim, 0.8)
            killed_at = fleet.killed[victim.pid]
            await until(lambda ids=ids, at=killed_at: _all_began(ledger, ids, at), 60)  # type: ignore[misc]
            await scheduler.pause_tasks(prefix=f"{kill}:")
            await until(lambda kill=kill: _all_rest(scheduler, f"{kill}:", count), 60)  # type: ignore[misc]
            starts = starts_of(read_ledger(ledger))
            for task_id in ids:
                runs = starts[task_id]
                # An end may have been acknowledged although the process died before the next run was noted.
                sure = [run for run, then in pairwise(runs) if then.attempt == 1 or run.pid not in fleet.killed]
                sure += runs[-1:]
                found = sorted(run.started for run in await scheduler.run_history(task_id))
                acknowledged, kept, in_doubt = (
                    acknowledged + len(sure),
                    kept + len(found),
                    in_doubt + len(runs) - len(sure),
                )
                wrong += not len(sure) <= len(found) <= len(runs)
                wrong += len(found) - len(set(found))
            await scheduler.clear_tasks(prefix=f"{kill}:")
        await fleet.end(survivor)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        "history",
        "workers are killed (SIGKILL) while the last runs are kept: each end that was acknowledged",
        count=f"{kills} kills, {acknowledged:,} acknowledged ends, {in_doubt} in doubt",
        expected="each end that was acknowledged is kept once, and none of those in doubt twice",
        figure=f"tasks with another number of runs {wrong}; runs that are kept {kept:,}",
        holds=wrong == 0,
    )


def _all_began(ledger: Path, ids: list[str], since: float) -> bool:
    return {entry.id for entry in read_ledger(ledger) if entry.event == "start" and entry.moment > since} >= set(ids)


async def _all_rest(scheduler: Scheduler, prefix: str, count: int) -> bool:
    """Whether all are paused, and no run is in progress."""
    return [task.state async for task in scheduler.tasks(prefix=prefix)] == ["paused"] * count

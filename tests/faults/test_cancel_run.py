"""Runs that are cancelled while workers are killed, links are cut and replies get lost: rows 1, 4 and 9."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, RunCancelled, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell, unless_full
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio
LEASE, LOOK = 1.5, 1.0


async def state(scheduler: Scheduler, task_id: str) -> str | None:
    found = await scheduler.get_task(task_id)
    return None if found is None else found.state


async def test_a_worker_is_killed_beside_a_cancel(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Row 1: the cancel was heard or not; the task goes on in any case, and nothing of the cancel is left."""
    kills, count = often(3, 60), 20
    ledger = tmp_path / "ledger"
    options = {"lease_seconds": LEASE, "check_tasks_every_seconds": LOOK, "concurrency": count}
    stuck = 0
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        for kill in range(kills):
            ids = [f"{kill}:{n}" for n in range(count)]
            with Worker(redis_server.url, namespace, ledger, "sleep:30", **options) as victim:
                await scheduler.assign_tasks([IntervalTask(task_id, every=1000) for task_id in ids])
                await until(lambda ids=ids: {e.id for e in read_ledger(ledger)} >= set(ids), 60)  # type: ignore[misc]
                cancels = [scheduler.cancel_run(task_id, hand_back=n % 2 == 1) for n, task_id in enumerate(ids)]
                calls = asyncio.gather(*cancels)
                await asyncio.sleep(random.uniform(0, 0.02))  # a random moment of the cancel is the point
                victim.kill()
                assert all(await calls)
            with Worker(redis_server.url, namespace, ledger, "sleep:0", **options) as heir:
                for task_id in ids:
                    with contextlib.suppress(TimeoutError):
                        await until(lambda task_id=task_id: _rests(scheduler, task_id), 60)  # type: ignore[misc]
                stuck += sum([await state(scheduler, task_id) != "waiting" for task_id in ids])
                assert heir.terminate() == 0
            await scheduler.clear_all_tasks()
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        1,
        "a worker process is killed (SIGKILL) while its runs are being cancelled",
        count=f"{kills} kills, {kills * count} runs",
        expected="each task goes on, and no mark is left",
        figure=f"{stuck} tasks that do not go on",
        holds=stuck == 0,
    )


async def _rests(scheduler: Scheduler, task_id: str) -> bool:
    found = await scheduler.get_task(task_id)
    return found is not None and found.state == "waiting" and found.next_run > time.time() + 100


async def test_the_link_of_the_worker_is_cut_while_it_is_announced(redis_server: RedisServer, namespace: str) -> None:
    """Row 9: the announcement finds nobody; the renewal tells it once the worker is back."""
    cuts, lease = often(3, 50), 6.0
    heard: list[float] = []
    errors: asyncio.Queue[BaseException] = asyncio.Queue()
    begun: asyncio.Queue[None] = asyncio.Queue()

    async def executor(_: str) -> None:
        begun.put_nowait(None)
        await asyncio.sleep(600)  # until it is cancelled

    # Both reach the same partition, by two ways.
    name = f"?name=p{namespace}"
    async with Proxy(redis_server.port) as proxy:
        away = Scheduler.from_url(
            proxy.url + name,
            namespace=namespace,
            lease_seconds=lease,
            lease_renewal_seconds=0.3,
            reconnect_interval_seconds=0.05,
        )
        away.on("run-error", lambda _, error: errors.put_nowait(error))
        async with away, Scheduler.from_url(redis_server.url + name, namespace=namespace) as here, heartbeat() as beat:
            await away.start_task_execute(executor)
            for cut in range(cuts):
                await here.assign_task(IntervalTask(f"{cut}", every=1000))
                await asyncio.wait_for(begun.get(), 60)
                proxy.refusing = True
                proxy.cut()
                began = time.monotonic()
                assert await here.cancel_run(f"{cut}") is True
                await asyncio.sleep(0.3)  # it stays cut for this long
                proxy.refusing = False
                error = await asyncio.wait_for(errors.get(), 60)
                assert isinstance(error, RunCancelled), error
                heard.append(time.monotonic() - began)
                await until(lambda cut=cut: _rests(here, f"{cut}"))  # type: ignore[misc]
    tell(
        9,
        "a run is cancelled while its worker is cut off from Redis",
        count=f"{cuts} cuts of 0.3 s",
        expected="the run is cancelled when its lease is next renewed",
        figure=f"after {max(heard):.2f} s at the most",
        holds=max(heard) <= lease + unless_full(beat.longest),
    )


async def test_replies_to_a_cancel_are_lost(redis_server: RedisServer, namespace: str) -> None:
    """Row 4: the reply to the cancel, to the renewal that tells it, and to the end of the run."""
    with redis_server.client() as client:
        for script in scripts.ALL:
            client.script_load(script.text)  # or the reply that is dropped would be NOSCRIPT
    runs: Counter[str] = Counter()
    dropped = 0
    rounds = often(2, 20)

    async def executor(data: str) -> None:
        runs[data] += 1
        await asyncio.sleep(600)  # until it is cancelled

    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(proxy.url, namespace=namespace, lease_seconds=30, operation_timeout_seconds=20) as scheduler,
    ):
        await scheduler.start_task_execute(executor)
        for number in range(rounds):
            for script in (scripts.CONTROL, scripts.RENEW, scripts.FAIL, scripts.RELEASE):
                hand_back = script is scripts.RELEASE
                task_id = f"{number} {script.name}"
                task = IntervalTask(task_id, task_id, every=1000, retries=1, backoff=500)
                await scheduler.assign_task(task)
                await until(lambda task_id=task_id: runs[task_id] == 1)  # type: ignore[misc]
                before = proxy.dropped
                proxy.drop_next(script.sha.encode())
                assert await scheduler.cancel_run(task_id, hand_back=hand_back) is True
                await until(lambda before=before: proxy.dropped == before + 1, 60)  # type: ignore[misc]
                dropped += 1
                await until(lambda task_id=task_id, is_back=hand_back: _ended(scheduler, task_id, is_back), 60)  # type: ignore[misc]
                await scheduler.remove_task(task_id)
    with redis_server.client() as client:
        check_key_space(client, namespace)
    again = sum(count != 1 for count in runs.values())
    tell(
        4,
        "a reply on the way of a cancel is lost: to the cancel, the renewal, the failure, the hand-back",
        count=f"{dropped} replies",
        expected="each run is cancelled once, and no other run is",
        figure=f"{again} tasks that ran again",
        holds=again == 0,
    )


async def _ended(scheduler: Scheduler, task_id: str, is_back: bool) -> bool:  # noqa: FBT001 - of a lambda
    """Whether a cancelled run has come to its end: it failed once, or it rests until its backoff is over."""
    found = await scheduler.get_task(task_id)
    assert found is not None
    if is_back:
        return found.attempt == 1 and not await scheduler.cancel_run(task_id)
    return (found.state, found.attempt) == ("waiting", 2)

"""A reply that gets lost: the request was carried out, is sent again, and is applied once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
START = 4_000_000_000


@pytest_asyncio.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[Proxy]:
    with redis_server.client() as client:
        for script in scripts.ALL:
            client.script_load(script.text)  # or the reply that is dropped would be NOSCRIPT
    async with Proxy(redis_server.port) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def lossy(proxy: Proxy, namespace: str) -> AsyncIterator[Scheduler]:
    """A scheduler behind the proxy."""
    async with Scheduler.from_url(
        proxy.url, namespace=namespace, operation_timeout_seconds=5, lease_seconds=60
    ) as scheduler:
        yield scheduler


def sent(script: scripts.Script) -> bytes:
    return script.sha.encode()


async def test_assign(lossy: Scheduler, proxy: Proxy) -> None:
    proxy.drop_next(sent(scripts.ASSIGN))
    assert await lossy.assign_task(IntervalTask("a", start=START)) is True, "the first reply, not a second application"
    assert proxy.dropped == 1
    assert await lossy.task_size() == 1


async def test_an_assigned_one_shot_does_not_run_twice(lossy: Scheduler, proxy: Proxy) -> None:
    """Its run ends before the lost assignment is repeated."""
    recorder = Recorder()
    await lossy.start_task_execute(recorder)
    proxy.drop_next(sent(scripts.ASSIGN))
    assert await lossy.assign_task(IntervalTask("a")) is True
    await recorder.ran(1)
    await until(lambda: _empty(lossy))
    await lossy.stop_task_execute()
    assert (len(recorder.runs), proxy.dropped) == (1, 1)


async def _empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


async def test_remove(lossy: Scheduler, proxy: Proxy) -> None:
    await lossy.assign_task(IntervalTask("a", start=START))
    proxy.drop_next(sent(scripts.REMOVE))
    assert await lossy.remove_task("a") is True
    assert proxy.dropped == 1


async def test_claim_strands_nothing(lossy: Scheduler, proxy: Proxy) -> None:
    recorder = Recorder()
    await lossy.assign_tasks([IntervalTask(f"t{n}") for n in range(25)])
    proxy.drop_next(sent(scripts.CLAIM))
    began = time.monotonic()
    await lossy.start_task_execute(recorder)
    await recorder.ran(25)
    assert time.monotonic() - began < 50, "sooner than any lease ends"
    await until(lambda: _empty(lossy))
    assert (proxy.dropped, len({run.id for run in recorder.runs}), len(recorder.runs)) == (1, 25, 25)
    assert {run.attempt for run in recorder.runs} == {1}


async def test_a_claim_at_most_once_loses_nothing_either(proxy: Proxy, namespace: str) -> None:
    recorder = Recorder()
    async with Scheduler.from_url(proxy.url, namespace=namespace, delivery="at-most-once") as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", b"\x00:%d" % n) for n in range(25)])
        proxy.drop_next(sent(scripts.CLAIM_ONCE))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(25)
        await scheduler.stop_task_execute()
    assert proxy.dropped == 1
    assert sorted(recorder.data) == sorted(b"\x00:%d" % n for n in range(25))


async def test_complete(lossy: Scheduler, proxy: Proxy) -> None:
    recorder = Recorder()
    await lossy.assign_task(IntervalTask("a", every=1000, start=time.time() - 100))
    proxy.drop_next(sent(scripts.COMPLETE))
    await lossy.start_task_execute(recorder)
    await recorder.ran(1)
    await lossy.stop_task_execute()
    task = await lossy.get_task("a")
    assert task is not None
    assert (task.state, task.attempt, proxy.dropped, len(recorder.runs)) == ("waiting", 1, 1, 1)
    assert task.next_run == pytest.approx(recorder.runs[0].due + 1000)


async def test_release(lossy: Scheduler, proxy: Proxy) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await lossy.assign_task(IntervalTask("a"))
    await lossy.start_task_execute(recorder)
    await recorder.ran(1)
    proxy.drop_next(sent(scripts.RELEASE))
    await lossy.stop_task_execute(drain_seconds=0)
    task = await lossy.get_task("a")
    assert task is not None
    assert (task.state, task.attempt, proxy.dropped) == ("waiting", 1, 1)


async def test_renew(proxy: Proxy, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(
        proxy.url, namespace=namespace, lease_seconds=10, lease_renewal_seconds=3
    ) as scheduler:
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        (run,) = recorder.runs
        trusted_until = run.trusted_until
        proxy.drop_next(sent(scripts.RENEW))
        await until(lambda: proxy.dropped)
        await until(lambda: run.trusted_until > trusted_until)  # the renewal that was lost is made good
        recorder.gate.set()
        await until(lambda: _empty(scheduler))
    assert (recorder.cancelled, len(recorder.runs)) == ([], 1)


async def test_lock_and_unlock(lossy: Scheduler, proxy: Proxy) -> None:
    proxy.drop_next(sent(scripts.LOCK))
    lock = await lossy.try_lock("name")
    assert lock is not None, "it is held, so it must not be reported as taken by another"
    proxy.drop_next(sent(scripts.LOCK))
    assert await lossy.unlock(lock) is True
    assert proxy.dropped == 2


async def test_clear(lossy: Scheduler, proxy: Proxy) -> None:
    await lossy.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(10)])
    proxy.drop_next(sent(scripts.CLEAR))
    assert await lossy.clear_all_tasks() == 10
    assert proxy.dropped == 1


async def test_look(lossy: Scheduler, proxy: Proxy) -> None:
    await lossy.assign_task(IntervalTask("a", "data", start=START))
    proxy.drop_next(sent(scripts.LOOK))
    assert await lossy.is_scheduled("a") == "data"
    assert proxy.dropped == 1


async def test_every_seventh_reply_lost_under_load(lossy: Scheduler, proxy: Proxy) -> None:
    recorder = Recorder()
    count = 0

    def some(request: bytes) -> bool:
        nonlocal count
        count += b"EVALSHA" in request
        return count % 7 == 0 and b"EVALSHA" in request

    proxy.drop_reply = some
    await lossy.start_task_execute(recorder)
    new = await asyncio.gather(*(lossy.assign_task(IntervalTask(f"t{n}")) for n in range(2000)))
    assert all(new)
    await recorder.ran(2000)
    proxy.drop_reply = lambda _: False
    await until(lambda: _empty(lossy))
    assert proxy.dropped > 0
    assert len(recorder.runs) == len({run.id for run in recorder.runs}) == 2000


async def test_a_black_hole_ends_by_the_time_out(lossy: Scheduler, proxy: Proxy) -> None:
    began = time.monotonic()
    proxy.swallowing = True
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        await lossy.assign_task(IntervalTask("a", start=START))
    assert time.monotonic() - began < 20
    await until(lambda: not lossy.online)
    took = []
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(PartitionOffline, match=f"127.0.0.1:{proxy.port}/0"):
            await lossy.assign_task(IntervalTask("b", start=START))
        took.append(time.monotonic() - began)
    assert min(took) < 0.1, "at once, but for what else the machine has to do"
    assert max(took) < 5, "a time-out"
    proxy.swallowing = False
    proxy.cut()
    await until(lambda: lossy.online)
    await lossy.assign_task(IntervalTask("b", start=START))

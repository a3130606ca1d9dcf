"""A partition that comes back empty: row 30."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from tests.faults.figures import often, tell, unless_full
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio
#: What a scheduler may take to tell it, in seconds; the delay before it tries a lost server again is up to 1 s.
_FLUSHED, _RESTARTED = 0.25, 1.25


def _flush(server: RedisServer) -> float:
    with server.client() as client:
        client.flushall()
    return time.monotonic()


def _restart(server: RedisServer) -> float:
    server.kill()
    server.start()
    return time.monotonic()


async def _executor(_: str) -> None: ...


@pytest.mark.parametrize("work", ["execute", "assign"])
@pytest.mark.parametrize(
    ("fault", "lose", "bound"),
    [("FLUSHALL", _flush, _FLUSHED), ("kill -9 without persistence, and a restart", _restart, _RESTARTED)],
    ids=["flushall", "kill"],
)
async def test_a_partition_that_comes_back_empty(
    own_server: Callable[..., RedisServer],
    namespace: str,
    fault: str,
    lose: Callable[[RedisServer], float],
    bound: float,
    work: str,
) -> None:
    """Each of four schedulers tells it, once, soon; nothing from before is there, and they go on."""
    server, times = own_server(), often(2, 50)
    told: list[tuple[int, float]] = []
    waits: list[float] = []
    numbers = itertools.count()
    over = False

    async def assign(scheduler: Scheduler) -> None:
        while not over:
            try:
                await scheduler.assign_task(IntervalTask(f"t{next(numbers) % 100}", every=0.1))
            except PartitionOffline:
                await asyncio.sleep(0.005)  # it is being started; nothing tells of the moment

    def note(number: int, _: str) -> None:
        told.append((number, time.monotonic()))

    async with AsyncExitStack() as stack:
        beat = await stack.enter_async_context(heartbeat())
        fleet = []
        for n in range(4):
            scheduler = Scheduler.from_url(server.url, namespace=namespace)
            scheduler.on("data-lost", partial(note, n))
            fleet.append(await stack.enter_async_context(scheduler))
            if work == "execute":
                await scheduler.start_task_execute(_executor)
        assigning = [asyncio.create_task(assign(each)) for each in (fleet if work == "assign" else fleet[:1])]
        for _ in range(times):
            size = next(numbers)
            await until(lambda size=size: next(numbers) > size + 100)  # type: ignore[misc]
            told.clear()
            lost_at = await asyncio.to_thread(lose, server)
            await until(lambda: len(told) >= 4)
            waits += [max(0.0, at - lost_at) for _, at in told]
            assert sorted(n for n, _ in told) == [0, 1, 2, 3], "each once"
            assert await fleet[0].acknowledge_data_loss()
            if lose is _restart:
                # A connection that lasts for less than a second is tried again ever less often.
                await asyncio.sleep(1.1)
        over = True
        await asyncio.gather(*assigning)
        assert len(told) == 4
        assert (await fleet[0].audit()).ok
    with server.client() as client:
        check_key_space(client, namespace)
    waits.sort()
    doing = "execute tasks" if work == "execute" else "only assign"
    tell(
        30,
        f"a partition comes back empty: {fault}, under four schedulers that {doing}",
        count=f"{times} times",
        expected=f"each scheduler tells data-lost once, within {1000 * bound:.0f} ms",
        figure=f"told {len(waits)} times, after {1000 * waits[len(waits) // 2]:.0f} ms in the middle, "
        f"{1000 * waits[-1]:.0f} ms at the most",
        holds=waits[-1] <= bound + unless_full(0.5 + beat.longest) and len(waits) == 4 * times,
    )

"""`asyncio.timeout` around every public call, at moments of chance, on a slow network, while tasks run."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell
from tests.faults.public_calls import CALLS, public_calls
from tests.faults.stage import FAR, RECURRING, RESTING, Stage
from tests.integration.processes import check_key_space
from tests.leaks import leases_left
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

#: The most for which something is held up on its way, in either direction.
_DELAY_SECONDS = 0.002


def test_every_public_call_is_there() -> None:
    assert CALLS.keys() == public_calls()


@pytest.mark.asyncio
async def test_a_call_that_is_cut_short_harms_nobody(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server, dice = own_server(), random.Random(18)
    times = often(2, 100)
    ended: Counter[str] = Counter()
    with server.client() as direct:
        connections = direct.info("clients")["connected_clients"]
        async with Proxy(server.port) as proxy:
            proxy.delay = lambda: dice.uniform(0, _DELAY_SECONDS)

            def another() -> Scheduler:
                return Scheduler.from_url(proxy.url, namespace=namespace, drain_seconds=1)

            async def settle() -> None:
                await until(lambda: proxy.held == 0)
                for _ in range(2):  # what arrived together with the first has been carried out before the second
                    direct.ping()

            async with another() as scheduler:
                stage = Stage(scheduler, another, settle)
                await scheduler.assign_tasks([*RECURRING, *RESTING])
                await scheduler.start_task_execute(stage.executor)
                for name, entry in CALLS.items():
                    needed = 0.0
                    for number in range(times + 1):
                        async with asyncio.timeout(90), entry(stage) as call:
                            began = time.monotonic()
                            with contextlib.suppress(TimeoutError):
                                # The first time it is let through, which tells how long it takes.
                                async with asyncio.timeout(dice.uniform(0, needed) if number else None):
                                    await call()
                                ended[name] += 1
                            needed = max(needed, time.monotonic() - began)
                await settle()
                await all_is_well(stage)
                runs = stage.runs
                await until(lambda: stage.runs > runs)
            assert await leases_left(scheduler) == {}
        await until(lambda: direct.info("clients")["connected_clients"] == connections)
        check_key_space(direct, namespace)
    cut_short = len(CALLS) * (times + 1) - ended.total()
    tell(
        "time-outs",
        "`asyncio.timeout` around every public call, while tasks run",
        count=f"{len(CALLS)} calls, {times} times each, {cut_short} cut short",
        expected="wrong results 0, afterwards all calls work, nothing leaks",
        figure=f"wrong results {len(stage.wrong)}; {stage.runs} runs meanwhile" + "".join(stage.wrong[:3]),
        holds=not stage.wrong,
    )
    assert all(ended[name] for name in CALLS)
    assert cut_short > len(CALLS) * times / 4, "hardly anything was cut short, which tries nothing"


async def all_is_well(stage: Stage) -> None:
    """After all that, each call does what it says, and no lock is held by nobody."""
    scheduler = stage.scheduler
    await scheduler.remove_tasks([task.id async for task in scheduler.tasks() if task.id.split(" ")[0] != "recurring"])
    await scheduler.clear_dead_tasks()
    assert await scheduler.task_size() == len(RECURRING)
    assert await scheduler.assign_task(IntervalTask("last", "words", start=FAR)) is True
    assert await scheduler.assign_task(IntervalTask("last", "word", start=FAR)) is False
    assert await scheduler.is_scheduled("last") == "word"
    assert await scheduler.pause_task("last") is True
    assert await scheduler.resume_task("last") is True
    assert await scheduler.remove_task("last") is True
    assert await scheduler.remove_task("last") is False
    assert await scheduler.task_size() == len(RECURRING)
    assert [task async for task in scheduler.dead_tasks()] == []
    for name in stage.locks:

        async def is_free(name: str = name) -> bool:
            lock = await scheduler.try_lock(name)
            return lock is not None and await scheduler.unlock(lock)

        await until(is_free)

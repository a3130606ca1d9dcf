"""A slow link between a scheduler and its Redis: row 31."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import pytest

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.faults.figures import FULL, often, tell
from tests.faults.measuring import is_empty
from tests.integration.processes import check_key_space
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio

_KIB: Final = 1024


def backlog(mbit: int, seconds: float, size: int) -> int:
    """The number of payloads that keep a link busy for longer than that."""
    return int(1.3 * seconds * mbit * 125_000 / size) + 1


@pytest.mark.parametrize("mbit", [10, 30])
async def test_backlog_over_a_slow_link(
    redis_server: RedisServer, namespace: str, mbit: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Row 31: a backlog of heavy payloads that the link carries much more slowly than Redis sends them."""
    seconds = often(3, 20)
    shares: dict[int, float] = {}
    again = 0
    for size in (4 * _KIB, 64 * _KIB, 256 * _KIB):
        space, started = f"{namespace}-{size}", set[str]()

        async def executor(_: str, started: set[str] = started) -> None:
            nonlocal again
            again += current_run().id in started or current_run().attempt > 1
            started.add(current_run().id)

        async with (
            Proxy(redis_server.port) as proxy,
            Scheduler.from_url(f"{redis_server.url}?name=p", namespace=space) as near,
            Scheduler.from_url(
                f"{proxy.url}?name=p", namespace=space, concurrency=500, operation_timeout_seconds=10
            ) as far,
        ):
            await near.assign_tasks(IntervalTask(f"t{n}", "x" * size) for n in range(backlog(mbit, seconds, size)))
            proxy.rate = mbit * 125_000
            began = time.monotonic()
            await far.start_task_execute(executor)
            async with heartbeat() as beat:
                await asyncio.sleep(seconds)  # the time that is measured
            # While the machine stands still, so does the link.
            stood_still = 0 if FULL else beat.longest
            took = time.monotonic() - began - stood_still
            shares[size] = len(started) * size / took / proxy.rate
            proxy.rate = None
            await until(lambda: is_empty(near), 60)
        with redis_server.client() as client:
            check_key_space(client, space)
        told_often = sum("the link is slow" in record.getMessage() for record in caplog.records)
        caplog.clear()
        assert told_often <= 1
        # Else the link may be fast enough for so short a time.
        assert told_often == 1 or mbit > 10 or size < 64 * _KIB or stood_still > 0.5
    told = ", ".join(f"{size // _KIB} KiB {share:.2f}" for size, share in shares.items())
    tell(
        31,
        f"a backlog over a link of {mbit} Mbit/s",
        count=f"{seconds} s for each of {len(shares)} sizes",
        expected="goodput ≥ 0.7 of the link, each task runs once, lost 0",
        figure=f"goodput {told}; run again {again}, lost 0",
        holds=min(shares.values()) >= (0.7 if FULL else 0.3) and again == 0,
    )

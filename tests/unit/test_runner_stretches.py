"""Runs that use the processor leave the event loop its turns: for timers, for replies, and for the application."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from tests.unit.bench import Bench, make_runs

pytestmark = pytest.mark.asyncio

#: A run takes a tenth of a stretch.
_RUN_SECONDS = 0.0005
_RUNS = 100


async def _toil(_: str) -> None:
    over = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < over:
        pass


@pytest.mark.parametrize("concurrency", [1, 100])
async def test_others_have_their_turn_among_queued_runs(concurrency: int) -> None:
    bench = Bench(_toil, concurrency=concurrency)
    async with bench.running():
        await bench.feed(make_runs(_RUNS))
        ended = [0, bench.settled]
        while ended[-1] < _RUNS:
            await asyncio.sleep(0)  # what is settled in each turn is counted
            ended.append(bench.settled)
    assert len(bench.finished) == _RUNS
    # A stretch of 5 ms has ten such runs, and the one that begins when it is over; on a busy machine fewer.
    assert max(later - earlier for earlier, later in pairwise(ended)) <= 12

"""A runner, fed by a source that claims from a list: room, concurrency, and what becomes of each run."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import anyio
import pytest

from interval_scheduler import TaskRun, current_run
from interval_scheduler.execution.room import MAX_CLAIM
from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("concurrency", [1, 3, 20])
@pytest.mark.parametrize("prefetch", [0, 5, 1_000])
@pytest.mark.parametrize("sources", [1, 3])
@pytest.mark.parametrize("pace", ["at once", "one step", "mixed"])
async def test_each_run_once_within_concurrency_and_room(
    concurrency: int, prefetch: int, sources: int, pace: str
) -> None:
    dice = random.Random(concurrency * 1_000 + prefetch + sources)
    active = most_active = 0
    ran: Counter[str] = Counter()

    async def executor(data: str) -> None:
        nonlocal active, most_active
        active += 1
        most_active = max(most_active, active)
        ran[data] += 1
        steps = {"at once": 0, "one step": 1, "mixed": dice.randrange(5)}[pace]
        for _ in range(steps):
            await asyncio.sleep(0)  # the run takes so many turns
        active -= 1
        if dice.random() < 0.1:
            raise LookupError(data)

    bench = Bench(executor, concurrency=concurrency, prefetch=prefetch, sources=sources)
    bench.backlog.extend(make_runs(300))
    async with asyncio.timeout(10), bench.running():
        async with anyio.create_task_group() as group:
            for _ in range(sources):
                group.start_soon(bench.poll, dice)
        await until(lambda: bench.settled == 300)
    assert ran == Counter(str(number) for number in range(300))
    assert bench.handed_back == []
    assert 10 < sum(error is not None for _, error in bench.finished) < 60
    assert most_active <= concurrency
    assert bench.most_held <= concurrency + prefetch
    assert bench.runner.running == set()
    assert bench.permits_taken == 0


async def test_all_of_the_concurrency_is_used() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=5, prefetch=10)
    async with bench.running():
        await bench.feed(make_runs(12))
        await until(lambda: recorder.active == 5)
        recorder.gate.set()
        await until(lambda: bench.settled == 12)
    assert recorder.most_active == 5


async def test_a_run_holds_its_place_until_it_ends() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=4, prefetch=0)
    async with bench.running():
        assert await bench.runner.room.reserve() == 4
        bench.runner.feed(make_runs(4))
        asking = asyncio.create_task(bench.runner.room.reserve())
        await recorder.ran(4)
        for _ in range(10):
            await asyncio.sleep(0)  # it would be given room in one of these turns
        assert not asking.done()
        recorder.gate.set()
        bench.runner.room.give_back(await asyncio.wait_for(asking, 60))
        await until(lambda: bench.settled == 4)
    assert bench.permits_taken == 0


async def test_a_claim_is_bounded() -> None:
    bench = Bench(Recorder(), concurrency=50_000, prefetch=0)
    assert await bench.runner.room.reserve() == MAX_CLAIM


async def test_sources_share_the_room() -> None:
    bench = Bench(Recorder(), concurrency=90, prefetch=0, sources=3)
    # A source whose claim hangs keeps its share, and only that.
    assert await bench.runner.room.reserve() == 30
    assert await bench.runner.room.reserve() == 20
    assert bench.permits_taken == 50
    free = 40
    while free:
        free -= await bench.runner.room.reserve()
    asking = [asyncio.create_task(bench.runner.room.reserve()) for _ in range(2)]
    await asyncio.sleep(0)  # both begin to wait
    bench.runner.room.give_back(2)
    assert await asyncio.wait_for(asyncio.gather(*asking), 60) == [1, 1]


async def test_a_source_that_stops_asking_takes_no_room_with_it() -> None:
    bench = Bench(Recorder(), concurrency=1, prefetch=0)
    assert await bench.runner.room.reserve() == 1
    first, second = (asyncio.create_task(bench.runner.room.reserve()) for _ in range(2))
    await asyncio.sleep(0)  # both begin to wait
    first.cancel()
    await asyncio.wait([first])
    bench.runner.room.give_back(1)
    assert await asyncio.wait_for(second, 60) == 1
    assert bench.permits_taken == 1


async def test_a_run_that_could_only_start_too_late_is_handed_back() -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    async with bench.running():
        late, fresh = make_runs(3, start_in=-0.001), make_runs(2, first=3)
        await bench.feed(late + fresh)
        await until(lambda: bench.settled == 5)
    assert bench.handed_back == late
    assert sorted(recorder.data) == ["3", "4"]
    assert bench.permits_taken == 0


async def test_a_corrupt_record_is_set_aside_and_the_others_run() -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    runs = make_runs(5)
    bad = [TaskRun(runs[0].grant, b"bad", b"1000", record, None) for record in (b"", b"s 0 0\nx", b"s\n\xff")]
    async with bench.running():
        await bench.feed([bad[0], *runs[:3], bad[1], bad[2], *runs[3:]])
        await until(lambda: bench.settled == 8)
    assert bench.corrupt == bad
    assert sorted(recorder.data) == ["0", "1", "2", "3", "4"]
    assert bench.permits_taken == 0


async def test_the_executor_gets_the_payload_and_its_run() -> None:
    seen: list[tuple[Any, TaskRun]] = []

    async def executor(data: Any) -> None:
        await asyncio.sleep(0)  # a run that suspends
        seen.append((data, current_run()))

    bench = Bench(executor, concurrency=3)
    runs = make_runs(9)
    async with bench.running():
        await bench.feed(runs)
        await until(lambda: bench.settled == 9)
    assert sorted(data for data, _ in seen) == [str(number) for number in range(9)]
    assert all(run.data == data for data, run in seen)
    assert {run for _, run in seen} == set(runs)


async def test_a_run_that_raises_ends_with_its_error() -> None:
    async def executor(data: str) -> None:
        if data == "0":
            raise ZeroDivisionError("oh")
        if data == "1":
            raise asyncio.CancelledError  # its own doing: nobody cancelled the worker

    bench = Bench(executor, concurrency=1)
    async with bench.running():
        await bench.feed(make_runs(3))
        await until(lambda: bench.settled == 3)
    assert [type(error) for _, error in bench.finished] == [ZeroDivisionError, asyncio.CancelledError, type(None)]
    assert bench.handed_back == []

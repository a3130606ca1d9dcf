"""A run that may be what processes die of: nothing is held beside it that has not started."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


def bench_of(recorder: Recorder, **admissions: str) -> Bench:
    bench = Bench(recorder, concurrency=3)
    bench.admissions = {name.removeprefix("run"): say for name, say in admissions.items()}  # type: ignore[misc]
    return bench


async def test_what_is_queued_is_handed_back_before_it_starts() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = bench_of(recorder, run1="alone")
    async with asyncio.timeout(10), bench.running():
        (first,) = make_runs(1)
        (suspect,) = make_runs(1, first=1, failed=b"5")
        others = make_runs(8, first=2)
        await bench.feed([first, suspect, *others])
        await recorder.ran(2)
        assert [run.id for run in recorder.runs] == ["0", "1"], "what was in progress goes on"
        assert bench.handed_back == others
        assert bench.settled_at == [8], "it was waited for"
        assert bench.permits_taken == 2
        later = make_runs(2, first=20)
        await bench.feed(later)
        assert bench.handed_back == [*others, *later]
        claim = asyncio.create_task(bench.runner.room.reserve())
        await asyncio.sleep(0.01)
        assert not claim.done(), "nothing is claimed"
        recorder.gate.set()
        await until(lambda: len(bench.finished) == 2)
        permits = await claim
        bench.runner.room.give_back(permits)
        await bench.feed(make_runs(3, first=30))
        await until(lambda: len(bench.finished) == 5)
        assert bench.permits_taken == 0


async def test_claims_in_flight_are_waited_for() -> None:
    recorder = Recorder()
    bench = bench_of(recorder, run0="alone")
    async with asyncio.timeout(10), bench.running():
        permits = await bench.runner.room.reserve()
        await bench.feed(make_runs(1, failed=b"5"))
        await asyncio.sleep(0.01)
        assert recorder.runs == []
        others = make_runs(2, first=1)
        bench.runner.feed(others)
        bench.runner.room.give_back(permits - 2)
        await recorder.ran(1)
        assert [run.id for run in recorder.runs] == ["0"]
        assert bench.handed_back == others
        await until(lambda: bench.permits_taken == 0)


async def test_it_is_handed_back_itself_when_that_takes_too_long() -> None:
    recorder = Recorder()
    bench = bench_of(recorder, run0="alone")
    async with asyncio.timeout(10), bench.running():
        permits = await bench.runner.room.reserve()
        (suspect,) = make_runs(1, start_in=0.05, failed=b"5")
        await bench.feed([suspect])
        await until(lambda: bench.handed_back == [suspect])
        bench.runner.room.give_back(permits)
        await bench.feed(make_runs(1, first=1))
        await until(lambda: len(bench.finished) == 1)
        assert [run.id for run in recorder.runs] == ["1"], "work goes on"
        assert bench.permits_taken == 0


async def test_one_alone_at_a_time() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = bench_of(recorder, run0="alone", run1="alone")
    async with asyncio.timeout(10), bench.running():
        first, second = make_runs(2, failed=b"5")
        await bench.feed([first, second])
        await recorder.ran(1)
        assert bench.handed_back == [second]
        recorder.gate.set()
        await until(lambda: bench.permits_taken == 0)
        assert [run.id for run in recorder.runs] == ["0"]

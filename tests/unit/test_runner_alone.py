"""A run that may be what processes die of: nothing is held beside it that has not started."""

from __future__ import annotations

import asyncio

import pytest

from interval_scheduler import TaskRun
from interval_scheduler.execution.stuck import StuckWatch
from interval_scheduler.support.log import guarded
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
        await asyncio.sleep(0.01)  # nothing tells that it goes on waiting
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
        await asyncio.sleep(0.01)  # nothing tells that none is started
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


async def wait_to_be_alone(bench: Bench) -> tuple[TaskRun, int]:
    """Feed one that waits for a claim in flight; return it, and the permits of that claim."""
    permits = await bench.runner.room.reserve()
    (suspect,) = make_runs(1, failed=b"5")
    await bench.feed([suspect])
    return suspect, permits


async def test_a_drain_hands_it_back_before_it_starts() -> None:
    recorder = Recorder()
    bench = bench_of(recorder, run0="alone")
    async with asyncio.timeout(10), bench.running():
        suspect, permits = await wait_to_be_alone(bench)
        draining = asyncio.create_task(bench.runner.drain(30))
        await asyncio.sleep(0)  # it begins to drain
        bench.runner.room.give_back(permits)
        await draining
        assert bench.handed_back == [suspect]
    assert recorder.runs == []


async def test_one_that_is_cut_before_it_starts_is_handed_back() -> None:
    recorder = Recorder()
    bench = bench_of(recorder, run0="alone")
    async with asyncio.timeout(10), bench.running():
        suspect, permits = await wait_to_be_alone(bench)
        await bench.runner.drain(0)
        assert bench.handed_back == [suspect]
        bench.runner.room.give_back(permits)
        assert bench.permits_taken == 0
    assert recorder.runs == []


def finding_of(watch: StuckWatch) -> str:
    return "" if watch.finding is None else watch.finding.message


async def test_one_that_does_not_end_is_told_as_stuck(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = bench_of(recorder, run0="alone")
    told: list[tuple[int, TaskRun, float]] = []
    watch = StuckWatch(bench.runner, 3, 0.05, guarded(None), lambda *what: told.append(what))
    async with asyncio.timeout(10), bench.running():
        watching = asyncio.create_task(watch.run())
        (suspect,) = make_runs(1, failed=b"5")
        await bench.feed([suspect])
        await until(lambda: told)
        assert told[0][:2] == (1, suspect)
        words = "a task runs alone, since its deliveries before ended without a result, and no run has ended for "
        assert words in caplog.text
        assert finding_of(watch).startswith(words)
        recorder.gate.set()
        await until(lambda: bench.settled == 1)
        assert finding_of(watch) == ""
        watching.cancel()

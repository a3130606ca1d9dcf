"""Runs that were delivered before: it is told that they begin, and only then they do."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("admission", ["yes", "alone"])
@pytest.mark.parametrize("failed", [b"0", b"1"])
async def test_it_is_told_before(failed: bytes, admission: str) -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    (run,) = make_runs(1, failed=failed, start_in=60)
    bench.admissions["0"] = admission  # type: ignore[assignment]
    async with bench.running():
        await bench.feed([run])
        await until(lambda: bench.settled == 1)
    assert bench.told == [run]
    assert recorder.data == ["0"]


async def test_others_begin_untold() -> None:
    bench = Bench(Recorder(), concurrency=2)
    async with bench.running():
        await bench.feed(make_runs(5))
        await until(lambda: bench.settled == 5)
    assert bench.told == []


@pytest.mark.parametrize("admission", ["yes", "alone"])
async def test_one_whose_lease_is_held_no_more_does_not_begin(admission: str) -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    (run,) = make_runs(1, failed=b"0", start_in=60)
    bench.admissions["0"] = admission  # type: ignore[assignment]
    bench.lost.add("0")
    async with bench.running():
        await bench.feed([run])
        await until(lambda: bench.settled == 1)
    assert bench.handed_back == [run]
    assert recorder.data == []
    assert bench.permits_taken == 0


async def test_one_that_cannot_be_told_in_time_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    (run,) = make_runs(1, failed=b"0", start_in=0.1)

    async def never(_: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(bench, "begins", never)
    async with bench.running():
        await bench.feed([run])
        await until(lambda: bench.settled == 1)
    assert bench.handed_back == [run]
    assert recorder.data == []


@pytest.mark.parametrize("admission", ["yes", "alone"])
async def test_one_that_is_cut_short_while_it_is_told_has_not_started(
    admission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    bench = Bench(recorder, concurrency=2)
    (run,) = make_runs(1, failed=b"0", start_in=60)
    bench.admissions["0"] = admission  # type: ignore[assignment]
    asked = asyncio.Event()

    async def never(_: object) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(bench, "begins", never)
    async with asyncio.timeout(10), bench.running():
        await bench.feed([run])
        await asked.wait()
        bench.runner.cut(run, "cancelled, to be handed back")
        await until(lambda: bench.settled == 1)
    assert (bench.handed_back, bench.cut_off, recorder.data) == ([run], [], [])


async def test_one_that_is_cut_short_later_has_started() -> None:
    started = asyncio.Event()

    async def executor(_: str) -> None:
        started.set()
        await asyncio.Event().wait()

    bench = Bench(executor, concurrency=2)
    (run,) = make_runs(1)
    async with asyncio.timeout(10), bench.running():
        await bench.feed([run])
        await started.wait()
        bench.runner.cut(run, "its lease was lost")
        await until(lambda: bench.settled == 1)
    assert bench.cut_off == [run]

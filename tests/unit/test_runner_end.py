"""How runs end before their time: cut runs, draining, tearing down."""

from __future__ import annotations

import asyncio
import contextlib
import random

import anyio
import pytest

from interval_scheduler import TaskRun
from interval_scheduler.execution import in_progress as module
from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


async def test_a_cut_run_is_cancelled_and_handed_back_and_others_go_on() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=1)
    runs = make_runs(3)
    async with bench.running():
        await bench.feed(runs)
        await recorder.ran(1)
        bench.runner.cut(runs[0], "its lease was lost")
        bench.runner.cut(runs[0], "its lease was lost")
        await recorder.ran(2)
        recorder.gate.set()
        await until(lambda: bench.settled == 3)
    assert recorder.cancelled == [runs[0]]
    assert bench.handed_back == [runs[0]]
    assert runs[0].cut_short == "its lease was lost"
    assert [run for run, _ in bench.finished] == runs[1:]
    assert [error for _, error in bench.finished] == [None, None]
    assert bench.permits_taken == 0


async def test_a_cut_run_that_cannot_be_stopped_is_finished() -> None:
    # It swallowed the cancellation and did its work: that counts, and its completion may be refused as stale.
    started = asyncio.Event()

    async def stubborn(data: str) -> None:
        if data == "0":
            started.set()
            with contextlib.suppress(asyncio.CancelledError):  # the first cancel is taken for nothing
                await asyncio.Event().wait()

    bench = Bench(stubborn, concurrency=1)
    runs = make_runs(2)
    async with bench.running():
        await bench.feed(runs)
        await started.wait()
        bench.runner.cut(runs[0], "its lease was lost")
        await until(lambda: bench.settled == 2)
    assert bench.finished == [(runs[0], None), (runs[1], None)]


async def test_the_next_run_is_as_new_after_a_run_was_cut() -> None:
    # A cancellation that is still counted would make asyncio take the next one for a tear-down.
    started = asyncio.Event()
    cancelling: list[int] = []

    async def executor(data: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        cancelling.append(task.cancelling())
        if data == "0":
            started.set()
            await asyncio.Event().wait()
        if data == "1":
            raise asyncio.CancelledError

    bench = Bench(executor, concurrency=1)
    runs = make_runs(3)
    async with bench.running():
        await bench.feed(runs)
        await started.wait()
        bench.runner.cut(runs[0], "its lease was lost")
        await until(lambda: bench.settled == 3)
    assert cancelling == [0, 0, 0]
    assert bench.handed_back == runs[:1]
    assert [type(error) for _, error in bench.finished] == [asyncio.CancelledError, type(None)]


async def test_a_run_that_waits_or_has_ended_cannot_be_cut() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=1)
    runs = make_runs(2)
    async with bench.running():
        await bench.feed(runs)
        await recorder.ran(1)
        bench.runner.cut(runs[1], "its lease was lost")
        recorder.gate.set()
        await until(lambda: bench.settled == 2)
    assert bench.finished == [(runs[0], None), (runs[1], None)]
    assert recorder.cancelled == []


async def test_cut_runs_in_a_crowd() -> None:
    dice = random.Random(1)

    async def executor(_: str) -> None:
        for _step in range(dice.randrange(6)):
            await asyncio.sleep(0)  # the run takes a number of turns that is drawn

    bench = Bench(executor, concurrency=10, prefetch=20)
    runs = make_runs(500)
    bench.backlog.extend(runs)
    cut: set[TaskRun] = set()

    async def cutter() -> None:
        while bench.settled < 500:
            if bench.runner.running:
                victim = dice.choice(sorted(bench.runner.running, key=lambda run: run.id))
                bench.runner.cut(victim, "its lease was lost")
                cut.add(victim)
            await asyncio.sleep(0)  # the runs go on by one turn between the cuts

    async with asyncio.timeout(10), bench.running(), anyio.create_task_group() as group:
        group.start_soon(bench.poll, dice)
        group.start_soon(cutter)
    assert len(cut) > 50
    assert set(bench.handed_back) == cut
    assert {run for run, _ in bench.finished} == set(runs) - cut
    assert all(error is None for _, error in bench.finished)
    assert bench.settled == 500
    assert bench.permits_taken == 0


async def test_drain_hands_back_what_waits_and_lets_what_runs_end() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=2)
    runs = make_runs(6)
    async with bench.running():
        await bench.feed(runs)
        await recorder.ran(2)
        draining = asyncio.create_task(bench.runner.drain(30))
        await until(lambda: len(bench.handed_back) == 4)
        assert not draining.done()
        late = make_runs(2, first=6)  # a claim that was in flight
        await bench.feed(late)
        assert bench.handed_back == runs[2:] + late
        recorder.gate.set()
        await asyncio.wait_for(draining, 60)
    assert [run for run, _ in bench.finished] == runs[:2]
    assert len(recorder.runs) == 2
    assert bench.permits_taken == 0


async def test_drain_cuts_short_what_takes_too_long() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=3)
    runs = make_runs(3)
    async with bench.running():
        await bench.feed(runs)
        await recorder.ran(3)
        await asyncio.wait_for(bench.runner.drain(0.01), 60)
        assert set(bench.handed_back) == set(runs)
    assert set(recorder.cancelled) == set(runs)
    assert {run.cut_short for run in runs} == {"handed back"}
    assert bench.finished == []


class Stubborn:
    """An executor that ignores its cancels until it is released, and then ends as it is told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.started, self.released = asyncio.Event(), asyncio.Event()
        self._error = error

    async def __call__(self, _: str) -> None:
        self.started.set()
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):  # an executor that does not let itself be cancelled
                await self.released.wait()
        if self._error is not None:
            raise self._error


async def test_drain_does_not_wait_for_what_cannot_be_stopped(caplog: pytest.LogCaptureFixture) -> None:
    stubborn = Stubborn()
    bench = Bench(stubborn, concurrency=1, grace=0.05)
    async with bench.running():
        await bench.feed(make_runs(1))
        await stubborn.started.wait()
        await asyncio.wait_for(bench.runner.drain(0), 60)
        assert bench.runner.running == set()
    stubborn.released.set()
    assert caplog.messages[1:] == [
        "the run of task '0' did not end within 0.05 s of being cancelled (handed back): it is left to its lease"
    ]
    await until(lambda: not module._abandoned)
    assert bench.settled == 0, "its lease may be over by now"


async def test_a_drain_without_runs_is_immediate() -> None:
    bench = Bench(Recorder(), concurrency=1)
    async with bench.running():
        await asyncio.wait_for(bench.runner.drain(3600), 60)


async def test_the_end_of_the_group_ends_runs_without_settling_them() -> None:
    # The scheduler is torn down without a drain: the leases end by themselves.
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=2)
    async with bench.running():
        await bench.feed(make_runs(5))
        await recorder.ran(2)
    assert len(recorder.cancelled) == 2
    assert bench.settled == 0


async def test_nothing_keeps_an_abandoned_run_that_ends_by_a_cancel() -> None:
    stubborn = Stubborn(asyncio.CancelledError())
    bench = Bench(stubborn, concurrency=1, grace=0.05)
    async with bench.running():
        await bench.feed(make_runs(1))
        await stubborn.started.wait()
    assert len(module._abandoned) == 1
    stubborn.released.set()
    await until(lambda: not module._abandoned)

"""How much is claimed ahead where it cannot be handed back: at most once."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import pytest

from interval_scheduler import TaskRun
from interval_scheduler.execution.room import Limits, Room
from interval_scheduler.support import clock
from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

PLACES, MOST = 8, 400


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the library, to be set: the time that a test takes says nothing of a run."""
    moment = [time.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    return moment


def _room(*running: TaskRun) -> Room:
    return Room(Limits(PLACES, MOST, 1, is_final=True), deque(), running)


async def _claims_ahead(room: Room) -> int:
    permits = await room.reserve()
    room.give_back(permits)
    return permits - PLACES


async def test_a_twentieth_of_a_second_is_claimed_ahead(now: list[float]) -> None:
    room = _room()
    room.quick = 1000
    now[0] += 0.2
    room.adapt(now[0])
    assert await _claims_ahead(room) == pytest.approx(250, abs=5)


async def test_nothing_is_when_no_run_began_for_a_while(now: list[float]) -> None:
    room = _room()
    room.quick = 1000
    room.adapt(now[0])
    now[0] += 0.1
    assert await _claims_ahead(room) > 0
    now[0] += 0.2
    assert await _claims_ahead(room) == 0


@pytest.mark.parametrize(("age", "is_slow"), [(0.02, False), (0.1, True)])
async def test_nothing_is_beside_a_slow_run(now: list[float], age: float, is_slow: bool) -> None:  # noqa: FBT001 - a parameter
    (run,) = make_runs(1)
    run.started_at = now[0] - age
    room = _room(run)
    room.quick = 1000
    room.adapt(now[0])
    assert (await _claims_ahead(room) == 0) == is_slow


@pytest.mark.parametrize(("seconds", "is_slow"), [(0.02, False), (0.1, True)])
async def test_nothing_is_after_a_slow_run(
    now: list[float],
    seconds: float,
    is_slow: bool,  # noqa: FBT001 - a parameter
) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=PLACES, is_final=True)
    room = bench.runner.room
    async with bench.running():
        await bench.feed(make_runs(1))
        await until(lambda: len(bench.runner.running) == 1)
        room.quick = 1000
        room.adapt(now[0])
        now[0] += seconds
        recorder.gate.set()
        await until(lambda: bench.settled == 1 and not room.taken)
        assert (await _claims_ahead(room) == 0) == is_slow


async def test_nothing_is_while_some_are_queued_beside_a_slow_run(now: list[float]) -> None:
    slow, *waiting = make_runs(3)
    slow.started_at = now[0] - 0.1
    queue = deque(waiting)
    room = Room(Limits(PLACES, MOST, 1, is_final=True), queue, [slow])
    room.quick = 1000
    room.adapt(now[0])
    claim = asyncio.ensure_future(room.reserve())
    await asyncio.sleep(0)  # its turn
    assert not claim.done()
    queue.clear()
    room.offer()
    assert await claim == PLACES


async def test_runs_that_were_not_carried_out_are_no_quick_ones() -> None:
    bench = Bench(Recorder(), concurrency=4)
    runs = make_runs(20, failed=b"1")
    bench.admissions = {run.id: "no" for run in runs[:15]}
    async with bench.running():
        await bench.feed(runs)
        await until(lambda: bench.runner.room.taken == 0)
        assert bench.runner.room.quick == 5

"""How many tasks are claimed ahead, and when runs that wait for a place are handed back."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import pytest

from interval_scheduler import TaskRun
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.patience import WAITING_SHARE
from interval_scheduler.execution.room import Limits, Room
from interval_scheduler.support import clock
from tests.unit.bench import Bench, make_runs
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the library, to be set; a machine that stands still moves it by nothing."""
    moment = [time.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    return moment


async def test_nothing_is_claimed_ahead_at_first() -> None:
    bench = Bench(Recorder(), concurrency=8, prefetch=64)
    assert await bench.runner.room.reserve() == 8


async def _claims_ahead_of(bench: Bench) -> int:
    """The same beside runs in progress; nothing else holds a permit."""
    room = bench.runner.room
    running = room.taken
    room.taken = 0
    ahead = await _claims_ahead(room, bench.concurrency)
    room.taken = running
    return ahead


async def _claims_ahead(room: Room, concurrency: int) -> int:
    permits = await room.reserve()
    room.give_back(permits)
    return permits - concurrency


async def test_as_much_is_claimed_ahead_as_quick_runs_of_the_last_second_make_room_for(now: list[float]) -> None:
    room = Room(Limits(8, 200, 1), deque())
    room.quick = 100
    room.adapt(now[0] + 0.1)
    assert await _claims_ahead(room, 8) == 100, "at the beginning, as many as were seen"
    room.adapt(now[0] + 0.4)
    assert await _claims_ahead(room, 8) in {49, 50}
    room.quick = 1000
    room.adapt(now[0] + 0.45)
    assert await _claims_ahead(room, 8) == 200
    for later in (1.0, 1.6, 2.2):
        room.adapt(now[0] + later)
    assert await _claims_ahead(room, 8) == 0


async def test_few_quick_runs_are_no_reason_to_claim_ahead() -> None:
    room = Room(Limits(8, 64, 1), deque())
    room.quick = 4
    room.adapt(time.monotonic() + 0.9)
    assert await _claims_ahead(room, 8) == 0


async def test_a_run_that_came_too_late_ends_claiming_ahead() -> None:
    room = Room(Limits(8, 64, 1), deque())
    room.quick = 100
    room.adapt(time.monotonic())
    room.claim_nothing_ahead()
    room.adapt(time.monotonic())
    assert await _claims_ahead(room, 8) == 0


@pytest.mark.parametrize(("seconds", "ahead"), [(0.0, 64), (0.3, 0)], ids=["quick runs", "slow runs"])
async def test_only_quick_runs_count(now: list[float], seconds: float, ahead: int) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=400, prefetch=64)
    async with bench.running():
        await bench.feed(make_runs(400))
        await until(lambda: recorder.active == 400)
        now[0] += seconds  # the runs take so long
        recorder.gate.set()
        await until(lambda: bench.settled == 400)
        await bench.feed(make_runs(1, first=400))  # the last of a queue is the occasion to look
        await until(lambda: bench.settled == 401)
        assert await _claims_ahead(bench.runner.room, 400) == ahead


async def test_what_waits_for_a_place_is_handed_back_before_its_start_window_ends(now: list[float]) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=2)
    bench.runner.room.quick = 100
    async with bench.running():
        runs = make_runs(5, start_in=0.5)
        ends = runs[0].received_at + WAITING_SHARE * 0.5
        now[0] = ends - 0.05
        await bench.feed(runs)
        await recorder.ran(2)
        await asyncio.sleep(0.1)  # in real time; the queue is looked at
        assert bench.handed_back == []
        now[0] = ends + 0.001
        await until(lambda: len(bench.handed_back) == 3)
        assert bench.handed_back == runs[2:]
        assert bench.permits_taken == 2
        bench.runner.room.adapt(now[0])
        assert await _claims_ahead_of(bench) == 0
        fresh = make_runs(1, first=5, start_in=0.1)
        await bench.feed(fresh)
        now[0] = fresh[0].start_by
        await until(lambda: len(bench.handed_back) == 4)
        recorder.gate.set()
        await until(lambda: bench.settled == 6)
    assert sorted(recorder.data) == ["0", "1"]
    assert bench.permits_taken == 0


async def test_of_two_claims_each_waits_for_its_own_time() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=1)
    async with bench.running():
        patient, hasty = make_runs(2, start_in=30), make_runs(2, first=2, start_in=0.1)
        await bench.feed(patient)
        await bench.feed(hasty)
        bench.runner._patience.look()  # as it comes once the time of those that came first is near
        await until(lambda: bench.handed_back == hasty)
        recorder.gate.set()
        await until(lambda: bench.settled == 4)
    assert sorted(recorder.data) == ["0", "1"]


async def test_at_most_once_only_leased_tasks_go_back() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    bench = Bench(recorder, concurrency=1)
    now = time.monotonic()
    grant = Grant("p:1/0", b"7", 1.0, now, now + 0.1, now + 60, is_leased=False)
    first, plain, leased, corrupt = (
        TaskRun(grant, raw_id, b"1000", record, None)
        for raw_id, record in ((b"1", b"s\n1"), (b"2", b"s\n2"), (b"3", b"s;gx\n3"), (b"4", b"\xff"))
    )
    async with bench.running():
        await bench.feed([first, plain, leased, corrupt])
        await until(lambda: bool(bench.handed_back))
        assert bench.handed_back == [leased]
        recorder.gate.set()
        await until(lambda: bench.settled == 4)
    assert sorted(recorder.data) == ["1", "2"]
    assert bench.corrupt == [corrupt]

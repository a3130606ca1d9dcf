"""The runner of batches: what goes together, what a batch holds, and what cuts it short."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque

import pytest

from interval_scheduler import BatchFailed, OutsideRun, Retry, RunTimeout, TaskRun, current_run
from interval_scheduler.execution.batch import Kind
from interval_scheduler.execution.batch_room import BatchRoom
from interval_scheduler.execution.room import Limits
from interval_scheduler.execution.run import runs_of_caller
from interval_scheduler.execution.stuck import StuckWatch
from interval_scheduler.support.log import guarded
from tests.unit.batch_bench import BatchBench, Batches, run_of
from tests.unit.bench import make_runs
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: The ways of a run to ask for a time-out, as they stand in a header.
_IN_2_S, _IN_5_S = b"s;t2000", b"s;t5000"


async def settled(bench: BatchBench, count: int) -> None:
    await until(lambda: bench.settled == count and bench.permits_taken == 0)


# What goes together


async def test_what_is_queued_goes_together_up_to_the_size() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=4, concurrency=10)
    async with bench.running():
        await bench.feed(make_runs(10))
        await settled(bench, 10)
    assert batches.ids == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9"]]
    assert [run.data for run in batches.runs[2]] == ["8", "9"]


async def test_a_batch_waits_for_no_more_runs() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=500, concurrency=2)
    async with bench.running():
        await bench.feed(make_runs(1))
        await batches.ran(1)
        await bench.feed(make_runs(2, first=1))
        await batches.ran(2)
        assert batches.ids == [["0"], ["1", "2"]]
        await bench.feed(make_runs(2, first=3))
        await bench.feed(make_runs(2, first=5))
        batches.gate.set()
        await settled(bench, 7)
    assert batches.ids[2:] == [["3", "4", "5", "6"]], "what gathered while all places were taken"


async def test_tasks_of_one_time_out_go_together() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=10, timeout=60)
    async with bench.running():
        records = [b"s", _IN_2_S, b"s", _IN_5_S, _IN_2_S, b"s;g1:a", b"s;t60000"]
        await bench.feed([run_of(number, record) for number, record in enumerate(records)])
        await settled(bench, 7)
    assert batches.ids == [["0", "2", "5", "6"], ["1", "4"], ["3"]]


async def test_the_order_is_that_of_the_queue() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=2, concurrency=1)
    async with bench.running():
        records = [b"s", _IN_2_S, b"s", b"s", b"s"]
        await bench.feed([run_of(number, record) for number, record in enumerate(records)])
        await settled(bench, 5)
    assert batches.ids == [["0", "2"], ["1"], ["3", "4"]]


async def test_a_task_is_in_a_batch_once() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    async with bench.running():
        await bench.feed([*make_runs(2), *make_runs(2), *make_runs(1)])
        await settled(bench, 5)
    assert batches.ids == [["0", "1"], ["0", "1"], ["0"]]


async def test_what_was_delivered_before_is_told_and_holds_up_no_other() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=10)
    bench.answers.clear()
    bench.lost = {"2"}
    async with bench.running():
        again = [run_of(number, failed=b"0") for number in (1, 2, 3)]
        await bench.feed([run_of(0), *again, run_of(4)])
        await batches.ran(1)
        assert batches.ids == [["0", "4"]]
        bench.answers.set()
        await settled(bench, 5)
    assert batches.ids == [["0", "4"], ["1", "3"]]
    assert bench.told == again
    assert bench.handed_back == [again[1]], "its lease is not held"


async def test_what_cannot_be_told_in_time_is_handed_back() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.answers.clear()
    async with bench.running():
        again = [run_of(number, failed=b"0", start_in=0.05) for number in range(2)]
        await bench.feed(again)
        await settled(bench, 2)
        assert bench.handed_back == again
    assert batches.runs == []


@pytest.mark.parametrize(("crashes", "most"), [(0, 500), (1, 125), (2, 31), (3, 7), (4, 1), (99, 1)])
async def test_after_each_crash_batches_are_smaller(crashes: int, most: int) -> None:
    assert Kind(None, "p", crashes).most(500) == most


async def test_a_suspect_goes_alone() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=5)
    bench.suspects, bench.admissions = {"1", "3"}, {"1": "alone", "3": "alone"}
    async with bench.running():
        runs = [run_of(number, failed=b"5" if number in {1, 3} else None) for number in range(5)]
        await bench.feed(runs)
        await until(lambda: len(batches.runs) == 2)
        assert batches.ids == [["0", "2", "4"], ["1"]], "those of the batch before go on"
        assert bench.handed_back == [runs[3]]
        assert bench.permits_taken == 4
        later = make_runs(3, first=10)
        await bench.feed(later)
        assert bench.handed_back[1:] == later, "nothing starts beside it"
        batches.gate.set()
        await settled(bench, 8)


async def test_what_cannot_start_is_left_out() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.admissions = {"3": "no"}
    async with bench.running():
        late, corrupt, refused = run_of(1, start_in=-1), run_of(2, b""), run_of(3, _IN_2_S)
        await bench.feed([run_of(0), late, corrupt, refused, run_of(4)])
        await until(lambda: bench.permits_taken == 0 and len(bench.finished) == 2)
    assert batches.ids == [["0", "4"]]
    assert (bench.handed_back, bench.corrupt) == ([late], [corrupt])


# What it is inside


async def test_inside_there_is_no_single_run() -> None:
    seen: list[object] = []

    async def executor(runs: list[TaskRun]) -> None:
        with pytest.raises(OutsideRun, match="the executor of a batch gets its runs as its argument"):
            current_run()
        seen.append(runs_of_caller())
        runs.clear()  # the list is the executor's own

    bench = BatchBench(executor, size=10, concurrency=1)
    async with bench.running():
        runs = make_runs(3)
        await bench.feed(runs)
        await settled(bench, 3)
    assert seen == [tuple(runs)]


async def test_a_batch_leaves_nothing_to_the_next() -> None:
    variable = contextvars.ContextVar("variable", default=0)
    seen: list[tuple[int, int]] = []

    async def executor(_: list[TaskRun]) -> None:
        me = asyncio.current_task()
        assert me is not None
        seen.append((variable.get(), me.cancelling()))
        variable.set(1)
        me.cancel()
        await asyncio.sleep(0)  # here the cancel arrives

    bench = BatchBench(executor, size=1, concurrency=1)
    async with bench.running():
        await bench.feed(make_runs(3))
        await settled(bench, 3)
    assert seen == [(0, 0)] * 3
    assert all(isinstance(error, asyncio.CancelledError) for _, error in bench.finished), "a result as any other"


# How it ends


async def test_what_it_raises_is_the_result_of_each_and_told_once() -> None:
    error = ValueError("no")

    async def executor(_: list[TaskRun]) -> None:
        raise error

    bench = BatchBench(executor, size=10, concurrency=1)
    async with bench.running():
        runs = make_runs(3)
        await bench.feed(runs)
        await settled(bench, 3)
    assert bench.finished == [(run, error) for run in runs]
    assert bench.failed_together == [runs]


async def test_it_says_which_ones_failed() -> None:
    error, retry = ValueError("no"), Retry(after=5)

    async def executor(runs: list[TaskRun]) -> None:
        raise BatchFailed({runs[1]: error, runs[2]: retry, runs[3]: retry})

    bench = BatchBench(executor, size=10, concurrency=1)
    async with bench.running():
        runs = make_runs(5)
        await bench.feed(runs)
        await settled(bench, 5)
    assert bench.finished == list(zip(runs, [None, error, retry, retry, None], strict=True))
    assert bench.failed_together == [], "a later attempt is no error"


@pytest.mark.parametrize("say", [False, True])
async def test_the_time_out_is_that_of_all_of_it(say: bool) -> None:  # noqa: FBT001
    error = ValueError("no")

    async def executor(runs: list[TaskRun]) -> None:
        try:
            await asyncio.sleep(60)  # until it is cancelled
        except asyncio.CancelledError:
            if say:
                raise BatchFailed({runs[0]: error}) from None
            raise

    bench = BatchBench(executor, size=10, concurrency=1, timeout=0.02)
    async with asyncio.timeout(10), bench.running():
        await bench.feed(make_runs(2))
        await settled(bench, 2)
    errors = [error for _, error in bench.finished]
    if say:
        assert errors == [error, None], "it may say what was done by then"
    else:
        assert all(isinstance(each, RunTimeout) and each.seconds == 0.02 for each in errors)
    assert bench.handed_back == []


async def test_one_lost_lease_does_not_take_the_others_down() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=1)
    async with bench.running():
        runs = make_runs(3)
        await bench.feed(runs)
        await batches.ran(1)
        bench.runner.cut(runs[1], "its lease was lost")
        assert [run.lost for run in batches.runs[0]] == [False, True, False]
        bench.runner.cut(runs[1], "its lease was lost")
        await asyncio.sleep(0)  # a cancel would arrive now
        assert batches.cancelled == []
        batches.gate.set()
        await settled(bench, 3)
    assert bench.finished == [(run, None) for run in runs], "Redis refuses what is not held"


async def test_when_all_leases_are_lost_it_is_cancelled() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=1)
    async with bench.running():
        runs = make_runs(3)
        await bench.feed(runs)
        await batches.ran(1)
        for run in runs:
            bench.runner.cut(run, "its lease was lost")
        await settled(bench, 3)
    assert batches.cancelled == [runs]
    assert (bench.handed_back, bench.finished) == (runs, [])
    assert bench.cut_off == runs


async def test_a_drain_that_is_over_hands_it_back() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=2, concurrency=1)
    async with asyncio.timeout(10), bench.running():
        runs = make_runs(4)
        await bench.feed(runs)
        await batches.ran(1)
        await bench.runner.drain(0.01)
        assert bench.handed_back == [*runs[2:], *runs[:2]]
        assert bench.finished == []


async def test_what_is_done_is_done_although_it_was_cut() -> None:
    async def executor(runs: list[TaskRun]) -> None:
        try:
            await asyncio.sleep(60)  # until it is cancelled
        except asyncio.CancelledError:
            raise BatchFailed({runs[1]: ValueError("not done")}) from None

    bench = BatchBench(executor, size=2, concurrency=1)
    async with asyncio.timeout(10), bench.running():
        runs = make_runs(2)
        await bench.feed(runs)
        await until(lambda: bench.runner.running)
        await bench.runner.drain(0.01)
        assert bench.finished == [(runs[0], None)]
        assert bench.handed_back == [runs[1]], "due as it was"


async def test_one_that_ignores_its_cancel_is_left_to_its_leases(caplog: pytest.LogCaptureFixture) -> None:
    ends = asyncio.Event()

    async def executor(_: list[TaskRun]) -> None:
        while not ends.is_set():
            try:
                await ends.wait()
            except asyncio.CancelledError:  # an executor that does not let itself be cancelled
                continue

    bench = BatchBench(executor, size=10, concurrency=1, grace=0.02)
    async with asyncio.timeout(10), bench.running():
        runs = make_runs(3)
        await bench.feed(runs)
        await until(lambda: bench.runner.running)
        await bench.runner.drain(0.01)
        assert all(run.is_given_up for run in runs)
        assert not bench.runner.running
        ends.set()
        await until(lambda: bench.permits_taken == 0)
    (told,) = [each for each in caplog.messages if "did not end within" in each]
    assert told.startswith(
        "a batch did not end within 0.02 s of being cancelled (handed back): its 3 runs are left to their leases: '"
    )
    assert bench.settled == 0, "its end says nothing any more"


async def test_the_end_of_everything_is_the_result_of_none() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.runner.start()
    await bench.feed(make_runs(2))
    await batches.ran(1)
    await bench.runner.end()
    assert batches.cancelled == batches.runs
    assert bench.settled == 0
    assert bench.permits_taken == 0


async def test_a_drain_while_it_is_told_hands_it_back() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.answers.clear()
    async with asyncio.timeout(10), bench.running():
        again = [run_of(number, failed=b"0") for number in range(2)]
        await bench.feed(again)
        await until(lambda: bench.runner.running)
        await bench.runner.drain(0.01)
        assert bench.handed_back == again
        assert bench.cut_off == [], "none of them had started"
    assert batches.runs == []


async def test_one_that_is_told_while_a_drain_begins_does_not_begin() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.answers.clear()
    async with asyncio.timeout(10), bench.running():
        again = [run_of(number, failed=b"0") for number in range(2)]
        await bench.feed(again)
        await until(lambda: bench.runner.running)
        draining = asyncio.create_task(bench.runner.drain(5))
        await asyncio.sleep(0)  # it begins
        bench.answers.set()
        await draining
        assert bench.handed_back == again
    assert batches.runs == []


async def test_one_that_loses_its_lease_while_it_is_told_does_not_begin() -> None:
    batches = Batches()
    bench = BatchBench(batches, size=10, concurrency=1)
    bench.answers.clear()
    async with asyncio.timeout(10), bench.running():
        again = [run_of(number, failed=b"0") for number in range(2)]
        await bench.feed(again)
        await until(lambda: bench.runner.running)
        bench.runner.cut(again[0], "its lease was lost")
        bench.answers.set()
        await settled(bench, 2)
    assert batches.ids == [["1"]]
    assert bench.handed_back == [again[0]]
    assert bench.cut_off == []


# The room


async def test_a_batch_in_progress_takes_a_whole_place() -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=2, prefetch=0)
    async with bench.running():
        assert await bench.room.reserve() == 20
        bench.room.give_back(20)
        await bench.feed(make_runs(3))
        await batches.ran(1)
        assert bench.permits_taken == 3
        permits = await bench.room.reserve()
        assert permits == 10, "what it leaves of its place is nobody's"
        assert bench.room.places(permits) == 10
        bench.runner.feed(make_runs(1, first=3))
        bench.room.give_back(permits - 1)
        await batches.ran(2)
        asking = asyncio.create_task(bench.room.reserve())
        await asyncio.sleep(0.01)  # nothing tells that it is not done
        assert not asking.done()
        assert bench.room.places(0) == 0
        batches.gate.set()
        bench.room.give_back(await asking)
        await settled(bench, 4)
        assert await bench.room.reserve() == 20
        bench.room.give_back(20)


@pytest.mark.parametrize(
    ("size", "concurrency", "sources", "permits"),
    [
        (1, 5, 1, 5),
        (10, 5, 1, 50),
        (10, 5, 4, 10),
        (300, 9, 1, 300),
        (150, 9, 1, 450),
        (500, 1, 4, 500),
        (7, 100, 3, 231),
    ],
)
async def test_a_claim_brings_whole_batches(size: int, concurrency: int, sources: int, permits: int) -> None:
    room = BatchRoom(Limits(concurrency, 0, sources), deque(), size)
    assert await room.reserve() == permits


async def test_beyond_the_places_it_is_as_for_single_runs() -> None:
    room = BatchRoom(Limits(1, 100, 2), deque(), 10)
    room.enter(4)
    room.taken = 4
    room.quick = 1000
    room.adapt(room._mark[0] + 0.1)
    assert await room.reserve() == 50
    assert room.places(50) == 0


@pytest.mark.parametrize("seed", range(20))
async def test_no_more_is_held_than_there_is_room_for(seed: int) -> None:
    fair = random.Random(seed)
    size, concurrency, sources = fair.randrange(1, 12), fair.randrange(1, 5), fair.randrange(1, 4)
    prefetch = fair.choice([0, 5, 40])
    in_progress: list[int] = []
    most = 0

    async def executor(runs: list[TaskRun]) -> None:
        nonlocal most
        in_progress.append(len(runs))
        most = max(most, len(in_progress))
        for _ in range(fair.randrange(4)):
            await asyncio.sleep(0)  # the batch takes a number of turns that is drawn
        in_progress.pop()
        if fair.random() < 0.2:
            raise BatchFailed({fair.choice(runs): ValueError()})

    bench = BatchBench(executor, size=size, concurrency=concurrency, prefetch=prefetch, sources=sources)
    bench.backlog.extend(make_runs(300))
    async with asyncio.timeout(20), bench.running():
        await asyncio.gather(*(bench.poll(fair) for _ in range(sources)))
        await settled(bench, 300)
    assert most <= concurrency
    assert bench.most_held <= concurrency * size + prefetch + size * (sources - 1)
    assert len({run.id for run, _ in bench.finished}) == 300


async def test_all_places_are_taken_by_batches(caplog: pytest.LogCaptureFixture) -> None:
    batches = Batches()
    batches.gate.clear()
    bench = BatchBench(batches, size=10, concurrency=2)
    told: list[tuple[int, TaskRun, float]] = []
    watch = StuckWatch(bench.runner, 2, 0.05, guarded(None), lambda *what: told.append(what))
    async with asyncio.timeout(10), bench.running():
        watching = asyncio.create_task(watch.run())
        await bench.feed(make_runs(3))
        await batches.ran(1)
        await asyncio.sleep(0.1)  # longer than it takes to tell
        assert watch.finding is None, "a place is free, though there are more runs than places"
        await bench.feed(make_runs(3, first=3))
        await until(lambda: told)
        assert told[0][0] == 6
        assert "2 of 2 places are taken" in caplog.text
        batches.gate.set()
        await settled(bench, 6)
        watching.cancel()

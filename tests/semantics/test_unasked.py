"""An execution or a connection that ends without being asked to is told; stops and closes from inside of a run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    AlreadyExecuting,
    ExecutionEnded,
    IntervalTask,
    NotConnected,
    Scheduler,
    TaskRun,
    current_run,
)
from interval_scheduler.execution.poller import Poller
from interval_scheduler.services.rebalancer import Rebalancer
from tests.waiting import Recorder, heartbeat, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


async def test_wait_stopped_returns_when_nothing_is_executed(scheduler: Scheduler) -> None:
    await scheduler.wait_stopped()
    await scheduler.start_task_execute(Recorder())
    waiting = asyncio.create_task(scheduler.wait_stopped())
    await asyncio.sleep(0.05)  # nothing tells that it goes on waiting
    assert not waiting.done()
    await scheduler.stop_task_execute()
    await asyncio.wait_for(waiting, 25)


async def test_an_execution_that_ends_by_a_bug_is_told(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await make_scheduler()
    told: list[BaseException] = []
    scheduler.on("stopped", told.append)

    async def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(Poller, "run_once", broken)
        await scheduler.start_task_execute(Recorder())
        with pytest.raises(ExecutionEnded, match="ZeroDivisionError: a bug") as caught:
            await asyncio.wait_for(scheduler.wait_stopped(), 25)
    assert not scheduler.executing_tasks
    assert told == [caught.value.__cause__]
    health = await scheduler.check_health()
    assert not health.ok
    assert health.stopped is not None
    assert "ZeroDivisionError: a bug" in health.stopped
    (record,) = [record for record in caplog.records if "executing tasks ended without" in record.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[1] is told[0]
    assert await scheduler.assign_task(IntervalTask("t")), "the connection goes on"
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert await scheduler.check_health()


async def test_a_connection_that_ends_by_a_bug_is_told(
    make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    goes_wrong = asyncio.Event()

    async def broken(_: Any) -> None:
        await goes_wrong.wait()
        raise ZeroDivisionError("a bug")

    told: list[BaseException] = []
    with monkeypatch.context() as patched:
        patched.setattr(Rebalancer, "run", broken)
        scheduler = await make_scheduler()
    scheduler.on("stopped", told.append)
    await scheduler.start_task_execute(Recorder())
    goes_wrong.set()
    with pytest.raises(ExecutionEnded, match="a bug"):
        await asyncio.wait_for(scheduler.wait_stopped(), 25)
    await until(lambda: len(told) == 1)
    health = await scheduler.check_health()
    assert not health
    assert health.stopped is not None
    assert "a bug" in health.stopped
    assert "the scheduler ended without being asked to" in caplog.text
    await scheduler.connect()
    assert not await scheduler.check_health(), "nothing is executed, and nobody has asked for that"
    await scheduler.stop_task_execute()
    assert await scheduler.check_health()


@pytest.mark.leaves_leases
async def test_a_cancel_of_all_asyncio_tasks_is_told(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    scheduler = await make_scheduler()
    told: list[BaseException] = []
    scheduler.on("stopped", told.append)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("t", every=60))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    for task in asyncio.all_tasks() - before:
        task.cancel()
    with pytest.raises(ExecutionEnded):
        await asyncio.wait_for(scheduler.wait_stopped(), 25)
    await until(lambda: len(told) == 1)
    assert "its asyncio tasks were cancelled" in caplog.text
    assert not await scheduler.check_health()


ENDS: dict[str, list[Callable[[Scheduler], Awaitable[None]]]] = {
    "stop": [Scheduler.stop_task_execute],
    "close": [Scheduler.close],
    "stop, close": [Scheduler.stop_task_execute, Scheduler.close],
    "close, stop": [Scheduler.close, Scheduler.stop_task_execute],
    "close, close": [Scheduler.close, Scheduler.close],
}


@pytest.mark.parametrize("calls", ENDS)
@pytest.mark.parametrize("nested", [False, True], ids=["itself", "in a task group"])
async def test_a_run_may_end_the_execution(
    make_scheduler: MakeScheduler,
    calls: str,
    nested: bool,  # noqa: FBT001 - a parameter
) -> None:
    scheduler = await make_scheduler(drain_seconds=30)
    runs: list[str] = []
    asked = asyncio.Event()
    ended: list[str] = []

    async def end() -> None:
        for call in ENDS[calls]:
            await call(scheduler)

    async def executor(data: str) -> None:
        runs.append(data)
        if data == "last":
            if nested:
                async with asyncio.TaskGroup() as group:
                    group.create_task(end())
            else:
                await end()
            asked.set()
        else:
            await asked.wait()
        ended.append(data)

    await scheduler.assign_tasks([IntervalTask("other", "other"), IntervalTask("last", "last")])
    await scheduler.start_task_execute(executor)
    await asyncio.wait_for(scheduler.wait_stopped(), 25)
    assert sorted(ended) == ["last", "other"], "the run ends as a run, and the others are waited for"
    await asyncio.wait_for(scheduler.close(), 25)
    assert not (await scheduler.check_health()).connected
    await scheduler.start_task_accept()
    assert await scheduler.task_size() == 0, "nothing was handed back"
    assert sorted(runs) == ["last", "other"]


async def test_a_stop_from_outside_waits_for_the_one_from_inside(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    stopped, goes_on = asyncio.Event(), asyncio.Event()
    ended: list[str] = []

    async def executor(data: str) -> None:
        await scheduler.stop_task_execute()
        await scheduler.stop_task_execute()
        with pytest.raises(AlreadyExecuting, match="cannot start anew inside of a run"):
            await scheduler.start_task_execute(executor)
        stopped.set()
        await goes_on.wait()
        ended.append(data)

    await scheduler.assign_task(IntervalTask("t", "t"))
    await scheduler.start_task_execute(executor)
    await stopped.wait()
    outside = asyncio.create_task(scheduler.stop_task_execute())
    await asyncio.sleep(0.05)  # nothing tells that it goes on waiting
    assert not outside.done()
    goes_on.set()
    await asyncio.wait_for(outside, 25)
    assert ended == ["t"]
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("u"))
    await recorder.ran(1)


async def test_a_handler_of_the_end_may_close(make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the end hears of it all the same."""
    scheduler = await make_scheduler()

    async def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug")

    async def close(_: BaseException) -> None:
        await scheduler.close()

    scheduler.on("stopped", close)
    monkeypatch.setattr(Poller, "run_once", broken)
    await scheduler.start_task_execute(Recorder())
    with pytest.raises(ExecutionEnded, match="a bug"):
        await asyncio.wait_for(scheduler.wait_stopped(), 25)
    await until(lambda: not scheduler.online)


async def test_several_runs_may_close_at_once(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(drain_seconds=30)
    all_here = asyncio.Barrier(5)
    ended: list[str] = []

    async def executor(data: str) -> None:
        await all_here.wait()
        await scheduler.close()
        ended.append(data)

    await scheduler.assign_tasks([IntervalTask(str(n), str(n)) for n in range(5)])
    await scheduler.start_task_execute(executor)
    await asyncio.wait_for(scheduler.wait_stopped(), 25)
    await asyncio.wait_for(scheduler.close(), 25)
    assert sorted(ended) == ["0", "1", "2", "3", "4"]


async def test_a_stop_that_is_cancelled_before_it_begins_stops_all_the_same(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    await scheduler.start_task_execute(Recorder())
    async with scheduler._executing._changing.of_this_loop():  # as if a start went on
        stopping = asyncio.create_task(scheduler.stop_task_execute())
        await asyncio.sleep(0)  # it begins to wait
        stopping.cancel()
        await asyncio.wait([stopping])
    await asyncio.wait_for(scheduler.stop_task_execute(), 25)
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("t"))
    await recorder.ran(1)


@pytest.mark.leaves_leases
async def test_a_connection_without_an_execution_that_ends_is_told(make_scheduler: MakeScheduler) -> None:
    before = asyncio.all_tasks()
    scheduler = await make_scheduler()
    for task in asyncio.all_tasks() - before:
        task.cancel()
    await until(lambda: scheduler._lifespan.failure is not None)  # it is offline before
    with pytest.raises(ExecutionEnded, match="its asyncio tasks were cancelled"):
        await scheduler.wait_stopped()
    health = await scheduler.check_health()
    assert health.stopped is not None
    assert health.stopped.startswith("its asyncio tasks were cancelled")
    await scheduler.connect()
    assert await scheduler.check_health()


async def test_closing_does_not_wait_for_a_run_that_was_given_up(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await make_scheduler(drain_seconds=30, cancel_grace_seconds=0.05, run_timeout_seconds=0.05)
    release = asyncio.Event()
    ended = asyncio.Event()

    async def stubborn(_: str) -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):  # an executor that does not let itself be cancelled
                await release.wait()
        ended.set()

    await scheduler.assign_task(IntervalTask("t"))
    await scheduler.start_task_execute(stubborn)
    await until(lambda: "it is left to its lease" in caplog.text)
    await asyncio.wait_for(scheduler.stop_task_execute(), 25)
    assert caplog.text.count("it is left to its lease") == 1
    release.set()
    await asyncio.wait_for(ended.wait(), 25)
    await scheduler.clear_all_tasks()


async def test_starts_stops_and_drains_are_told(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="interval_scheduler")
    scheduler = await make_scheduler()
    hangs = asyncio.Event()

    async def executor(data: str) -> None:
        if data == "bad":
            raise ValueError(data)
        if data == "hangs":
            hangs.set()
            await asyncio.Event().wait()

    await scheduler.assign_tasks([IntervalTask(data, data) for data in ("good", "bad", "hangs")])
    await scheduler.start_task_execute(executor, concurrency=1)
    await asyncio.wait_for(hangs.wait(), 25)
    await scheduler.stop_task_execute(drain_seconds=0.05)
    lines = [line for line in caplog.messages if "task" in line or "run" in line]
    assert "executing tasks: at most 1 at once, of 1 partitions" in lines
    assert "no more tasks are executed: 1 run may end within 0.05 s" in lines
    (cut,) = [line for line in lines if "cut short" in line]
    assert cut.startswith("runs that did not end in time are cut short (1): 'hangs' (")
    (done,) = [line for line in lines if line.startswith("executing tasks ended after")]
    # On a slow machine, some were claimed and handed back before they began.
    assert "2 runs ended in all, of these 1 failed; " in done or "3 were handed back" in done


async def test_a_failed_run_is_logged_with_its_traceback(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await make_scheduler()

    def deep(row: dict[str, Any]) -> Any:
        return row["account"]["id"]

    async def executor(_: str) -> None:
        deep({"account": {}})

    def find() -> list[logging.LogRecord]:
        return [record for record in caplog.records if "failed" in record.getMessage() and record.exc_info]

    await scheduler.assign_task(IntervalTask("a\n\x1b[31mforged", every=60))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(find()) == 1)
    (record,) = find()
    assert record.getMessage() == "the run of task 'a\\n\\x1b[31mforged' failed: KeyError: 'id'"
    assert "in deep" in (logging.Formatter().formatException(record.exc_info) if record.exc_info else "")


async def test_a_scheduler_that_is_never_closed_is_told(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    await scheduler.connect()
    lifespan = scheduler._lifespan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del scheduler
        gc.collect()
    (message,) = [str(each.message) for each in caught if each.category is ResourceWarning]
    assert "was never closed: use 'async with', or call close()" in message
    await lifespan.close(lifespan.announce_close())


async def test_a_removal_by_what_only_looks_like_the_run_waits(make_scheduler: MakeScheduler) -> None:
    """A run that has ended, and one of another scheduler with the same id, know nothing of the claims of a task."""
    scheduler = await make_scheduler(concurrency=1, prefetch=1)
    other = await make_scheduler(namespace=f"{scheduler._options.namespace}-other")
    left: list[asyncio.Task[float]] = []
    own: list[float] = []

    async def timed_removal(of: Scheduler) -> float:
        # Claimed now and not started: the worker is busy. Nobody may return before it can be started no more.
        found = await of.get_task("t")
        assert found is not None
        assert found.claimed_at is not None
        await of.remove_task("t")
        return time.time() - found.claimed_at

    async def later() -> float:
        await until(lambda: not scheduler._executing.is_in_progress(current_run()))
        await scheduler.stop_task_execute()
        await scheduler.assign_task(IntervalTask("t", "again"))
        recorder.gate.clear()
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        return await timed_removal(scheduler)

    async def executor(_: str) -> None:
        left.append(asyncio.create_task(later()))

    async def of_other(_: str) -> None:
        began = time.monotonic()
        await other.remove_task("t")
        own.append(time.monotonic() - began)
        own.append(await timed_removal(scheduler))

    recorder = Recorder()
    await scheduler.assign_task(IntervalTask("t"))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(left) == 1)
    assert await asyncio.wait_for(left[0], 25) > 0.95
    recorder.gate.set()
    await scheduler.stop_task_execute()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("t", every=3600))
    await other.assign_task(IntervalTask("t", every=3600))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    async with heartbeat(other.task_size) as beat:
        await other.start_task_execute(of_other)
        await until(lambda: len(own) == 2)
    assert own[0] < 0.5 + 3 * beat.longest, "its own"
    assert own[1] > 0.95, "of another scheduler"
    recorder.gate.set()


async def test_an_execution_that_is_stuck_is_told(
    make_scheduler: MakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await make_scheduler(concurrency=2, stuck_after_seconds=0.2)
    told: list[tuple[int, str, float]] = []
    scheduler.on("stuck", lambda count, run, seconds: told.append((count, run.id, seconds)))
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("first"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    await asyncio.sleep(0.3)  # what is not stuck tells nothing: the 0.2 s pass after which it would be told
    assert told == [], "a place is free"
    assert (await scheduler.check_health()).findings == ()
    await scheduler.assign_tasks([IntervalTask("second"), IntervalTask("third")])
    await recorder.ran(2)
    await until(lambda: len(told) == 2)
    assert [(count, name) for count, name, _ in told] == [(2, "first"), (2, "first")]
    assert told[1][2] > told[0][2] > 0.4
    lines = [
        line for line in caplog.messages if re.match(r"2 of 2 places are taken, and no run has ended for \d+ s", line)
    ]
    assert len(lines) == 2
    assert "'first' (" in lines[0]
    health = await scheduler.check_health()
    assert [(finding.code, finding.severity) for finding in health.findings] == [("stuck", "warning")]
    assert health.ok
    leased = {task.id: task async for task in scheduler.tasks(state="leased")}
    claimed = leased["first"].claimed_at
    assert claimed is not None
    assert abs(claimed - time.time()) < 60
    recorder.gate.set()
    await recorder.ran(3)
    assert (await scheduler.check_health()).findings == ()
    assert all([task.claimed_at is None async for task in scheduler.tasks(state="waiting")])


async def test_whoever_starts_while_it_closes_waits_and_connects_anew(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    first, second = Recorder(), Recorder()
    first.gate.clear()
    await scheduler.assign_task(IntervalTask("first"))
    await scheduler.start_task_execute(first)
    await first.ran(1)
    closing = asyncio.create_task(scheduler.close())
    await until(lambda: not scheduler.accepting_tasks)
    starting = asyncio.create_task(scheduler.start_task_execute(second))
    accepting = asyncio.create_task(scheduler.start_task_accept())
    first.gate.set()
    await asyncio.gather(closing, starting, accepting)
    await scheduler.assign_task(IntervalTask("second"))
    await second.ran(1)
    assert (await scheduler.check_health()).stopped is None


async def test_a_run_does_not_open_what_closes(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    started, closes = asyncio.Event(), asyncio.Event()
    raised: list[BaseException] = []

    async def executor(_: str) -> None:
        started.set()
        await closes.wait()
        try:
            await scheduler.start_task_accept()
        except NotConnected as error:
            raised.append(error)

    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(executor)
    await started.wait()
    closing = asyncio.create_task(scheduler.close())
    await until(lambda: not scheduler.accepting_tasks)
    closes.set()
    await closing
    assert len(raised) == 1
    assert not scheduler.accepting_tasks


async def _list(scheduler: Scheduler) -> None:
    async for _ in scheduler.tasks():
        pass


READS: dict[str, Callable[[Scheduler], Awaitable[object]]] = {
    "get_task": lambda scheduler: scheduler.get_task("a"),
    "task_size": lambda scheduler: scheduler.task_size(),
    "tasks": _list,
    "check_health": lambda scheduler: scheduler.check_health(),
}


@pytest.mark.parametrize("name", READS)
async def test_reads_beside_a_close_are_answered_or_told_that_nothing_is_connected(
    make_scheduler: MakeScheduler, name: str
) -> None:
    read = READS[name]
    for turns in range(30):
        scheduler = await make_scheduler()
        reads = [asyncio.ensure_future(read(scheduler)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)  # the close comes after so many turns of the event loop
        await scheduler.close()
        for outcome in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, NotConnected), repr(outcome)
                assert name != "check_health"


@pytest.mark.parametrize("way", ["stop_task_execute", "close"])
async def test_two_starts_at_once_and_a_stop_end(make_scheduler: MakeScheduler, way: str) -> None:
    for turns in range(12):
        scheduler = await make_scheduler()
        starts = [asyncio.create_task(scheduler.start_task_execute(Recorder())) for _ in range(2)]
        for _ in range(turns):
            await asyncio.sleep(0)  # the stop comes after so many turns of the event loop
        await asyncio.wait_for(getattr(scheduler, way)(), 25)
        await asyncio.wait_for(asyncio.gather(*starts, return_exceptions=True), 25)
        await asyncio.wait_for(scheduler.close(), 25)


HANDLED: dict[str, Callable[[Scheduler], Awaitable[object]]] = {
    "connect": lambda scheduler: scheduler.connect(),
    "start_task_accept": lambda scheduler: scheduler.start_task_accept(),
    "start_task_execute": lambda scheduler: scheduler.start_task_execute(Recorder()),
    "close": lambda scheduler: scheduler.close(),
    "stop_task_execute": lambda scheduler: scheduler.stop_task_execute(),
}


@pytest.mark.parametrize("outside", [True, False], ids=["closed outside", "closed by handlers"])
@pytest.mark.parametrize("in_a_task", [False, True], ids=["at once", "in a task of its own"])
@pytest.mark.parametrize("name", HANDLED)
async def test_handlers_and_a_close_do_not_wait_for_each_other(
    make_scheduler: MakeScheduler,
    name: str,
    in_a_task: bool,  # noqa: FBT001 - a parameter
    outside: bool,  # noqa: FBT001 - a parameter
) -> None:
    scheduler = await make_scheduler(drain_seconds=60)
    started: list[None] = []
    ended: list[BaseException | None] = []
    go = asyncio.Event()

    async def handler(_: object) -> None:
        started.append(None)
        await go.wait()
        call = (HANDLED[name] if outside else HANDLED["close"])(scheduler)
        try:
            await (asyncio.ensure_future(call) if in_a_task else call)
        except NotConnected as error:
            ended.append(error)
        else:
            ended.append(None)

    scheduler.on("run", handler)
    await scheduler.assign_tasks([IntervalTask("a"), IntervalTask("b")])
    await scheduler.start_task_execute(Recorder())
    await until(lambda: len(started) == 2)
    async with asyncio.timeout(25):
        if outside:
            closing = asyncio.create_task(scheduler.close())
            await until(lambda: not scheduler.accepting_tasks)
            go.set()
            await closing
        else:
            go.set()
        await until(lambda: len(ended) == 2)
        await scheduler.close()
    assert not scheduler.accepting_tasks
    if outside and name.startswith(("connect", "start")):
        assert all(isinstance(each, NotConnected) for each in ended)


async def test_an_examination_that_begins_after_the_close_raises_nothing(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    connected = scheduler._lifespan.connected
    assert connected is not None
    await scheduler.close()
    (health,) = await connected.namespace.examine(5)
    assert not health.online
    assert "the scheduler was closed" in str(health.problem)


async def test_a_start_that_is_cancelled_is_no_end(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    for turns in range(12):
        starting = asyncio.create_task(scheduler.start_task_execute(Recorder()))
        for _ in range(turns):
            await asyncio.sleep(0)  # the cancel comes after so many turns of the event loop
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # it was cancelled, and may say so
            await starting
        if starting.cancelled():
            assert (await scheduler.check_health()).stopped is None
            await asyncio.wait_for(scheduler.wait_stopped(), 25)
        await scheduler.stop_task_execute()


async def test_a_close_that_drains_leaves_the_next_connection_alone(make_scheduler: MakeScheduler) -> None:
    """A handler ignores that it is cancelled; meanwhile others close without a drain, and start anew."""
    scheduler = await make_scheduler(drain_seconds=3)
    started, release, closed, told = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(run: TaskRun) -> None:
        if run.id == "first":
            started.set()
            while not release.is_set():
                with contextlib.suppress(asyncio.CancelledError):  # a handler that does not let itself be cancelled
                    await release.wait()
        else:
            await closed.wait()
            told.set()

    scheduler.on("run", handler)
    await scheduler.assign_task(IntervalTask("first"))
    await scheduler.start_task_execute(Recorder())
    await started.wait()
    closing = asyncio.create_task(scheduler.close())
    await until(lambda: not scheduler.accepting_tasks)
    await scheduler._close_within(0)
    await scheduler.start_task_accept()
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("second"))
    await recorder.ran(1)
    await closing
    closed.set()
    assert scheduler.online
    assert scheduler.executing_tasks
    await asyncio.wait_for(told.wait(), 25)
    release.set()


async def test_a_shorter_drain_shortens_the_one_under_way(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    stopping = asyncio.create_task(scheduler.stop_task_execute(drain_seconds=60))
    await until(lambda: not scheduler.executing_tasks)
    async with asyncio.timeout(25):
        await scheduler.stop_task_execute(drain_seconds=0)
        await stopping
    assert len(recorder.cancelled) == 1


async def test_a_shorter_drain_shortens_one_that_waits_for_claims_still(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    async with asyncio.timeout(25):
        await asyncio.gather(
            scheduler.stop_task_execute(drain_seconds=60), scheduler.stop_task_execute(drain_seconds=0)
        )
    assert len(recorder.cancelled) == 1

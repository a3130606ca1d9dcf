"""`counts`, `sample_runs`, `around_runs` and `around_assigns`: what those who observe a scheduler build on."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from interval_scheduler import (
    BatchFailed,
    BlockingScheduler,
    Counts,
    IntervalTask,
    InvalidType,
    InvalidValue,
    Retry,
    RunSample,
    Scheduler,
    TaskRun,
    current_run,
)
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def _ends(data: str) -> None:
    if data == "bad":
        raise RuntimeError("it does not work")
    if data == "later":
        raise Retry(after=HOUR)
    if data == "slow":
        await asyncio.sleep(HOUR)  # until it is cut short


def _summed(counts: Counts) -> dict[str, int]:
    """The sums over partitions of what is not 0, but for what a slow machine handed back before it began."""
    names = ("runs", "failures", "timeouts", "postponed", "dead", "lost_leases", "clock_jumps")
    sums = {name: sum(getattr(each, name) for each in counts.partitions) for name in names}
    return {name: number for name, number in sums.items() if number}


async def _ran(scheduler: Scheduler, count: int) -> None:
    await until(lambda: _summed(scheduler.counts()).get("runs") == count, 60)


async def test_they_tell_what_was_counted_and_how_it_is(scheduler: Scheduler, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    assert scheduler.counts().places == 0
    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(3)])
    await scheduler.assign_task(IntervalTask("t0", "again"))
    await scheduler.start_task_execute(recorder, concurrency=7)
    await recorder.ran(3)
    counts = scheduler.counts()
    assert (counts.namespace, counts.assigned, counts.places, counts.places_used) == (namespace, 4, 7, 3)
    assert [each.online for each in counts.partitions] == [True]
    recorder.gate.set()
    await until(lambda: _summed(scheduler.counts()) == {"runs": 3})
    await scheduler.stop_task_execute()
    assert (scheduler.counts().places, scheduler.counts().places_used) == (0, 0)


async def test_runs_are_counted_by_how_they_ended(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(
        [
            IntervalTask("a"),
            IntervalTask("b", "bad"),
            IntervalTask("c", "later"),
            IntervalTask("d", "slow", timeout=0.1),
        ]
    )
    await scheduler.start_task_execute(_ends)
    expected = {"runs": 4, "failures": 2, "timeouts": 1, "postponed": 1, "dead": 2}
    await until(lambda: _summed(scheduler.counts()) == expected, 60)


async def test_they_go_on_over_connections(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace, statistics=False)
    for rounds in (1, 2):
        async with scheduler:
            await scheduler.assign_task(IntervalTask("a"))
            await scheduler.start_task_execute(_ends)
            await _ran(scheduler, rounds)
    counts = scheduler.counts()
    assert (_summed(counts), counts.assigned) == ({"runs": 2}, 2)
    assert [each.online for each in counts.partitions] == [None], "it is not connected, and so neither"


async def test_those_of_queues_are_beside_them(scheduler: Scheduler, namespace: str) -> None:
    mail = scheduler.queue("mail")
    await mail.assign_tasks([IntervalTask(f"m{n}") for n in range(2)])
    await mail.start_task_execute(_ends)
    await until(lambda: _summed(mail.counts()) == {"runs": 2})
    counts = scheduler.counts()
    assert (_summed(counts), counts.assigned) == ({}, 0)
    assert counts.queues == {"mail": mail.counts()}
    assert (counts.queues["mail"].namespace, counts.queues["mail"].queues) == (f"{namespace}.mail", {})


async def test_any_thread_reads_them_while_runs_end(scheduler: Scheduler) -> None:
    """And none of them goes down by more than the one run that is no run."""
    seen, over = list[int](), threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(_summed(scheduler.counts()).get("runs", 0))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(500)])
        await scheduler.start_task_execute(_ends)
        await until(lambda: _summed(scheduler.counts()).get("runs") == 500, 60)
    finally:
        over.set()
        await asyncio.to_thread(reader.join)
    assert all(after >= before - 1 for before, after in itertools.pairwise(seen))


async def test_a_sync_counts_what_it_assigned(scheduler: Scheduler) -> None:
    wanted = [IntervalTask(f"s:{n}", every=HOUR) for n in range(3)]
    await scheduler.sync_tasks(wanted, scope="s:", dry_run=True)
    assert scheduler.counts().assigned == 0
    await scheduler.sync_tasks(wanted, scope="s:")
    await scheduler.sync_tasks(wanted, scope="s:")
    assert scheduler.counts().assigned == 3


# Samples


async def test_a_sample_tells_runs_with_nothing_of_their_tasks(scheduler: Scheduler, namespace: str) -> None:
    told: list[RunSample] = []
    off = scheduler.sample_runs(told.extend)
    mail = scheduler.queue("mail")
    due = time.time() - 50
    await scheduler.assign_tasks([IntervalTask("secret-id", "secret", start=due), IntervalTask("b", "bad", start=due)])
    await mail.assign_task(IntervalTask("m", "later"))
    await scheduler.start_task_execute(_ends)
    await mail.start_task_execute(_ends)
    await until(lambda: len(told) == 3, 60)
    assert sorted((each.namespace, each.outcome) for each in told) == [
        (namespace, "failed"),
        (namespace, "ok"),
        (f"{namespace}.mail", "postponed"),
    ]
    assert "secret" not in repr(told)
    assert all(each.lag > 49 for each in told if each.namespace == namespace)
    assert all(each.duration >= 0 for each in told)
    off()
    await scheduler.assign_task(IntervalTask("more"))
    await until(lambda: _summed(scheduler.counts())["runs"] == 3)  # those of the queue are not among them
    await scheduler.stop_task_execute()
    assert len(told) == 3


async def test_a_busy_second_is_sampled_evenly(scheduler: Scheduler) -> None:
    """The first runs of a second are the least late of those that are due together: a sample has others too."""
    told: list[list[RunSample]] = []
    scheduler.sample_runs(lambda runs: told.append(runs), per_second=5)  # noqa: PLW0108 - a list that mypy knows
    started: list[TaskRun] = []

    async def work(_: str) -> None:
        started.append(current_run())

    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(400)])
    await scheduler.start_task_execute(work)
    await until(lambda: len(started) == 400, 60)
    await scheduler.stop_task_execute()  # which tells the rest
    assert all(1 <= len(runs) <= 5 for runs in told)
    if len(told) == 1:  # else the machine took seconds for them
        first = {run.lag for run in started[:5]}
        assert not {sample.lag for sample in told[0]} <= first, "one chance in 80 thousand million"


async def test_the_runs_of_batches_are_sampled(scheduler: Scheduler) -> None:
    told: list[RunSample] = []
    scheduler.sample_runs(told.extend)

    async def many(runs: list[TaskRun]) -> None:
        raise BatchFailed({runs[0]: RuntimeError("it does not work")})

    await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(10)])
    await scheduler.start_task_execute(many, batch=10, concurrency=1)
    await until(lambda: len(told) == 10, 60)
    assert {each.outcome for each in told} == {"ok", "failed"}


async def test_a_handler_of_samples_that_fails_is_told_once(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def fail(runs: list[RunSample]) -> None:
        calls.append(len(runs))
        raise RuntimeError("it does not work")

    scheduler.sample_runs(fail)
    for count in (1, 2):
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(_ends)
        await _ran(scheduler, count)
        await scheduler.stop_task_execute()
    assert calls == [1, 1]
    assert caplog.text.count("a handler of samples failed") == 1


@pytest.mark.parametrize("per_second", [0, 10_001, True, 1.5, "5"])
async def test_a_bad_number_of_samples_is_named(scheduler: Scheduler, per_second: Any) -> None:
    with pytest.raises((InvalidValue, InvalidType), match="per_second"):
        scheduler.sample_runs(print, per_second)


@pytest.mark.parametrize("name", ["sample_runs", "around_runs", "around_assigns"])
async def test_what_cannot_be_called_is_refused(scheduler: Scheduler, name: str) -> None:
    with pytest.raises(InvalidType, match=r"(handler|hook) must be a function"):
        getattr(scheduler, name)("no function")


# Hooks


async def test_hooks_wrap_runs_the_first_one_outermost(scheduler: Scheduler, namespace: str) -> None:
    said: list[str] = []

    def hook(name: str) -> Any:
        async def around(where: str, runs: Sequence[TaskRun], call: Callable[[], Awaitable[object]]) -> object:
            said.append(f"{name} {where.removeprefix(namespace)} {[run.id for run in runs]}")
            return await call()

        return around

    off = scheduler.around_runs(hook("outer"))
    scheduler.around_runs(hook("inner"))
    mail = scheduler.queue("mail")
    mail.around_runs(hook("mail"))
    await scheduler.start_task_execute(_ends)
    await mail.start_task_execute(_ends, concurrency=1)
    await scheduler.assign_task(IntervalTask("a"))
    await until(lambda: len(said) == 2)
    assert said == ["outer  ['a']", "inner  ['a']"]
    said.clear()
    await mail.assign_task(IntervalTask("m"))
    await until(lambda: len(said) == 3)
    assert said == ["outer .mail ['m']", "inner .mail ['m']", "mail .mail ['m']"]
    said.clear()
    off()
    await scheduler.assign_task(IntervalTask("b"))
    await until(lambda: _summed(scheduler.counts()) == {"runs": 2})
    assert said == ["inner  ['b']"]


async def test_what_a_hook_raises_is_the_result_of_the_run(scheduler: Scheduler) -> None:
    async def refuse(_: str, runs: Sequence[TaskRun], call: Callable[[], Awaitable[object]]) -> object:
        raise RuntimeError("not today")

    scheduler.around_runs(refuse)
    failed: list[BaseException] = []
    scheduler.on("run-error", lambda _, error: failed.append(error))
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(_ends)
    await until(lambda: failed)
    assert str(failed[0]) == "not today"


async def test_a_trace_is_carried_and_changes_nothing_else(make_scheduler: MakeScheduler) -> None:
    scheduler, plain = await make_scheduler(), await make_scheduler()
    given: list[str | None] = ["00-abc-def-01"]
    calls: list[str] = []

    @contextlib.contextmanager
    def around(_: str) -> Iterator[str | None]:
        calls.append("in")
        yield given[0]
        calls.append("out")

    off = scheduler.around_assigns(around)
    await scheduler.assign_task(IntervalTask("one", "payload", every=HOUR))
    await scheduler.assign_tasks([IntervalTask(f"many{n}", every=HOUR, retries=2, start=2e9) for n in range(3)])
    assert calls == ["in", "out"] * 2, "once for a call of many tasks"
    given[0] = None
    await scheduler.assign_task(IntervalTask("untraced", every=HOUR))
    runs: dict[str, tuple[str | None, Any]] = {}

    async def work(data: str) -> None:
        runs[current_run().id] = current_run().trace, data

    await plain.start_task_execute(work)
    await until(lambda: len(runs) == 2)
    assert runs == {"one": ("00-abc-def-01", "payload"), "untraced": (None, "")}
    # It goes on from run to run, and over an update; another assignment takes it off.
    assert await plain.update_task("one", retries=3, every=HOUR / 2)
    await plain.run_task_now("one")
    await until(lambda: _summed(plain.counts()) == {"runs": 3})
    assert runs["one"][0] == "00-abc-def-01"
    task = await plain.get_task("one")
    assert task is not None
    assert (task.rules.retries, task.every) == (3, HOUR / 2)
    # A sync that wants the same has nothing to change.
    wanted = [IntervalTask(f"many{n}", every=HOUR, retries=2, start=2e9) for n in range(3)]
    assert (await plain.sync_tasks(wanted, scope="many")).unchanged == 3
    off()
    await scheduler.assign_task(IntervalTask("one", "payload", every=HOUR))
    await plain.run_task_now("one")
    await until(lambda: runs["one"][0] is None)


async def test_a_traced_task_is_exported_without_its_trace(scheduler: Scheduler) -> None:
    scheduler.around_assigns(lambda _: contextlib.nullcontext("00-abc-def-01"))
    await scheduler.assign_tasks([IntervalTask("a", every=HOUR, retries=2), IntervalTask("b", every=HOUR)])
    lines = [line async for line in scheduler.export()]
    assert b"abc" not in b"".join(lines)
    assert b'"retries":2' in b"".join(lines)
    assert (await scheduler.audit()).ok


@pytest.mark.parametrize("trace", ["", "a;b", "a\nb", "x" * 65, 7])
async def test_what_is_no_trace_is_refused(scheduler: Scheduler, trace: Any) -> None:
    scheduler.around_assigns(lambda _: contextlib.nullcontext(trace))
    with pytest.raises(InvalidValue, match="trace"):
        await scheduler.assign_task(IntervalTask("a"))
    assert await scheduler.task_size() == 0


async def test_a_blocking_scheduler_has_them_too(url: str, namespace: str) -> None:
    told: list[RunSample] = []

    def use() -> int:
        with BlockingScheduler.from_url(url, namespace=namespace) as blocking:
            blocking.sample_runs(told.extend)
            done = threading.Event()
            blocking.on("run", lambda _: done.set())
            blocking.assign_task(IntervalTask("a"))
            blocking.start_task_execute(lambda _: None)
            assert done.wait(60)
            blocking.stop_task_execute()
            return blocking.counts().assigned

    assert await asyncio.to_thread(use) == 1
    assert [each.outcome for each in told] == ["ok"]

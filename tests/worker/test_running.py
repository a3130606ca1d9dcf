"""Workers that run: inside of tests with a time machine, and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interval_scheduler import (
    AlreadyExecuting,
    BadPayload,
    ConfigurationError,
    ExecutionEnded,
    NotConnected,
    Scheduler,
    TaskRun,
    current_run,
)
from interval_scheduler.execution.poller import Poller
from interval_scheduler.testing import time_machine
from interval_scheduler.worker import Worker
from tests.waiting import until
from tests.worker.payload_types import Mail

pytestmark = pytest.mark.asyncio


async def test_each_queue_has_its_executor_and_typed_payloads(url: str, namespace: str) -> None:
    worker = Worker(url, namespace=namespace)
    mails: list[Mail] = []
    beats: list[str] = []

    @worker.executor("mail", concurrency=5)
    async def send(mail: Mail) -> None:
        mails.append(mail)

    @worker.executor
    async def beat(data: str) -> None:
        beats.append(data)

    async with worker.running() as scheduler:
        assert await send.assign("m:1", Mail("ada", 3)) is True
        assert await beat.assign("b", "tick", every=3600) is True
        assert await beat.assign("b", "tick", every=3600) is False
        await until(lambda: mails == [Mail("ada", 3)] and beats == ["tick"])
        assert await scheduler.queues() == ["mail"]
        assert await beat.update("b", "tock", every=60)
        task = await scheduler.get_task("b")
        assert task is not None
        assert (task.data, task.every) == ("tock", 60)
        assert await beat.update("b", retries=1)
        assert await scheduler.is_scheduled("b") == "tock"
        assert await beat.remove("b")
        assert worker.scheduler is scheduler
        with pytest.raises(AlreadyExecuting):
            async with worker.running():
                pytest.fail("it runs already")
    assert not scheduler.online
    with pytest.raises(NotConnected):
        await beat.remove("b")


async def test_a_queue_without_an_executor_is_left_alone(url: str, namespace: str) -> None:
    worker, other = Worker(url, namespace=namespace), Worker(url, namespace=namespace)
    runs: list[str] = []

    async def work(data: str) -> None:
        runs.append(data)

    worker.executor("mail")(work)
    reports = other.executor("report")(work)
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        mail = await _assigned(scheduler, "mail")
        async with other.running():
            await reports.assign("r", "report")
            await until(lambda: runs == ["report"])
            assert await mail.queue_size() == 1
        async with worker.running():
            await until(lambda: runs == ["report", "mail"])


async def _assigned(scheduler: Scheduler, name: str) -> Scheduler:
    queue = scheduler.queue(name)
    await queue.connect()
    task = Worker("memory://").executor(_nothing).task("m", name)
    await queue.assign_task(task)
    return queue


async def _nothing(_: str) -> None: ...


async def test_the_lifespan_provides_and_ends_last() -> None:
    seen: list[object] = []

    @asynccontextmanager
    async def lifespan(scheduler: Scheduler) -> AsyncIterator[Mapping[str, Any]]:
        assert scheduler.online
        seen.append("begin")
        yield {"db": 7, "unused": 8}
        assert scheduler.online
        seen.append("end")

    worker = Worker("memory://", lifespan=lifespan)

    begun = asyncio.Event()

    @worker.executor
    async def work(data: str, *, db: int, run: TaskRun, cache: int = 5) -> None:
        assert run is current_run()
        begun.set()
        await asyncio.sleep(0.01)  # the block ends meanwhile, and waits for this run
        seen.append((data, db, cache, run.id))

    async with worker.running():
        await work.assign("a", "x")
        await begun.wait()
    assert seen == ["begin", ("x", 7, 5, "a"), "end"]


async def test_a_cancel_in_the_drain_leaves_the_lifespan_after_the_last_run() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            yield
        finally:
            seen.append("left")

    worker = Worker("memory://", lifespan=lifespan, drain_seconds=600)
    begun, drains = asyncio.Event(), asyncio.Event()

    @worker.executor
    async def work(_: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # a run may take a moment to end, which the lifespan has to outlast
            seen.append("run ended")

    async def run() -> None:
        async with worker.running():
            await work.assign("a", "x")
            await begun.wait()
            drains.set()

    running = asyncio.create_task(run())
    await drains.wait()
    await until(lambda: worker._kinds[None]._scheduler(None).executing_tasks is False)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)
    assert seen == ["run ended", "left"]


async def test_only_some_queues_are_run_and_the_others_keep_their_options(url: str, namespace: str) -> None:
    worker, ran = Worker(url, namespace=namespace), list[str]()

    @worker.executor("mail")
    async def mail(data: str) -> None:
        ran.append(data)

    @worker.executor("report", lease_seconds=77)
    async def report(data: str) -> None:
        ran.append(data)

    @worker.executor
    async def own(data: str) -> None:
        ran.append(data)

    running = asyncio.create_task(worker.run(only=["mail", ""]))
    await until(lambda: worker._scheduler is not None)
    await report.assign("r", "report")
    assert worker.scheduler.queue("report", lease_seconds=77)
    await mail.assign("m", "mail")
    await own.assign("o", "own")
    await until(lambda: sorted(ran) == ["mail", "own"])
    assert await worker.scheduler.queue("report").queue_size() == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_execution_that_ends_unasked_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Poller, "run_once", broken)
    worker = Worker("memory://")
    worker.executor(_nothing)
    with pytest.raises(ExecutionEnded, match="ZeroDivisionError: a bug"):
        await asyncio.wait_for(worker.run(), 60)


async def test_what_nobody_provides_is_told_before_any_claim() -> None:
    worker = Worker("memory://shared-by-name")

    @worker.executor
    async def work(_: str, *, db: object) -> None:
        pytest.fail("it cannot run")

    async with Scheduler.from_url("memory://shared-by-name") as scheduler:
        await scheduler.assign_task(work.task("a", "x"))
        with pytest.raises(
            ConfigurationError, match="work, and not yielded by the lifespan: it yields nothing"
        ) as caught:
            async with worker.running():
                pytest.fail("it cannot run")
        assert caught.value.field == "db"
        task = await scheduler.get_task("a")
        assert task is not None
        assert task.state == "waiting"


async def test_state_takes_the_place_of_the_lifespan() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Mapping[str, Any]]:
        assert seen == ["never"]
        yield {}

    worker = Worker("redis://nowhere:1", lifespan=lifespan)
    seen: list[object] = []

    @worker.executor("mail")
    async def work(data: str, *, db: object) -> None:
        seen.append((data, db))

    async with time_machine() as clock:
        async with worker.running(clock.scheduler(), db="fake"):
            await work.assign("a", "x", every=60)
            await clock.advance(minutes=1)
            assert seen == [("x", "fake")] * 2
        assert worker._scheduler is None


async def test_a_lifespan_that_yields_something_else_is_refused() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Any]:
        yield 5

    worker = Worker("memory://", lifespan=lifespan)
    worker.executor(_nothing)
    with pytest.raises(ConfigurationError, match="must yield a mapping"):
        async with worker.running():
            pytest.fail("it cannot run")


async def test_hooks_wrap_each_run_in_order() -> None:
    worker = Worker("memory://")
    seen: list[object] = []

    @worker.around
    async def outer(run: TaskRun, call: Callable[[], Awaitable[Any]]) -> None:
        seen.append(f"outer {run.id}")
        try:
            await call()
        except BadPayload:
            seen.append("outer saw it")
            raise
        seen.append("outer end")

    @worker.around
    async def inner(run: TaskRun, call: Callable[[], Awaitable[Any]]) -> None:
        seen.append("inner")
        await call()

    @worker.executor
    async def work(data: Mail) -> None:
        seen.append(data.to)

    async with time_machine(errors="log") as clock, worker.running(clock.scheduler()) as scheduler:
        await work.assign("a", Mail("ada"))
        await clock.drain()
        assert seen == ["outer a", "inner", "ada", "outer end"]
        seen.clear()
        queue: Any = scheduler
        await queue.assign_task(Worker("memory://").executor(_nothing).task("b", "no json", retries=5))
        await clock.advance(hours=1)
        assert seen == ["outer b", "inner", "outer saw it"]
        dead = [task async for task in scheduler.dead_tasks()]
        assert [(task.id, task.attempts) for task in dead] == [("b", 1)]
        assert dead[0].error.startswith("BadPayload: the payload cannot be read: JSON is malformed")


async def test_batches_get_their_runs_and_what_the_lifespan_yields() -> None:
    worker = Worker("memory://")
    batches: list[list[str]] = []
    hooked: list[int] = []

    @worker.around
    async def count(runs: Any, call: Callable[[], Awaitable[Any]]) -> None:
        hooked.append(len(runs))
        await call()

    @worker.executor("mail", batch=10)
    async def send(runs: list[TaskRun], *, db: object) -> None:
        assert db == 1
        batches.append([str(run.data) for run in runs])

    async with time_machine() as clock, worker.running(clock.scheduler(), db=1) as scheduler:
        await scheduler.queue("mail").assign_tasks(send.task(f"{n}", f"{n}", start=clock.time() + 5) for n in range(10))
        await clock.advance(seconds=5)
    assert sorted(batches[0]) == [f"{n}" for n in range(10)]
    assert hooked == [10]


async def test_a_cancelled_block_does_not_wait_for_its_runs(url: str, namespace: str) -> None:
    worker = Worker(url, namespace=namespace, drain_seconds=600)
    begun = asyncio.Event()

    @worker.executor
    async def work(_: str) -> None:
        begun.set()
        await asyncio.sleep(3600)  # it is cancelled

    async def run() -> None:
        async with worker.running():
            await work.assign("a", "x")
            await asyncio.Event().wait()

    running = asyncio.create_task(run())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)
    async with Scheduler.from_url(url, namespace=namespace) as scheduler:
        if not url.startswith("memory"):
            assert await scheduler.queue_size() == 1


@pytest.mark.parametrize("only", ["mail", []])
async def test_only_is_a_list_of_names(only: Any) -> None:
    worker = Worker("memory://")
    worker.executor("mail")(_nothing)
    with pytest.raises(ConfigurationError, match="only must be a list of names") as caught:
        await worker.run(only=only)
    assert caught.value.field == "only"


@pytest.mark.parametrize("only", [["post"], [""]])
async def test_only_names_queues_that_have_an_executor(only: list[str]) -> None:
    worker = Worker("memory://")
    with pytest.raises(ConfigurationError, match="is missing"):
        await worker.run()
    worker.executor("mail")(_nothing)
    with pytest.raises(ConfigurationError, match="there are 'mail'") as caught:
        await worker.run(only=only)
    assert caught.value.field == "only"

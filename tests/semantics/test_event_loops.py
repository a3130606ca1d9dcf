"""A scheduler belongs to the event loop that connected it: from any other, calls raise at once and do nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final

import pytest

from interval_scheduler import ExecutionEnded, IntervalTask, Lock, NotConnected, Rate, Scheduler, WrongEventLoop
from interval_scheduler.services.lifespan import Lifespan
from tests.faults.public_calls import public_calls
from tests.semantics import left_behind
from tests.waiting import Recorder, until

# What the code of an application does here is no matter of the server.
pytestmark = pytest.mark.any_server

FAR: Final = time.time() + 1e6
#: A call that goes to the other event loop's connection takes as long as a time-out at the least.
_TIME_OUT_SECONDS: Final = 600.0
_AT_ONCE_SECONDS: Final = 60.0

Call = Callable[[Scheduler], Awaitable[object]]


async def _execute(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(Recorder())


async def _tasks(scheduler: Scheduler) -> None:
    async for _ in scheduler.tasks():
        pass


async def _export(scheduler: Scheduler) -> None:
    async for _ in scheduler.export():
        pass


async def _tail(scheduler: Scheduler) -> None:
    async for _ in scheduler.tail():
        pass


async def _dead_tasks(scheduler: Scheduler) -> None:
    async for _ in scheduler.dead_tasks():
        pass


async def _lock(scheduler: Scheduler) -> None:
    async with scheduler.lock("door"):
        pass


async def _block(scheduler: Scheduler) -> None:
    async with scheduler:
        pass


#: Every public call that waits for something.
CALLS: Final[dict[str, Call]] = {
    "connect": lambda scheduler: scheduler.connect(),
    "close": lambda scheduler: scheduler.close(),
    "start_task_accept": lambda scheduler: scheduler.start_task_accept(),
    "stop_task_accept": lambda scheduler: scheduler.stop_task_accept(),
    "start_task_execute": _execute,
    "stop_task_execute": lambda scheduler: scheduler.stop_task_execute(),
    "wait_stopped": lambda scheduler: scheduler.wait_stopped(),
    "assign_task": lambda scheduler: scheduler.assign_task(IntervalTask("b")),
    "assign_tasks": lambda scheduler: scheduler.assign_tasks([IntervalTask("b")]),
    "remove_task": lambda scheduler: scheduler.remove_task("a"),
    "remove_tasks": lambda scheduler: scheduler.remove_tasks(["a"]),
    "sync_tasks": lambda scheduler: scheduler.sync_tasks([], scope="a", allow_empty=True),
    "clear_all_tasks": lambda scheduler: scheduler.clear_all_tasks(),
    "is_scheduled": lambda scheduler: scheduler.is_scheduled("a"),
    "get_task": lambda scheduler: scheduler.get_task("a"),
    "run_history": lambda scheduler: scheduler.run_history("a"),
    "export": _export,
    "restore": lambda scheduler: scheduler.restore(['{"format": "interval-scheduler", "version": 1}']),
    "failing_page": lambda scheduler: scheduler.failing_page(),
    "overview": lambda scheduler: scheduler.overview(),
    "page": lambda scheduler: scheduler.page(),
    "dead_page": lambda scheduler: scheduler.dead_page(),
    "get_dead_task": lambda scheduler: scheduler.get_dead_task("a"),
    "search": lambda scheduler: scheduler.search("a"),
    "upcoming": lambda scheduler: scheduler.upcoming(4_000_000_000, 60, 3),
    "forecast": lambda scheduler: scheduler.forecast(3600, 3),
    "statistics": lambda scheduler: scheduler.statistics(time.time() - 60),
    "schedulers": lambda scheduler: scheduler.schedulers(),
    "tail": _tail,
    "paused": lambda scheduler: scheduler.paused(),
    "actions": lambda scheduler: scheduler.actions(),
    "note_action": lambda scheduler: scheduler.note_action("remove_task", ["a"]),
    "tasks": _tasks,
    "task_size": lambda scheduler: scheduler.task_size(),
    "queue_size": lambda scheduler: scheduler.queue_size(),
    "has_task": lambda scheduler: scheduler.has_task("a"),
    "update_task": lambda scheduler: scheduler.update_task("a", retries=1),
    "pause_task": lambda scheduler: scheduler.pause_task("a"),
    "resume_task": lambda scheduler: scheduler.resume_task("a"),
    "count_tasks": lambda scheduler: scheduler.count_tasks(prefix="{a}"),
    "pause_tasks": lambda scheduler: scheduler.pause_tasks(prefix="{a}"),
    "resume_tasks": lambda scheduler: scheduler.resume_tasks(prefix="a"),
    "clear_tasks": lambda scheduler: scheduler.clear_tasks(prefix="a"),
    "run_task_now": lambda scheduler: scheduler.run_task_now("a"),
    "cancel_run": lambda scheduler: scheduler.cancel_run("a"),
    "pause": lambda scheduler: scheduler.pause(),
    "resume": lambda scheduler: scheduler.resume(),
    "dead_tasks": _dead_tasks,
    "revive_task": lambda scheduler: scheduler.revive_task("a"),
    "clear_dead_tasks": lambda scheduler: scheduler.clear_dead_tasks(),
    "try_auto_lock": lambda scheduler: scheduler.try_auto_lock("door", 60),
    "try_lock": lambda scheduler: scheduler.try_lock("door"),
    "unlock": lambda scheduler: scheduler.unlock(Lock("door", 1)),
    "lock": _lock,
    "check_health": lambda scheduler: scheduler.check_health(),
    "audit": lambda scheduler: scheduler.audit(),
    "queues": lambda scheduler: scheduler.queues(),
    "set_rate": lambda scheduler: scheduler.set_rate(Rate(100_000)),
    "get_rate": lambda scheduler: scheduler.get_rate(),
    "set_group_concurrency": lambda scheduler: scheduler.set_group_concurrency(1),
    "get_group_concurrency": lambda scheduler: scheduler.get_group_concurrency(),
    "moving": lambda scheduler: scheduler.moving(),
    "acknowledge_data_loss": lambda scheduler: scheduler.acknowledge_data_loss(),
    "async with": _block,
}
#: Those that begin or end something: where the home is closed, they find nothing to end, and may begin anew.
SETTLING: Final = {
    "connect",
    "close",
    "start_task_accept",
    "stop_task_accept",
    "start_task_execute",
    "stop_task_execute",
    "async with",
}

each_call = pytest.mark.parametrize("name", CALLS)


def elsewhere(call: Callable[[], Awaitable[object]]) -> None:
    """Make a call in an event loop of its own; it must end at once, however it ends."""

    async def bounded() -> None:
        async with asyncio.timeout(_AT_ONCE_SECONDS):
            await call()
        await asyncio.sleep(0.02)  # nothing tells of what a call began in the background: it gets its first turns

    asyncio.run(bounded())


def in_thread(call: Callable[[], object]) -> Future[None]:
    """Do something in a thread."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - the caller of this gets it
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return done


def test_no_call_is_forgotten() -> None:
    assert set(CALLS) == public_calls() | {"async with"}


@contextmanager
def at_home(url: str, namespace: str) -> Iterator[tuple[asyncio.Runner, Scheduler, Recorder]]:
    """A scheduler that works, in an event loop that stands still outside of `run`, as between the tests of a module."""
    scheduler = Scheduler.from_url(url, namespace=namespace, operation_timeout_seconds=_TIME_OUT_SECONDS)
    recorder = Recorder()

    async def begin() -> None:
        await scheduler.start_task_accept()
        await scheduler.assign_task(IntervalTask("a", start=FAR))
        await scheduler.start_task_execute(recorder)

    async def end() -> None:
        assert (scheduler.accepting_tasks, scheduler.executing_tasks, scheduler.online) == (True, True, True)
        assert [task.id async for task in scheduler.tasks()] == ["a"]
        assert await scheduler.try_auto_lock("door", 1), "the lock is free"
        await scheduler.run_task_now("a")
        await recorder.ran(1)
        await scheduler.close()

    with asyncio.Runner() as runner:
        runner.run(begin())
        yield runner, scheduler, recorder
        runner.run(end())


def test_in_another_loop_of_the_thread(url: str, namespace: str) -> None:
    with at_home(url, namespace) as (_, scheduler, _):
        for name, call in CALLS.items():
            with pytest.raises(WrongEventLoop, match=r"run_coroutine_threadsafe.*BlockingScheduler.*loop_scope"):
                elsewhere(lambda call=call: call(scheduler))  # type: ignore[misc]
            assert scheduler.accepting_tasks, name


def test_in_a_thread_while_the_home_runs(url: str, namespace: str) -> None:
    async def watch(scheduler: Scheduler) -> None:
        for name, call in CALLS.items():
            with pytest.raises(WrongEventLoop, match=r"nothing was changed.*run_coroutine_threadsafe"):
                await asyncio.wrap_future(in_thread(lambda call=call: elsewhere(lambda: call(scheduler))))  # type: ignore[misc]
            assert scheduler.accepting_tasks, name

    with at_home(url, namespace) as (runner, scheduler, _):
        runner.run(watch(scheduler))


def test_the_way_out_that_is_named_works(url: str, namespace: str) -> None:
    async def watch(scheduler: Scheduler) -> None:
        loop = asyncio.get_running_loop()

        def ask() -> None:
            assert asyncio.run_coroutine_threadsafe(scheduler.task_size(), loop).result(10) == 1

        await asyncio.wrap_future(in_thread(ask))

    with at_home(url, namespace) as (runner, scheduler, _):
        runner.run(watch(scheduler))


def test_a_lock_without_an_event_loop(url: str, namespace: str) -> None:
    with at_home(url, namespace) as (_, scheduler, _), pytest.raises(WrongEventLoop, match="BlockingScheduler"):
        scheduler.lock("door")


def test_a_lock_is_entered_and_left_at_home(url: str, namespace: str) -> None:
    async def take(scheduler: Scheduler) -> Any:
        return scheduler.lock("door")

    with at_home(url, namespace) as (runner, scheduler, _):
        block = runner.run(take(scheduler))
        with pytest.raises(WrongEventLoop):
            elsewhere(block.__aenter__)
        entered, leave = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with block:
                entered.set()
                await leave.wait()

        async def enter() -> asyncio.Task[None]:
            holding = asyncio.create_task(hold())
            await entered.wait()
            return holding

        async def end(holding: asyncio.Task[None]) -> None:
            leave.set()
            await holding

        holding = runner.run(enter())
        with pytest.raises(WrongEventLoop):
            elsewhere(lambda: block.__aexit__(None, None, None))
        runner.run(end(holding))


@pytest.mark.parametrize("name", ["tasks", "dead_tasks"])
def test_a_list_is_read_on_at_home_only(url: str, namespace: str, name: str) -> None:
    async def begin(scheduler: Scheduler, recorder: Recorder) -> Any:
        if name == "dead_tasks":
            return await _dead_list(scheduler, recorder)
        found = scheduler.tasks()
        assert (await anext(found)).id == "a"
        return found

    with at_home(url, namespace) as (runner, scheduler, recorder):
        found = runner.run(begin(scheduler, recorder))
        with pytest.raises(WrongEventLoop):
            elsewhere(lambda: anext(found))


async def _dead_list(scheduler: Scheduler, recorder: Recorder) -> Any:
    async def fail(_: str) -> None:
        raise RuntimeError

    async def next_dead() -> Any:
        found = scheduler.dead_tasks()
        try:
            await anext(found)
        except StopAsyncIteration:  # there is none
            return None
        return found

    other = Scheduler(scheduler._options, None)
    async with other:
        await scheduler.stop_task_execute()
        await other.start_task_execute(fail)
        await scheduler.assign_task(IntervalTask("dead"))
        found: list[Any] = []

        async def is_dead() -> bool:
            found.append(await next_dead())
            return found[-1] is not None

        await until(is_dead)
    await scheduler.clear_dead_tasks()
    await scheduler.start_task_execute(recorder)
    return found[-1]


def _left(url: str, namespace: str) -> Scheduler:
    """A scheduler whose event loop was closed under it."""
    scheduler = Scheduler.from_url(
        url,
        namespace=namespace,
        lease_seconds=1.5,
        check_tasks_every_seconds=0.1,
        operation_timeout_seconds=_TIME_OUT_SECONDS,
    )

    async def work() -> None:
        # Locks of asyncio bind themselves to the event loop in which a task waits for them.
        await asyncio.gather(*(scheduler.start_task_accept() for _ in range(3)))
        await scheduler.start_task_execute(Recorder())
        await asyncio.gather(scheduler.stop_task_execute(), _execute(scheduler))

    asyncio.run(work())
    return scheduler


@each_call
def test_after_the_home_was_closed(url: str, namespace: str, name: str) -> None:
    scheduler = _left(url, namespace)
    call = CALLS[name]
    if name == "check_health":
        health = asyncio.run(scheduler.check_health())
        assert not health.ok
        assert not health.connected
    elif name in SETTLING:
        elsewhere(lambda: call(scheduler))
    elif name == "wait_stopped":
        with pytest.raises(ExecutionEnded):
            elsewhere(lambda: call(scheduler))
    else:
        with pytest.raises(WrongEventLoop, match=r"closed before close\(\).*start_task_accept"):
            elsewhere(lambda: call(scheduler))
    _works_anew(scheduler)


def _works_anew(scheduler: Scheduler) -> None:
    recorder = Recorder()

    async def work() -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(scheduler.start_task_accept() for _ in range(3)))
            await scheduler.start_task_execute(Recorder())
            await asyncio.gather(scheduler.stop_task_execute(), scheduler.start_task_execute(recorder))
            await scheduler.assign_task(IntervalTask("new"))
            await recorder.ran(1)
            await scheduler.close()

    asyncio.run(work())
    with pytest.raises(NotConnected):
        elsewhere(scheduler.task_size)


def test_after_the_home_was_dropped_with_all_that_was_in_it(url: str, namespace: str) -> None:
    """`loop.close()` cancels nothing: the connection looks alive, and nothing of it ever answers."""
    command = [sys.executable, "-m", left_behind.__name__, url, namespace]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "it works anew\n"), done.stdout + done.stderr
    assert done.stderr.count("the event loop was closed before close() was called") == 1


def test_two_threads_connect_at_once(url: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the one had been stopped between its first look and the beginning: the second look has to hold.
    monkeypatch.setattr(Lifespan, "settle", lambda _: False)
    for _ in range(20):
        scheduler = Scheduler.from_url(url, namespace=namespace)
        start, leave = threading.Barrier(2), threading.Event()

        async def watch(scheduler: Scheduler, start: threading.Barrier, leave: threading.Event) -> None:
            start.wait()
            try:
                await scheduler.connect()
            except WrongEventLoop:
                leave.set()
                raise
            await until(leave.is_set)
            await scheduler.close()

        done = [in_thread(lambda args=(scheduler, start, leave): asyncio.run(watch(*args))) for _ in range(2)]  # type: ignore[misc]
        ends = [type(each.exception(20)) for each in done]
        assert sorted(end.__name__ for end in ends) == ["NoneType", "WrongEventLoop"]


def test_waiting_for_the_end_in_one_event_loop_after_the_other(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)

    async def work() -> None:
        async with asyncio.timeout(60), scheduler:
            await scheduler.start_task_execute(Recorder())
            waiting = asyncio.create_task(scheduler.wait_stopped())
            await asyncio.sleep(0)  # it begins to wait
            await scheduler.stop_task_execute()
            await waiting

    for _ in range(3):
        asyncio.run(work())

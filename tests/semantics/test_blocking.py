"""The `BlockingScheduler`: the calls of a scheduler for code without an event loop."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest

from interval_scheduler import (
    BlockingScheduler,
    IntervalTask,
    InvalidType,
    InvalidValue,
    Lock,
    LockLost,
    LockTimeout,
    NotAcceptingTasks,
    NotConnected,
    OutcomeUnknown,
    Rate,
    SchedulerError,
    TaskPage,
    WouldDeadlock,
    current_run,
    next_runs,
)
from interval_scheduler.facade.event_loop_thread import EventLoopThread
from interval_scheduler.facade.loop_thread import LoopThread
from tests.faults.public_calls import public_calls
from tests.semantics import blocking_ways
from tests.waiting import until_outside

FAR: Final = time.time() + 1e6
Made = Callable[..., BlockingScheduler]


@pytest.fixture
def make(url: str, namespace: str) -> Iterator[Made]:
    made: list[BlockingScheduler] = []

    def make_one(**options: Any) -> BlockingScheduler:
        made.append(BlockingScheduler.from_url(url, namespace=namespace, **options))
        return made[-1]

    yield make_one
    for scheduler in made:
        scheduler.close()


@pytest.fixture
def blocking(make: Made) -> BlockingScheduler:
    """One that is connected and accepts."""
    scheduler = make()
    scheduler.start_task_accept()
    return scheduler


def test_calls_on_runs_to_come_do_what_they_do(blocking: BlockingScheduler) -> None:
    blocking.assign_task(IntervalTask("a", "data", every=60, start=FAR))
    assert (found := blocking.get_task("a")) is not None
    assert blocking.upcoming(found.next_run, 60, 2)[0] >= 1
    assert blocking.next_runs(found, 2) == next_runs(found, 2)
    assert blocking.forecast(3600, 4).tasks >= 0


def test_each_call_does_what_it_does(blocking: BlockingScheduler) -> None:
    task = IntervalTask("a", "data", every=60, start=FAR)
    assert blocking.online
    assert blocking.accepting_tasks
    assert blocking.assign_task(task) is True
    assert blocking.assign_task(task, reschedule="start") is False
    assert blocking.assign_tasks([task, IntervalTask("b", start=FAR)]) == (1, 1)
    assert blocking.is_scheduled("a") == "data"
    assert (found := blocking.get_task("a")) is not None
    assert found.every == 60
    assert blocking.get_task("unknown") is None
    assert blocking.run_history("a") == ()
    assert blocking.failing_page(limit=5) == TaskPage((), None)
    assert (blocking.task_size(), blocking.queue_size()) == (2, 0)
    assert blocking.overview().waiting == 2
    assert [each.id for each in blocking.page(limit=5).tasks] == ["a", "b"]
    assert (blocking.page("dead"), blocking.get_dead_task("a")) == (blocking.dead_page(limit=5), None)
    assert [each.id for each in blocking.search("b", budget=10).rows] == ["b"]
    assert [each.id for each in blocking.tasks(state="waiting", prefix="a")] == ["a"]
    assert blocking.pause_task("a")
    assert [each.id for each in blocking.tasks(state="paused")] == ["a"]
    assert blocking.resume_task("a")
    blocking.pause("why")
    assert (paused := blocking.paused()) is not None
    assert paused.reason == "why"
    assert [each.kind for each in blocking.actions(limit=1).actions] == ["pause"]
    assert blocking.run_task_now("b")
    assert blocking.cancel_run("b") is False
    blocking.resume()
    assert blocking.remove_task("b")
    assert blocking.remove_tasks(["a", "b"]) == 1
    counts = blocking.sync_tasks((IntervalTask(f"s:{n}", start=FAR) for n in range(3)), scope="s:")
    assert counts.added == 3
    assert blocking.clear_all_tasks() == 3
    assert list(blocking.dead_tasks()) == []
    assert blocking.clear_dead_tasks() == 0
    assert blocking.revive_task("a") is False
    assert blocking.try_auto_lock("auto", 60)
    assert isinstance(lock := blocking.try_lock("door"), Lock)
    assert blocking.try_lock("door") is None
    assert blocking.unlock(lock)
    health = blocking.check_health()
    assert health.connected
    assert health.accepting
    assert blocking.audit(progress=lambda done, of: None).problems == ()
    assert blocking.queues() == []
    assert blocking.moving() == ()
    assert blocking.acknowledge_data_loss() is False
    blocking.stop_task_accept()
    with pytest.raises(NotAcceptingTasks):
        blocking.assign_task(task)


def test_calls_by_prefix(blocking: BlockingScheduler) -> None:
    blocking.assign_task(IntervalTask("a", start=FAR))
    told: list[tuple[int, int]] = []
    assert blocking.count_tasks(prefix="a", progress=lambda *numbers: told.append(numbers)) == 1
    assert told[-1][0] == 1
    assert blocking.pause_tasks(prefix="a") == 1
    assert blocking.resume_tasks(prefix="a") == 1
    assert blocking.clear_tasks(prefix="{none}") == 0


def test_updates(blocking: BlockingScheduler) -> None:
    blocking.assign_task(IntervalTask("a", every=60, start=FAR))
    assert blocking.has_task("a")
    assert not blocking.update_task("unknown", retries=1)
    assert blocking.update_task("a", timeout=5)
    assert (found := blocking.get_task("a")) is not None
    assert found.rules.timeout == 5


def test_quotas(blocking: BlockingScheduler) -> None:
    blocking.set_rate(Rate(5), group="g")
    assert (blocking.get_rate(), blocking.get_rate(group="g")) == (None, Rate(5))
    blocking.set_group_concurrency({"g": 2})
    assert blocking.get_group_concurrency() == {"g": 2}


def test_many_threads_call_at_once(blocking: BlockingScheduler) -> None:
    with ThreadPoolExecutor(16) as pool:
        done = [pool.submit(blocking.assign_task, IntervalTask(str(n), start=FAR)) for n in range(500)]
        assert all(each.result(20) for each in done)
    assert blocking.task_size() == 500


def test_lists_come_in_pages(blocking: BlockingScheduler) -> None:
    ids = [f"{n:04}" for n in range(1001)]
    blocking.assign_tasks(IntervalTask(task_id, start=FAR + int(task_id)) for task_id in ids)
    assert [task.id for task in blocking.tasks()] == ids
    few = blocking.tasks()
    assert [next(few).id for _ in range(3)] == ids[:3]
    del few
    blocking.remove_tasks(task_id for task_id in ids[:501])
    assert [task.id for task in blocking.tasks()] == ids[501:]


def test_an_iterable_is_read_in_the_thread_that_calls(blocking: BlockingScheduler) -> None:
    def tasks(count: int) -> Iterator[IntervalTask]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()  # an ORM would refuse to work where an event loop runs
        for n in range(count):
            threads.add(threading.current_thread())
            yield IntervalTask(f"t:{n}", start=FAR)
            blocking.task_size()  # it may call the scheduler as well

    threads: set[threading.Thread] = set()
    assert blocking.assign_tasks(tasks(1200)).assigned == 1200
    assert blocking.sync_tasks(tasks(600), scope="t:").removed == 600
    assert threads == {threading.current_thread()}


def test_what_an_iterable_raises_comes_through(blocking: BlockingScheduler) -> None:
    def tasks() -> Iterator[IntervalTask]:
        yield IntervalTask("a", start=FAR)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blocking.assign_tasks(tasks())
    blocking_ways.no_call_goes_on(blocking)
    with pytest.raises(InvalidType, match="tasks"):
        blocking.assign_tasks(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="id"):
        blocking.remove_tasks(iter(["a", 5]))  # type: ignore[arg-type]
    assert blocking.task_size() <= 1


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_a_run_may_close(make: Made, twice: bool) -> None:  # noqa: FBT001 - a parameter
    """It ends as a run, and the others are waited for; then the thread ends, and another may start."""
    scheduler, threads = make(), threading.active_count()
    closed, ended = threading.Event(), []

    def work(data: str) -> None:
        if data == "last":
            scheduler.close()
            if twice:
                scheduler.close()
            closed.set()
        else:
            closed.wait(10)
        ended.append(data)

    scheduler.start_task_accept()
    scheduler.assign_tasks([IntervalTask("other", "other"), IntervalTask("last", "last")])
    scheduler.start_task_execute(work)
    assert closed.wait(10)
    until_outside(lambda: not scheduler.online)
    assert sorted(ended) == ["last", "other"]
    scheduler.start_task_accept()
    assert scheduler.task_size() == 0, "both are completed"
    scheduler.close()
    until_outside(lambda: threading.active_count() <= threads + 2)  # those of anyio stay for a while


def test_a_close_that_is_interrupted_does_not_wait_for_handlers(make: Made) -> None:
    began = threading.Event()

    async def slow(_: object) -> None:
        began.set()
        await asyncio.Event().wait()

    scheduler = make(drain_seconds=60)
    scheduler.on("run", slow)
    started = time.monotonic()
    scheduler.start_task_accept()
    scheduler.assign_task(IntervalTask("a", every=1000))
    scheduler.start_task_execute(lambda _: None)
    assert began.wait(10)
    scheduler.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert time.monotonic() - started < 30


def test_a_logger_that_raises_disturbs_nothing(make: Made) -> None:
    class Broken:
        def _raise(self, message: str, /, *args: object) -> None:
            raise ConnectionError(message % args)

        debug = info = warning = error = _raise

    async def leave(_: object) -> None:
        sys.exit(3)

    scheduler = make(logger=Broken())
    scheduler.start_task_accept()
    scheduler.assign_task(IntervalTask("a", every=1000))
    scheduler.start_task_execute(leave)
    until_outside(lambda: scheduler._thread._current is None)
    scheduler.start_task_accept()
    scheduler.close()


def test_errors_come_through_with_their_tracebacks(blocking: BlockingScheduler) -> None:
    with pytest.raises(InvalidValue, match=r"^state must be") as caught:
        next(blocking.tasks(state="ready"))  # type: ignore[arg-type]
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[0] == "test_errors_come_through_with_their_tracebacks"
    assert frames[-1] == "tasks"


def test_before_connecting_and_after_closing(make: Made) -> None:
    scheduler, threads = make(), threading.active_count()
    for _ in range(2):
        with pytest.raises(NotAcceptingTasks):
            scheduler.assign_task(IntervalTask("a"))
        with pytest.raises(NotAcceptingTasks):
            scheduler.assign_tasks(IntervalTask(str(n)) for n in range(3))
        for call in (scheduler.task_size, lambda: list(scheduler.tasks()), lambda: scheduler.lock("door").__enter__()):
            with pytest.raises(NotConnected):
                call()
        assert not scheduler.check_health().connected
        scheduler.stop_task_execute()
        scheduler.wait_stopped()
        scheduler.stop_task_accept()
        scheduler.close()
        assert threading.active_count() == threads, "nothing of this needs a thread"
        with scheduler:
            assert scheduler.assign_task(IntervalTask("a", start=FAR)) in (True, False)
            assert threading.active_count() > threads
        assert threading.active_count() == threads


def test_a_plain_function_runs_in_threads(blocking: BlockingScheduler) -> None:
    together = threading.Barrier(3)
    runs: list[tuple[str, str, int, threading.Thread]] = []
    most = active = 0
    counting = threading.Lock()

    def work(data: str) -> None:
        nonlocal active, most
        with counting:
            active += 1
            most = max(most, active)
        together.wait(10)
        runs.append((data, current_run().id, blocking.task_size(), threading.current_thread()))
        with counting:
            active -= 1

    blocking.assign_tasks([IntervalTask(f"{n}", f"data {n}") for n in range(9)])
    blocking.start_task_execute(work, concurrency=3)
    assert blocking.executing_tasks
    until_outside(lambda: blocking.task_size() == 0)
    blocking.stop_task_execute()
    assert sorted((data, task_id) for data, task_id, _, _ in runs) == [(f"data {n}", f"{n}") for n in range(9)]
    assert most == 3
    assert threading.current_thread() not in {thread for *_, thread in runs}


def test_a_coroutine_function_runs_in_the_event_loop(blocking: BlockingScheduler) -> None:
    found: list[object] = []

    async def work(_: str) -> None:
        await asyncio.sleep(0)  # a run that suspends
        found.append(threading.current_thread().name)
        try:
            blocking.task_size()
        except WouldDeadlock as error:
            found.append(str(error))

    blocking.assign_task(IntervalTask("a"))
    blocking.start_task_execute(work)
    until_outside(lambda: len(found) == 2)
    assert found[0] == "BlockingScheduler"
    assert "would wait for itself" in str(found[1])
    with pytest.raises(InvalidType, match="executor"):
        blocking.start_task_execute(5)  # type: ignore[call-overload]


def test_what_a_plain_function_raises_is_the_result_of_its_run(blocking: BlockingScheduler) -> None:
    errors: list[object] = []
    blocking.on("run-error", lambda run, error: errors.append((run.id, type(error))))

    def fail(_: str) -> None:
        raise ZeroDivisionError

    blocking.assign_task(IntervalTask("a"))
    blocking.start_task_execute(fail)
    until_outside(lambda: [task.id for task in blocking.dead_tasks()] == ["a"])
    assert errors == [("a", ZeroDivisionError)]


def test_a_thread_that_is_drained_ends_its_run(make: Made) -> None:
    scheduler = make(drain_seconds=0)
    begun, go_on = threading.Event(), threading.Event()

    def work(_: str) -> None:
        begun.set()
        go_on.wait(10)

    with scheduler:
        scheduler.assign_task(IntervalTask("a"))
        scheduler.start_task_execute(work)
        assert begun.wait(10)
        stopping = threading.Thread(target=scheduler.stop_task_execute)
        stopping.start()
        until_outside(lambda: not scheduler.executing_tasks)
        go_on.set()
        stopping.join(10)
        assert scheduler.task_size() == 0, "it was done, and is not handed back"


def test_events_are_called_in_its_thread(make: Made) -> None:
    scheduler = make()
    found: list[object] = []

    def on_online() -> None:
        found.append(threading.current_thread().name)
        try:
            scheduler.close()
        except WouldDeadlock as error:
            found.append(error)

    scheduler.on("online", on_online)
    with scheduler:
        assert found[0] == "BlockingScheduler"
        assert isinstance(found[1], WouldDeadlock)
        assert scheduler.online


def test_locks(blocking: BlockingScheduler) -> None:
    with blocking.lock("door") as lock:
        assert lock.name == "door"
        with pytest.raises(LockTimeout), blocking.lock("door", wait_seconds=0):
            pass
    block = blocking.lock("door")
    for _ in range(2):
        with block as later:
            assert later.token > lock.token
    with pytest.raises(InvalidValue, match="name"), blocking.lock(""):
        pass
    with pytest.raises(ZeroDivisionError), blocking.lock("door"):
        raise ZeroDivisionError
    assert blocking.try_lock("door") is not None


def test_a_lock_that_is_lost_is_told_at_the_end_of_the_block(blocking: BlockingScheduler) -> None:
    block = blocking.lock("door", seconds=0.3)

    def lose(lock: Lock) -> None:
        blocking.unlock(lock)
        until_outside(block._holding.done)  # type: ignore[attr-defined]

    with pytest.raises(LockLost, match="could not be renewed"), block as lock:
        lose(lock)


def test_a_block_whose_event_loop_ended_is_told(make: Made) -> None:
    scheduler = make()
    scheduler.connect()
    running = scheduler._thread._current
    assert running is not None
    with pytest.raises(LockLost, match="the scheduler was closed in the block"), scheduler.lock("door", 60):
        scheduler._thread.stop(running, 10)


def test_closing_in_a_block_and_beside_calls(make: Made) -> None:
    scheduler = make()
    scheduler.connect()
    waiting = threading.Event()
    ends: list[type[BaseException]] = []

    def wait_for_lock() -> None:
        try:
            waiting.set()
            with scheduler.lock("door"):
                pass
        except SchedulerError as error:
            ends.append(type(error))

    def close_thrice() -> None:
        waiter.start()
        assert waiting.wait(10)
        closing = [threading.Thread(target=scheduler.close) for _ in range(3)]
        for each in closing:
            each.start()
        for each in (*closing, waiter):
            each.join(10)
            assert not each.is_alive()

    waiter = threading.Thread(target=wait_for_lock)
    with pytest.raises(LockLost), scheduler.lock("door"):
        close_thrice()
    assert ends in ([NotConnected], [OutcomeUnknown])


def test_calls_that_race_with_closing_end(namespace: str) -> None:
    """No call is lost between the last turn of the event loop and its end."""
    scheduler = BlockingScheduler.from_url(f"memory://{namespace}", namespace=namespace)

    def call(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                scheduler.task_size()
            except Exception:  # noqa: BLE001 - what a connection raises that is being closed is not the point
                continue

    for _ in range(20):
        scheduler.connect()
        stop = threading.Event()
        threads = [threading.Thread(target=call, args=(stop,), daemon=True) for _ in range(8)]
        for each in threads:
            each.start()
        scheduler.close()
        stop.set()
        for each in threads:
            each.join(10)
            assert not each.is_alive(), "it waits for ever"


@pytest.mark.parametrize("method", ["run", "__enter__"])
def test_without_an_event_loop_the_caller_hears_it(make: Made, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def fail(_: asyncio.Runner, *main: Coroutine[Any, Any, None]) -> None:
        for each in main:
            each.close()
        raise FileNotFoundError

    scheduler = make()
    with monkeypatch.context() as without:
        without.setattr(asyncio.Runner, method, fail)
        raised: list[BaseException] = []

        def connect() -> None:
            try:
                scheduler.connect()
            except FileNotFoundError as error:
                raised.append(error)

        connecting = threading.Thread(target=connect, daemon=True)
        connecting.start()
        connecting.join(10)
        assert len(raised) == 1, "it waits for ever"
    with scheduler:
        assert scheduler.online


def test_a_start_that_meets_the_end_of_the_event_loop_has_another(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = make()
    leaving, handed_over = threading.Event(), threading.Event()
    leave = LoopThread.leave

    def late(thread: LoopThread) -> None:
        leaving.set()
        assert handed_over.wait(10)
        leave(thread)

    monkeypatch.setattr(LoopThread, "leave", late)
    scheduler.start_task_accept()
    scheduler.assign_task(IntervalTask("last"))
    scheduler.start_task_execute(lambda _: scheduler.close())
    assert leaving.wait(10)
    running = scheduler._thread._current
    assert running is not None
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(scheduler.start_task_accept)
        until_outside(lambda: running._calls)
        handed_over.set()
        starting.result(10)
    assert scheduler.online
    assert scheduler.accepting_tasks


def test_closing_ends_its_own_event_loop_only(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread closes and connects anew between the call of the close and the end of its event loop."""
    scheduler = make()
    stop = LoopThread.stop

    def late(thread: LoopThread, running: EventLoopThread, seconds: float) -> None:
        monkeypatch.undo()
        scheduler.close()
        scheduler.connect()
        stop(thread, running, seconds)

    scheduler.connect()
    monkeypatch.setattr(LoopThread, "stop", late)
    scheduler.close()
    assert scheduler.online
    assert scheduler.check_health()


def test_a_list_that_a_close_cuts_short_says_so(make: Made) -> None:
    scheduler = make()
    scheduler.start_task_accept()
    scheduler.assign_tasks([IntervalTask(f"{n:04}", start=FAR) for n in range(1500)])
    for again in (False, True):
        listed = scheduler.tasks()
        next(listed)
        scheduler.close()
        if again:
            scheduler.connect()
        with pytest.raises(NotConnected):
            list(listed)
        scheduler.start_task_accept()


def test_a_start_waits_for_an_event_loop_that_ends_by_itself(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = make()
    go = threading.Event()
    ended = LoopThread._ended

    def late(thread: LoopThread, running: EventLoopThread, error: BaseException) -> None:
        ended(thread, running, error)
        assert go.wait(10)

    async def exits(_: str) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(LoopThread, "_ended", late)
    scheduler.start_task_accept()
    scheduler.assign_task(IntervalTask("exits"))
    scheduler.start_task_execute(exits)
    until_outside(lambda: scheduler._thread._ending is not None)
    ending, waits = scheduler._thread._ending, threading.Event()
    assert ending is not None
    join = ending.thread.join

    def told(seconds: float | None = None) -> None:
        waits.set()
        join(seconds)

    monkeypatch.setattr(ending.thread, "join", told)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(scheduler.start_task_accept)
        until_outside(waits.is_set)
        go.set()
        starting.result(10)
    assert scheduler.online


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the next call interrupted in the moment when it was handed over."""

    def interrupt() -> None:
        submit = EventLoopThread.submit

        def submitted(running: EventLoopThread, coroutine: Coroutine[Any, Any, Any], future: Future[Any]) -> None:
            monkeypatch.undo()
            submit(running, coroutine, future)
            raise KeyboardInterrupt

        monkeypatch.setattr(EventLoopThread, "submit", submitted)

    return interrupt


def test_a_call_that_is_interrupted_does_not_go_on(make: Made, interrupted: Callable[[], None]) -> None:
    other, scheduler = make(), make()
    other.connect()
    scheduler.connect()
    held = other.try_lock("door")
    assert held is not None
    interrupted()
    with pytest.raises(KeyboardInterrupt), scheduler.lock("door", 60):
        pytest.fail("it is held by the other")
    scheduler.start_task_execute(lambda _: None)
    interrupted()
    with pytest.raises(KeyboardInterrupt):
        scheduler.wait_stopped()
    scheduler.start_task_accept()
    interrupted()
    with pytest.raises(KeyboardInterrupt):
        scheduler.sync_tasks((IntervalTask(f"s:{n}", start=FAR) for n in range(3)), scope="s:")
    assert other.unlock(held)

    async def calls() -> int:
        return sum(task.get_coro().__qualname__ == "_carry" for task in asyncio.all_tasks())  # type: ignore[union-attr]

    def is_quiet() -> bool:
        return scheduler._thread.call(calls) == 1  # this one itself

    until_outside(is_quiet)
    acquired: list[Lock] = []

    def is_free_again() -> bool:
        """An attempt that was under way when its caller went may hold the lock until it is released behind it."""
        acquired.extend(lock for lock in [other.try_lock("door")] if lock is not None)
        return bool(acquired)

    until_outside(is_free_again)
    assert other.unlock(acquired[0])


def test_a_close_that_is_interrupted_may_be_repeated(
    make: Made, interrupted: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = make()
    scheduler.connect()
    interrupted()
    with pytest.raises(KeyboardInterrupt):
        scheduler.close()
    scheduler.close()
    assert not scheduler.online
    assert not [line for line in caplog.messages if "event loop was closed" in line]
    with scheduler:
        assert scheduler.online


def test_a_call_that_comes_too_late_ends(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is handed over in the last moment of the event loop, which has no turn left for it."""
    scheduler = make()
    close_loop = asyncio.BaseEventLoop.close
    late: list[Future[int]] = []

    def close(loop: asyncio.BaseEventLoop) -> None:
        if threading.current_thread() is thread and not late:
            assert running is not None
            late.append(Future[int]())
            running.submit(scheduler._scheduler.task_size(), late[0])
        close_loop(loop)

    monkeypatch.setattr(asyncio.BaseEventLoop, "close", close)
    scheduler.connect()
    running = scheduler._thread._current
    assert running is not None
    thread = running.thread
    scheduler.close()
    assert late[0].cancelled()


@pytest.mark.parametrize("way", blocking_ways.WAYS)
def test_the_ends_of_a_process(url: str, namespace: str, way: str) -> None:
    """However it ends: at once, with the words that the way has, and none else."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", blocking_ways.__name__, way, url, namespace]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = "" if way != "the_event_loop_ends" else "the thread of a BlockingScheduler ended by SystemExit: 3\n"
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stdout + done.stderr
    told = "the scheduler ended without being asked to: its asyncio tasks were cancelled"
    # One that nobody closed may say so.
    assert "".join(line for line in done.stderr.splitlines(keepends=True) if not line.startswith(told)) == said
    assert time.monotonic() - began < 25  # less than a drain; other suites keep the processor busy meanwhile


def test_the_table_above_is_of_all_calls() -> None:
    tables = (
        *(test_each_call_does_what_it_does, test_calls_on_runs_to_come_do_what_they_do),
        *(test_calls_by_prefix, test_updates, test_quotas),
    )
    text = "".join(map(inspect.getsource, tables))
    elsewhere = {"connect", "close", "start_task_accept", "start_task_execute", "stop_task_execute", "lock"}
    elsewhere |= {"wait_stopped", "statistics", "schedulers", "tail"}  # the last ones: test_statistics.py
    elsewhere |= {"export", "restore", "note_action"}  # test_backup.py, test_noted_actions.py
    assert {name for name in public_calls() if f"blocking.{name}(" not in text} == elsewhere

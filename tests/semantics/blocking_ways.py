"""Ends of a process that has a `BlockingScheduler`: `python -m tests.semantics.blocking_ways WAY URL NAMESPACE`.

Each way ends with "well" on stdout.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from interval_scheduler import BlockingScheduler, IntervalTask, NotConnected, PartitionOffline, WouldDeadlock
from tests.waiting import until_outside


def _working(url: str, namespace: str, executor: Callable[[Any], object]) -> BlockingScheduler:
    scheduler = BlockingScheduler.from_url(url, namespace=namespace)
    scheduler.start_task_accept()
    scheduler.assign_task(IntervalTask("a", every=1000))
    scheduler.start_task_execute(executor)
    return scheduler


def calls_in_progress(scheduler: BlockingScheduler) -> list[str]:
    """Return the names of the coroutines of locks and of calls with many items in its event loop."""
    running = scheduler._thread._current
    assert running is not None
    names = []
    for task in asyncio.all_tasks(running._loop):
        coroutine: Any = task.get_coro()
        if coroutine.__name__ == "_carry" and coroutine.cr_frame is not None:  # it carries out the call of a thread
            coroutine = coroutine.cr_frame.f_locals["coroutine"]
        names.append(getattr(coroutine, "__qualname__", ""))
    return [
        name for name in names if name.endswith((".hold", ".assign_tasks", ".remove_tasks", ".sync_tasks", ".restore"))
    ]


def no_call_goes_on(scheduler: BlockingScheduler) -> None:
    """Wait until the event loop has ended each of these calls."""
    until_outside(lambda: calls_in_progress(scheduler) == [], 30)


def exits_unclosed(url: str, namespace: str) -> None:
    global left  # noqa: PLW0603 - what is global lives longest
    begun = threading.Event()
    left = _working(url, namespace, lambda _: begun.set())
    assert begun.wait(30)


left: BlockingScheduler


def exits_while_a_function_runs(url: str, namespace: str) -> None:
    begun = threading.Event()

    def work(_: str) -> None:
        begun.set()
        threading.Event().wait()

    _working(url, namespace, work)
    assert begun.wait(30)


def exits_while_a_pool_works(url: str, namespace: str) -> None:
    """The pools of threads end with the interpreter too: no run starts in one that has ended, and fails."""
    begun, both = threading.Event(), threading.Barrier(2)
    pool = ThreadPoolExecutor(2)
    # Newer Pythons start no thread from when the interpreter begins to end, and a run that wants one fails.
    list(pool.map(lambda _: both.wait(30), range(2)))

    async def work(data: str) -> None:
        loop = asyncio.get_running_loop()
        if data == "long":
            begun.set()
            await loop.run_in_executor(pool, time.sleep, 1)  # the pool waits for it
        else:
            await loop.run_in_executor(pool, both.reset)  # something short

    global left  # noqa: PLW0603 - as above
    left = BlockingScheduler.from_url(url, namespace=namespace)
    left.start_task_accept()
    left.assign_tasks([IntervalTask("long", "long"), IntervalTask("often", "often", every=0.05)])
    left.start_task_execute(work)
    assert begun.wait(30)


def is_interrupted(url: str, namespace: str) -> None:
    """Ctrl-C in a wait cancels the call, and the scheduler goes on."""
    with BlockingScheduler.from_url(url, namespace=namespace) as scheduler:
        held = scheduler.try_lock("door")
        assert held is not None
        for wait in (lambda: scheduler.lock("door").__enter__(), lambda: scheduler.assign_tasks(_endless())):
            interrupting = threading.Thread(target=_interrupt_waiting, args=(scheduler,))
            interrupting.start()
            try:
                wait()
            except KeyboardInterrupt:  # the interruption has arrived, as it should
                interrupting.join()
                no_call_goes_on(scheduler)
                continue
            raise AssertionError
        assert scheduler.unlock(held)
        assert scheduler.try_lock("door") is not None


def _waits_in_main_thread() -> bool:
    """Tell if the main thread waits for a condition, and has given up its lock meanwhile."""
    main = threading.main_thread().ident
    assert main is not None
    frame = sys._current_frames()[main]
    return frame.f_code is threading.Condition.wait.__code__ and "gotit" in frame.f_locals


def _interrupt_waiting(scheduler: BlockingScheduler) -> None:
    """Interrupt the process while it waits for a call, as somebody at the keyboard does."""
    until_outside(lambda: calls_in_progress(scheduler) and _waits_in_main_thread())
    os.kill(os.getpid(), signal.SIGINT)


def _endless() -> Any:
    yield IntervalTask("a", start=time.time() + 1e6)
    threading.Event().wait()


def is_interrupted_in_a_block(url: str, namespace: str) -> None:
    """Ctrl-C in the block does not wait for what runs, if that can be cancelled."""
    begun = threading.Event()

    async def work(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    try:
        with _working(url, namespace, work):
            assert begun.wait(30)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait()
    except KeyboardInterrupt:  # as it should
        return
    raise AssertionError


def forks(url: str, namespace: str) -> None:
    scheduler = BlockingScheduler.from_url(url, namespace=namespace)
    fresh = BlockingScheduler.from_url(url, namespace=namespace)
    scheduler.start_task_accept()
    child = os.fork()
    if child == 0:
        for call in (scheduler.task_size, scheduler.close, scheduler.connect, lambda: list(scheduler.tasks())):
            try:
                call()
            except WouldDeadlock as error:
                assert "before the process forked" in str(error)  # noqa: PT017
            else:
                os._exit(1)
        with fresh:
            fresh.task_size()
        sys.exit(7)  # with all that is done at exit
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert scheduler.task_size() == 0
    scheduler.close()


def the_event_loop_ends(url: str, namespace: str) -> None:
    """SystemExit ends it, as it ends any event loop; what is called then does not wait for ever."""

    async def leave(_: str) -> None:
        sys.exit(3)

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it may tell of calls that its end cut short
    scheduler = _working(url, namespace, leave)
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        try:
            scheduler.task_size()
        except NotConnected:  # it is closed: that is waited for
            break
        except PartitionOffline:  # of a call that its end cut short
            continue
    else:
        raise AssertionError
    scheduler.start_task_accept()  # it starts anew, if asked to
    assert scheduler.online
    scheduler.close()


WAYS: Final = [
    way.__name__
    for way in (
        exits_unclosed,
        exits_while_a_function_runs,
        exits_while_a_pool_works,
        is_interrupted,
        is_interrupted_in_a_block,
        forks,
        the_event_loop_ends,
    )
]


def main(way: str, url: str, namespace: str) -> None:
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    globals()[way](url, namespace)
    sys.stdout.write("well\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

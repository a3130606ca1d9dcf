"""Those who observe a scheduler are code of the application: whatever they do, runs go on and calls tell the truth."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from interval_scheduler import IntervalTask, RunSample, Scheduler
from interval_scheduler.execution.samples import Listeners, RunSamples
from interval_scheduler.support.log import GuardedLog
from tests.waiting import Recorder, until

# What the code of an application does here is no matter of the server.
pytestmark = pytest.mark.any_server


def test_each_handler_of_samples_that_fails_is_told() -> None:
    """Also one that comes to lie where another one was in memory."""
    told = io.StringIO()
    log = logging.Logger("alone")  # noqa: LOG001 - what keeps the errors, as pytest does, keeps the handlers too
    log.addHandler(logging.StreamHandler(told))
    listeners = Listeners(GuardedLog(log))

    def failing(number: int) -> Callable[[list[RunSample]], object]:
        def fail(_: list[RunSample]) -> None:
            raise RuntimeError(f"handler {number}")

        return fail

    for number in range(20):
        off = listeners.add(None, failing(number), 1)
        for _ in range(2):
            listeners.tell("app", [RunSample("app", "p", "ok", 0.0, 0.0)])
        off()
        del off
        gc.collect()
    assert [n for n in range(20) if told.getvalue().count(f"samples failed: RuntimeError: handler {n}\n") != 1] == []


@pytest.mark.asyncio
async def test_a_handler_of_samples_is_called_in_no_task_of_ours(scheduler: Scheduler) -> None:
    """The end of an execution tells the last runs: a handler that cancels the present task must not cut that short."""
    tasks: list[asyncio.Task[object] | None] = []

    def cancel(_: list[RunSample]) -> None:
        tasks.append(asyncio.current_task())
        if tasks[-1] is not None:
            tasks[-1].cancel()

    scheduler.sample_runs(cancel)
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a"))
    await recorder.ran(1)
    await scheduler.stop_task_execute()
    assert tasks == [None]


@pytest.mark.asyncio
async def test_measuring_may_end_in_another_thread_while_a_run_ends(scheduler: Scheduler) -> None:
    """A run that had seen that somebody measures is taken a moment after that has ended."""
    recorder = Recorder()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a"))
    await recorder.ran(1)
    told: list[list[RunSample]] = []
    listeners = Listeners(GuardedLog(logging.getLogger("test.observers")))
    samples = RunSamples("app", listeners)
    off = listeners.add(None, told.append, 1)
    assert samples.is_on
    ending = threading.Thread(target=off)
    ending.start()
    ending.join()
    samples.take(recorder.runs[0], None)
    samples.flush()
    assert told == []


def test_listeners_come_and_go_in_many_threads() -> None:
    """None is lost, and none comes back."""
    listeners = Listeners(GuardedLog(logging.getLogger("test.observers")))
    samples = RunSamples("app", listeners)
    stays = [listeners.add(None, print, 7) for _ in range(2)]

    def come_and_go() -> None:
        for most in range(100, 400):
            listeners.add(None, print, most)()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert listeners.most_of("app") == 7
    for off in stays:
        off()
    assert not samples.is_on


@contextlib.contextmanager
def _swallows(_: str) -> Iterator[None]:
    with contextlib.suppress(BaseException):  # a hook that hides how its run ended
        yield


@pytest.mark.asyncio
async def test_a_hook_cannot_swallow_the_error_of_a_call(scheduler: Scheduler) -> None:
    """Else the caller would take a task for assigned that is not there."""
    scheduler.around_assigns(lambda _: contextlib.nullcontext("abc"))
    scheduler.around_assigns(_swallows)
    scheduler.around_assigns(lambda _: contextlib.nullcontext())
    await scheduler.stop_task_accept()
    with pytest.raises(Exception, match="not accepting tasks"):
        await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_accept()

    def tasks() -> Iterator[IntervalTask]:
        yield IntervalTask("b")
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        await scheduler.assign_tasks(tasks())
    assert await scheduler.assign_task(IntervalTask("c"))


@pytest.mark.asyncio
async def test_a_hook_cannot_swallow_a_cancel(scheduler: Scheduler) -> None:
    scheduler.around_assigns(_swallows)
    waiting = asyncio.Event()

    async def tasks() -> AsyncIterator[IntervalTask]:
        waiting.set()
        await asyncio.Event().wait()
        yield IntervalTask("a")

    assigning = asyncio.create_task(scheduler.assign_tasks(tasks()))
    await waiting.wait()
    assigning.cancel()
    await until(assigning.done, 60)
    assert assigning.cancelled()

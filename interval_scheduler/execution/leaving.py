"""Decides if what left an executor is the result of its run, or ends more than that."""

from __future__ import annotations

import asyncio

from .run import TaskRun


def is_result(run: TaskRun, error: BaseException, *, ending: bool) -> bool:
    """Tell if an error that left an executor is the result of its run; all is, also a `BaseException` of anybody's.

    Three things are not: the cancel of a run with everything around it, the close of its coroutine by the garbage
    collector, and what ends the process (see `ends_process`).

    Args:
        run: the run, in progress.
        error: the error.
        ending: whether everything around the run ends.
    """
    if isinstance(error, asyncio.CancelledError) and run.cut_short is None:
        return not ending
    if isinstance(error, GeneratorExit):
        return _is_carried_out_now(run)
    return ends_process(error) is None


def _is_carried_out_now(run: TaskRun) -> bool:
    """Tell if the calling asyncio task carries the run out; the garbage collector, which closes it, does not."""
    try:
        return asyncio.current_task() is run.asyncio_task
    except RuntimeError:  # no event loop runs
        return False


def ends_process(error: BaseException) -> SystemExit | KeyboardInterrupt | None:
    """Find what ends the process in an error, or in a group of errors; `None` for nothing."""
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if (found := ends_process(inner)) is not None:
                return found
    return None


def retrieve(carrier: asyncio.Task[None]) -> None:
    """Take note of the error of an asyncio task that ended the event loop, or asyncio complains that nobody did."""
    if not carrier.cancelled():
        carrier.exception()

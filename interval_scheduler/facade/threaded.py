"""Plain functions as executors: each run, or batch, has a thread of its own, at most as many as there are at once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import anyio
import anyio.to_thread

from ..execution.executor import PAYLOAD, Executor, check_executor, is_coroutine_function
from ..execution.run import TaskRun
from ..support.arity import check_arity

#: A coroutine function, or a plain function; called with what `serialize()` returned.
AnyExecutor = Callable[[str], object] | Callable[[bytes], object]
#: The same for batches; called with a list of runs.
AnyBatchExecutor = Callable[[list[TaskRun]], object]


def to_executor(executor: AnyExecutor | AnyBatchExecutor, concurrency: int) -> Executor:
    """Return a coroutine function as it is, and a plain function as one that calls it in a thread.

    Args:
        executor: the one or the other.
        concurrency: the most threads at once.

    Raises:
        InvalidType: it cannot be called, or not with one argument.
    """
    if callable(executor) and not is_coroutine_function(executor):
        check_arity("executor", executor, PAYLOAD)
        return _in_threads(executor, concurrency)
    check_executor(executor)
    return cast("Executor", executor)


def _in_threads(function: AnyExecutor | AnyBatchExecutor, concurrency: int) -> Executor:
    limiter: anyio.CapacityLimiter | None = None

    async def run(data: Any) -> None:
        nonlocal limiter
        if limiter is None:  # the options may be out of range, which is told when executing begins
            limiter = anyio.CapacityLimiter(concurrency)
        working = asyncio.ensure_future(anyio.to_thread.run_sync(function, data, limiter=limiter))
        while not working.done():
            # A thread cannot be cancelled: the run goes on, and keeps its lease, until the function returns.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        result = await working
        if inspect.isawaitable(result):
            await result

    return run

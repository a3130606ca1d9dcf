"""The coroutine function that a scheduler calls for a kind of tasks. What a kind does not use costs nothing."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from .. import TaskRun, current_run

#: Carries the run out; what it raises is the result of the run.
Call = Callable[[], Awaitable[Any]]
#: Wraps each run of a worker: called with the run, or the runs of a batch, and with what carries it out.
Hook = Callable[[Any, Call], Awaitable[Any]]
_Execute = Callable[[Any], Coroutine[Any, Any, Any]]


def executor_for(
    function: Callable[..., Coroutine[Any, Any, Any]],
    given: dict[str, Any],
    run_as: str | None,
    decode: Callable[[str | bytes], Any] | None,
    hooks: Sequence[Hook],
    *,
    in_batches: bool = False,
) -> _Execute:
    """Return what is called with the payload of each run, or with the runs of each batch.

    Args:
        function: the executor of the application.
        given: its arguments by keyword.
        run_as: the keyword by which it asks for the `TaskRun`, or `None`.
        decode: reads a payload, or `None`.
        hooks: what wraps each run, the outermost first.
        in_batches: whether it gets batches.
    """
    execute: _Execute = functools.partial(function, **given) if given else function
    if run_as is not None:
        execute = _with_run(execute, run_as)
    if decode is not None:
        execute = _decoding(execute, decode)
    return _around(execute, tuple(reversed(hooks)), in_batches=in_batches) if hooks else execute


def _with_run(inner: _Execute, name: str) -> _Execute:
    async def execute(data: Any) -> None:
        await inner(data, **{name: current_run()})

    return execute


def _decoding(inner: _Execute, decode: Callable[[str | bytes], Any]) -> _Execute:
    async def execute(data: str | bytes) -> None:
        await inner(decode(data))

    return execute


def _around(inner: _Execute, hooks: Sequence[Hook], *, in_batches: bool) -> _Execute:
    async def execute(data: Any) -> None:
        run: TaskRun | list[TaskRun] = data if in_batches else current_run()
        call: Call = functools.partial(inner, data)
        for hook in hooks:
            call = functools.partial(hook, run, call)
        await call()

    return execute

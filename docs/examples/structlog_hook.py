"""The task and the attempt in each line that a run logs by structlog, and in no line of another run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from interval_scheduler import TaskRun


def start() -> None:
    """Call this once, before the worker runs: lines are JSON, with what is bound to the context in them."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),  # the log of the library has arguments
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            # Payloads are among the local variables of an executor: they do not go into the log.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )


async def bound(run: TaskRun, call: Callable[[], Awaitable[None]]) -> None:
    """A hook: `worker.around(bound)`."""
    with structlog.contextvars.bound_contextvars(task=run.id, attempt=run.attempt):
        await call()

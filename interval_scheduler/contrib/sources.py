"""The sources of a scheduler that an application serves with: a worker, a scheduler, or a function that opens one."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from .. import InvalidType, NotConnected, Scheduler
from ..worker import Worker

#: A `Worker` is run; a `Scheduler` is connected, and executes nothing. A function without arguments says the rest, such
#: as `worker.connected`, or one that gives values to `worker.running`.
Source = Worker | Scheduler | Callable[[], AbstractAsyncContextManager[Scheduler]]

#: The name under which the scheduler stands in the state of an application.
STATE: Final = "scheduler"


def check_source(source: Source) -> None:
    """Check that something can be opened, before the application starts.

    Raises:
        InvalidType: it is neither a worker nor a scheduler nor a function without arguments.
    """
    if isinstance(source, Worker | Scheduler):
        return
    wanted = "must be a Worker, a Scheduler or a function without arguments that opens one, such as worker.connected"
    if not callable(source):
        raise InvalidType("source", f"{wanted}; got {type(source).__name__}")
    if inspect.iscoroutinefunction(source) or inspect.isasyncgenfunction(source):
        kind = "a coroutine function" if inspect.iscoroutinefunction(source) else "not made with @asynccontextmanager"
        raise InvalidType("source", f"{wanted}; {getattr(source, '__qualname__', 'it')} is {kind}")
    try:
        inspect.signature(source).bind()
    except TypeError as error:
        raise InvalidType("source", f"{wanted}; {error}") from None


@asynccontextmanager
async def opened(source: Source) -> AsyncIterator[Scheduler]:
    """Open the source for the length of a block; the scheduler is connected then, and accepts tasks.

    Raises:
        InvalidType: the function yields something else than a scheduler.
        SchedulerError: as for `Worker.running` and `Scheduler.connect`.
    """
    async with _block(source) as scheduler:
        if not isinstance(scheduler, Scheduler):
            raise InvalidType("source", f"must yield a Scheduler, not {type(scheduler).__name__}")
        yield scheduler


def _block(source: Source) -> AbstractAsyncContextManager[Scheduler]:
    if isinstance(source, Worker):
        return source.running()
    return source if isinstance(source, Scheduler) else source()


def found(scheduler: object) -> Scheduler:
    """Return what stood in the state of an application, if it is a scheduler.

    Raises:
        NotConnected: there is none, since nobody has entered the lifespan.
    """
    if isinstance(scheduler, Scheduler):
        return scheduler
    raise NotConnected(
        "the application has no scheduler: its lifespan was not entered. Give it the lifespan of "
        "interval_scheduler.contrib, let the server run lifespans, and in tests enter it before the first request"
    )

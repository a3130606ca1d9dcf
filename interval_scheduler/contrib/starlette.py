"""Starlette: a lifespan for `Starlette(lifespan=...)`, also beside one that the application has already."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.requests import HTTPConnection

from .. import ConfigurationError, InvalidType, Scheduler
from .sources import STATE, Source, check_source, found, opened

__all__ = ["lifespan", "scheduler_of"]

_Own = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]
_Combined = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]


def lifespan(source: Source, within: _Own | None = None) -> _Combined:
    """Make a lifespan: the application serves with a worker that runs, or with a scheduler that is connected.

    Nothing is connected before a server enters it, so the application may be imported before a process forks.

    Args:
        source: a `Worker`, which is run; a `Scheduler`, which is connected and only assigns; or a function without
            arguments that returns an asynchronous context manager of a scheduler. `worker.connected` is one: it
            executes nothing, and the kinds of the worker can assign.
        within: the lifespan that the application has already. It is entered first and left last, so what it opens is
            there during all runs. Requests get what it yields, and the scheduler besides. Default: none.

    Returns:
        What `Starlette` and `FastAPI` take as their `lifespan`.

    Raises:
        InvalidType: the source, or the lifespan, is something else. When it is entered: the function yields something
            else than a scheduler.
        ConfigurationError: when it is entered, the lifespan of the application yields a `scheduler` itself.
        SchedulerError: when it is entered, as for `Worker.running` and `Scheduler.connect`.

    Example:
        ```python
        app = Starlette(routes=routes, lifespan=lifespan(worker))
        ```
    """
    check_source(source)
    _check_within(within)

    @asynccontextmanager
    async def combined(app: Any) -> AsyncIterator[Mapping[str, Any]]:
        async with AsyncExitStack() as stack:
            state: dict[str, Any] = {}
            if within is not None:
                yielded = await stack.enter_async_context(within(app))
                state.update(yielded or {})
            if STATE in state:
                raise ConfigurationError("within", f"yields {STATE!r}, which is the name of the scheduler here")
            state[STATE] = await stack.enter_async_context(opened(source))
            yield state

    return combined


def scheduler_of(connection: HTTPConnection) -> Scheduler:
    """Return the scheduler of the application that serves a request or a web socket.

    It is found under the name `scheduler` in the state of the request. So a lifespan of your own may yield it as well.

    Raises:
        NotConnected: the lifespan of the application was not entered.
    """
    return found(getattr(connection.state, STATE, None))


def _check_within(within: object) -> None:
    if within is not None and not callable(within):
        raise InvalidType("within", f"must be the lifespan of the application, a function; got {type(within).__name__}")
    if inspect.isasyncgenfunction(within):
        raise InvalidType("within", f"must be made with @asynccontextmanager, as {within.__qualname__} is not")

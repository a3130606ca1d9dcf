"""Litestar: a lifespan for the list of `Litestar(lifespan=[...])`, and the scheduler in the state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State

from .. import ConfigurationError, Scheduler
from .sources import STATE, Source, check_source, found, opened

__all__ = ["lifespan", "scheduler_of"]


def lifespan(source: Source) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Make a lifespan: the application serves with a worker that runs, or with a scheduler that is connected.

    Litestar enters its lifespans in their order, and leaves them in the opposite one: put it behind what the executors
    use.

    Args:
        source: a `Worker`, which is run; a `Scheduler`, which is connected and only assigns; or a function without
            arguments that returns an asynchronous context manager of a scheduler, such as `worker.connected`.

    Raises:
        InvalidType: the source is something else. When it is entered: the function yields something else than a
            scheduler.
        ConfigurationError: when it is entered, the state of the application has a `scheduler` already.
        SchedulerError: when it is entered, as for `Worker.running` and `Scheduler.connect`.

    Example:
        ```python
        app = Litestar(handlers, lifespan=[lifespan(worker)])
        ```
    """
    check_source(source)

    @asynccontextmanager
    async def entered(app: Litestar) -> AsyncIterator[None]:
        if STATE in app.state:
            raise ConfigurationError(
                "lifespan", f"finds a {STATE!r} in the state of the application: it has one already"
            )
        async with opened(source) as scheduler:
            app.state[STATE] = scheduler
            try:
                yield
            finally:
                del app.state[STATE]

    return entered


def scheduler_of(state: State) -> Scheduler:
    """Return the scheduler of the application, from its state: the parameter `state: State` of a handler.

    Raises:
        NotConnected: the lifespan of the application was not entered.
    """
    return found(state.get(STATE))

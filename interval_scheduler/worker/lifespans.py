"""The lifespan of a worker: what its executors share, from before the first run until after the last one."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from .. import ConfigurationError, Scheduler

#: Makes what the executors share, such as a pool of connections: called with nothing, or with the scheduler.
Lifespan = Callable[..., AbstractAsyncContextManager[Mapping[str, Any] | None]]


@asynccontextmanager
async def entered(lifespan: Lifespan | None, scheduler: Scheduler) -> AsyncIterator[Mapping[str, Any]]:
    """Enter a lifespan for the length of a block.

    Args:
        lifespan: the function of the application; `None`: there is none.
        scheduler: what it is called with, if it takes an argument.

    Yields:
        What it yields; an empty mapping in place of nothing.

    Raises:
        ConfigurationError: it yields something else than a mapping or nothing.
    """
    if lifespan is None:
        yield {}
        return
    takes_it = bool(inspect.signature(lifespan).parameters)
    async with lifespan(scheduler) if takes_it else lifespan() as state:
        if state is not None and not isinstance(state, Mapping):
            raise ConfigurationError("lifespan", f"must yield a mapping or nothing, not {type(state).__name__}")
        yield state or {}

"""aiohttp: a cleanup context for `app.cleanup_ctx`, and the key of the scheduler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import web

from .. import ConfigurationError, Scheduler
from .sources import Source, check_source, opened

__all__ = ["SCHEDULER", "cleanup_context"]

SCHEDULER: Final = web.AppKey("interval_scheduler", Scheduler)
"""The scheduler of an application: `request.app[SCHEDULER]`; in a sub-application `request.config_dict[SCHEDULER]`."""


def cleanup_context(source: Source) -> Callable[[web.Application], AsyncIterator[None]]:
    """Make a cleanup context: the application serves with a worker that runs, or with a scheduler that is connected.

    Contexts are entered in their order, and left in the opposite one: append it behind what the executors use.

    Args:
        source: a `Worker`, which is run; a `Scheduler`, which is connected and only assigns; or a function without
            arguments that returns an asynchronous context manager of a scheduler, such as `worker.connected`.

    Returns:
        What `app.cleanup_ctx.append` takes.

    Raises:
        InvalidType: the source is something else. When it is entered: the function yields something else than a
            scheduler.
        ConfigurationError: when it is entered, the application has a scheduler already.
        SchedulerError: when it is entered, as for `Worker.running` and `Scheduler.connect`.

    Example:
        ```python
        app.cleanup_ctx.append(cleanup_context(worker))
        ```
    """
    check_source(source)

    async def context(app: web.Application) -> AsyncIterator[None]:
        if SCHEDULER in app:
            raise ConfigurationError("cleanup_context", "has been entered before: an application has one, and once")
        async with opened(source) as scheduler:
            app[SCHEDULER] = scheduler
            yield

    return context

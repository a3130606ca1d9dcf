"""Connects a scheduler for one command, and runs the command in an event loop."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ...environment import options_from
from .exits import NO, Ended
from .interrupts import interruptible
from .loading import loading
from .settings import Settings

_Result = TypeVar("_Result")

_TIMEOUTS: Final = ("connect_timeout_seconds", "operation_timeout_seconds")
#: The time that a server may take if neither the command line nor the environment says it.
_TIMEOUT_SECONDS: Final = 10.0


def run_async(call: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command's coroutine to its end.

    Raises:
        Ended: SIGINT or SIGTERM cancelled it; it could clean up and say what it did.
    """
    with loading():
        import asyncio  # noqa: PLC0415 - the help of a command needs none of it
    return asyncio.run(interruptible(call))


def namespace_of(settings: Settings) -> str:
    """Return the name of the namespace: that of the command line, of the environment, or the default.

    Raises:
        ConfigurationError: an option of the environment cannot be used.
    """
    default = interval_scheduler.SchedulerOptions().namespace
    return settings.namespace or str(options_from(os.environ).get("namespace", default))


def place_of(settings: Settings) -> str:
    """Return the name of the namespace or queue in words: `the queue 'mail' of the namespace 'app'`.

    Raises:
        ConfigurationError: an option of the environment cannot be used.
    """
    namespace = f"the namespace {namespace_of(settings)!r}"
    return namespace if settings.queue is None else f"the queue {settings.queue!r} of {namespace}"


def scheduler_of(settings: Settings) -> interval_scheduler.Scheduler:
    """Make the scheduler of the namespace, not yet connected.

    Raises:
        Ended: nothing says where Redis is.
        ConfigurationError: a URL or an option of the environment cannot be used.
    """
    urls = settings.checked_urls()
    options: Any = dict.fromkeys(_TIMEOUTS, _TIMEOUT_SECONDS) | {"actor": actor_name(), **options_from(os.environ)}
    if settings.timeout is not None:
        options |= dict.fromkeys(_TIMEOUTS, settings.timeout)
    if settings.namespace is not None:
        options["namespace"] = settings.namespace
    with loading():  # with it comes the client of Redis
        scheduler = interval_scheduler.Scheduler
    return scheduler.from_url(*urls, logger=_logger(settings), **options)


@asynccontextmanager
async def connected(settings: Settings, *, create: bool = False) -> AsyncIterator[interval_scheduler.Scheduler]:
    """Connect for the length of a block, to the namespace or the queue that the options name.

    Args:
        settings: the common options.
        create: make the namespace if it is new, and accept tasks, as a command that assigns some has to. Default: use
            only what is there, write nothing but what the command itself writes, and accept no tasks; so nobody sees
            the command among the schedulers.

    Yields:
        The scheduler.

    Raises:
        Ended: nothing says where Redis is.
        SchedulerError: as for `Scheduler.connect`.
    """
    namespace = scheduler_of(settings)
    used = namespace if settings.queue is None else namespace.queue(settings.queue)
    try:
        await namespace.connect(create=create)
        if create:
            await namespace.start_task_accept()
        yield used
    finally:
        await namespace.close()


async def task_of(settings: Settings, task_id: str) -> interval_scheduler.ScheduledTask:
    """Connect, and return a scheduled task.

    Raises:
        Ended: there is none with this id, or nothing says where Redis is.
        SchedulerError: as for `Scheduler.get_task`.
    """
    async with connected(settings) as scheduler:
        task = await scheduler.get_task(task_id)
    if task is None:
        raise no_task(task_id)
    return task


def no_task(task_id: str) -> Ended:
    """Return the end of a command whose task is not scheduled."""
    return Ended(NO, f"There is no task {task_id!r}.")


def actor_name() -> str:
    """Return who steers, for the log of actions."""
    import getpass  # noqa: PLC0415 - as `asyncio` above
    import socket  # noqa: PLC0415

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, a user id without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    name = "".join(each for each in f"{user}@{socket.gethostname()}" if each.isprintable())
    return name[:100]


def _logger(settings: Settings) -> logging.Logger:
    """Return a logger that says nothing unless the command is debugged: errors come as words of the command."""
    logger = logging.getLogger("interval_scheduler.cli")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler() if settings.debug else logging.NullHandler())
    logger.setLevel(logging.DEBUG if settings.debug else logging.CRITICAL)
    return logger

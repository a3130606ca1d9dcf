"""Connects a scheduler for one command, and runs the command in an event loop."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import interval_scheduler  # its names load when they are used: the help of a command needs no client

from ..environment import options_from
from .exits import TERMINATED
from .settings import Settings

_Result = TypeVar("_Result")


def run_async(call: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command's coroutine to its end. An interrupt and SIGTERM cancel it first, so that it can clean up."""
    return asyncio.run(_ended_by_sigterm(call))


async def _ended_by_sigterm(call: Coroutine[Any, Any, _Result]) -> _Result:
    task, before, was_told = asyncio.current_task(), signal.getsignal(signal.SIGTERM), False

    def end() -> None:
        nonlocal was_told
        was_told = True
        if task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, end)
    except (NotImplementedError, RuntimeError, ValueError):
        return await call  # Windows, or not the main thread: the process ends there and then
    try:
        return await call
    except asyncio.CancelledError:
        if was_told:
            raise SystemExit(TERMINATED) from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


def scheduler_of(settings: Settings) -> interval_scheduler.Scheduler:
    """Make the scheduler of the namespace, not yet connected.

    Raises:
        Ended: nothing says where Redis is.
        ConfigurationError: a URL or an option of the environment cannot be used.
    """
    urls = settings.checked_urls()
    options: Any = {"actor": _actor(), **options_from(os.environ)}
    options |= {"connect_timeout_seconds": settings.timeout, "operation_timeout_seconds": settings.timeout}
    if settings.namespace is not None:
        options["namespace"] = settings.namespace
    return interval_scheduler.Scheduler.from_url(*urls, logger=_logger(settings), **options)


@asynccontextmanager
async def connected(settings: Settings, *, create: bool = False) -> AsyncIterator[interval_scheduler.Scheduler]:
    """Connect for the length of a block, to the namespace or the queue that the options name.

    Args:
        settings: the common options.
        create: make the namespace if it is new. Default: use only what is there, and write nothing but what the
            command itself writes.

    Yields:
        The scheduler, which accepts tasks.

    Raises:
        Ended: nothing says where Redis is.
        SchedulerError: as for `Scheduler.connect`.
    """
    namespace = scheduler_of(settings)
    used = namespace if settings.queue is None else namespace.queue(settings.queue)
    try:
        await namespace.connect(create=create)
        await namespace.start_task_accept()
        yield used
    finally:
        await namespace.close()


def _actor() -> str:
    """Return who steers, for the log of actions."""
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

"""What a test may leave behind without failing by itself: tasks, threads, sockets, leases, complaints of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Final, Self

import pytest

from interval_scheduler import Scheduler
from interval_scheduler.storage.connection.client import open_client
from interval_scheduler.storage.scripts.keys import Keys
from tests.servers import keepers

#: What ends by itself soon after a test has this long for it, also on a machine that stands still for a while.
PATIENCE_SECONDS: Final = 20.0
_FILES: Final = "/proc/self/fd"


class Complaints(logging.Handler):
    """What asyncio can only log, there being nobody to raise it to.

    A task that was destroyed while it was pending, an exception that nobody retrieved, a callback that failed. They are
    written when the rubbish is collected, perhaps some tests later: then that test has the blame.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(self.format(record))

    def take(self) -> list[str]:
        """What was complained of since this was last called."""
        taken, self._found = self._found, []
        return taken

    def __enter__(self) -> Self:
        logging.getLogger("asyncio").addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        logging.getLogger("asyncio").removeHandler(self)


def open_sockets() -> set[str]:
    """The open sockets of this process, but those that keep ports for servers; none where the system does not tell."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for descriptor in os.listdir(_FILES):  # noqa: PTH208 - this is done twice a test, and a Path costs as much again
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(os.readlink(f"{_FILES}/{descriptor}"))  # noqa: PTH115 - likewise
    return {name for name in found if name.startswith("socket:")} - keepers()


@contextlib.contextmanager
def nothing_left(complaints: Complaints, retry_for_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Fail if a thread or a socket is left that was not there before, or if asyncio complained.

    To be left when the event loop of the block is closed, which has sockets and perhaps threads of its own.
    """
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    give_up_at = time.monotonic() + retry_for_seconds
    while True:
        left = [*map(repr, set(threading.enumerate()) - threads), *(open_sockets() - sockets)]
        if not left or time.monotonic() > give_up_at:
            break
        time.sleep(0.005)  # nothing tells that a thread or a socket is gone
    if left:
        pytest.fail(f"left behind: {', '.join(left)}")
    if complained := complaints.take():
        pytest.fail("asyncio complains:\n" + "\n".join(complained))


@contextlib.asynccontextmanager
async def no_tasks_left(retry_for_seconds: float = PATIENCE_SECONDS) -> AsyncIterator[None]:
    """Fail if a task of asyncio is left that was not there before."""
    before = asyncio.all_tasks()
    yield
    give_up_at = time.monotonic() + retry_for_seconds
    while left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        if time.monotonic() > give_up_at:
            pytest.fail(f"tasks left behind: {left}")
        await asyncio.sleep(0.005)  # they may end by themselves


async def leases_left(scheduler: Scheduler) -> dict[str, int]:
    """How many leases stand in each partition of a scheduler's namespace that has any; asked past the scheduler."""
    options = scheduler._options
    found = {}
    for instance in options.storage.instances:
        client = open_client(instance, options.storage)
        try:
            found[instance.partition_name] = await client.zcard(Keys(options.namespace, instance.partition_name).leased)
        finally:
            await client.aclose()
    return {name: count for name, count in found.items() if count}

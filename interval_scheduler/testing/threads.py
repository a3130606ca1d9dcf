"""Work in threads of anyio, for which the clock of a time machine waits; those of asyncio are counted by the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from anyio._backends._asyncio import AsyncIOBackend

from .moved_time import MovedTime


@contextmanager
def threads_of_anyio(moved: MovedTime) -> Iterator[None]:
    """Let time wait for `anyio.to_thread` for the length of a block; it has no public place to see its threads.

    Args:
        moved: the time of the machine.
    """
    real = AsyncIOBackend.run_sync_in_worker_thread

    async def run_sync(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if not moved.is_here():
            return await real(function, *args, **options)
        work = object()
        moved.begin_thread(work, getattr(function, "__qualname__", repr(function)))
        try:
            return await real(function, *args, **options)
        finally:
            moved.end_thread(work)

    with mock.patch.object(AsyncIOBackend, "run_sync_in_worker_thread", run_sync):
        yield

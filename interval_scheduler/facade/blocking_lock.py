"""A lock for the length of a plain `with` block.

One asyncio task enters and leaves the asynchronous block, as it must be, and waits in between for the plain one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from types import TracebackType

from ..errors import LockLost, NotConnected
from ..services.locks import Lock
from .event_loop_thread import wait
from .loop_thread import LoopThread


class BlockingLock(AbstractContextManager[Lock]):
    """The block of a lock.

    Args:
        thread: the thread of the scheduler.
        name: the name of the lock.
        lock: makes the asynchronous block, in that thread.
    """

    def __init__(self, thread: LoopThread, name: str, lock: Callable[[], AbstractAsyncContextManager[Lock]]) -> None:
        self._thread = thread
        self._name = name
        self._lock = lock
        self._left: Future[None] = Future()
        self._holding: Future[bool] | None = None

    def __enter__(self) -> Lock:
        entered: Future[Lock] = Future()
        left = self._left = Future()

        async def hold() -> bool:
            """Return True if the lock was held to the end of the block."""
            try:
                async with self._lock() as lock:
                    entered.set_result(lock)
                    await asyncio.wrap_future(left)
            except NotConnected:
                if entered.done():
                    return False
                raise
            return True

        def tell_failure(holding: Future[bool]) -> None:
            if not entered.done():
                if holding.cancelled():
                    entered.cancel()
                else:
                    entered.set_exception(holding.exception())

        holding = self._holding = Future()
        holding.add_done_callback(tell_failure)
        try:
            if self._thread.submit(hold, holding):
                return wait(entered)
        except BaseException:
            holding.cancel()
            raise
        raise NotConnected

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.check()
        with suppress(InvalidStateError):  # it is cancelled if the lock was lost
            self._left.set_result(None)
        is_held = False
        if self._holding is not None:
            with suppress(CancelledError):
                is_held = self._holding.result()
        if not is_held:
            raise LockLost(self._name, "was lost: the scheduler was closed in the block")

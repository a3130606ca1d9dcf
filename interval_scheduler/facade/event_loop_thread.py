"""One thread with one event loop, from its start to its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import NotConnected
from ..support.guests import ends_process, retrieve

Result = TypeVar("Result")


class EventLoopThread:
    """One thread, from its start to its end.

    Args:
        tell: called in the thread if its event loop ends by an error.
    """

    def __init__(self, tell: Callable[[EventLoopThread, BaseException], None]) -> None:
        self._tell = tell
        self._calls: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._closing = asyncio.Event()
        #: True once the event loop ends, which cancels the calls that began before.
        self._is_over = False
        #: True if the scheduler was closed, so that the event loop ends.
        self.is_left = False
        self.thread = threading.Thread(target=self._main, name="BlockingScheduler", daemon=True)
        try:
            self.thread.start()
            self._loop = self._ready.result()
        except BaseException:
            self._ready.add_done_callback(self._end_once_ready)  # an interrupt: nobody knows this thread
            raise

    def submit(self, coroutine: Coroutine[Any, Any, Result], future: Future[Result]) -> None:
        """Begin a call; the future tells its end, and a cancel of the future cancels it.

        Raises:
            NotConnected: the event loop has ended.
        """
        self._calls[future] = coroutine
        future.add_done_callback(self._calls.pop)
        try:
            self._loop.call_soon_threadsafe(self._begin, coroutine, future)
        except RuntimeError:  # the event loop is closed
            coroutine.close()
            raise NotConnected from None
        if self._loop.is_closed():
            self._give_up()

    def _begin(self, coroutine: Coroutine[Any, Any, Result], future: Future[Result]) -> None:
        """Start a call in the event loop, and tie its end to the future, and the cancel of the future to it."""
        if self._is_over:
            future.cancel()
        if future.cancelled():
            coroutine.close()
            return
        task = self._loop.create_task(_carry(coroutine, future))

        def ended(_: asyncio.Task[None]) -> None:
            retrieve(task)
            if not future.done():  # it was cancelled before it began
                future.cancel()
                coroutine.close()

        def cancelled(_: Future[Result]) -> None:
            if future.cancelled() and not task.done():
                with suppress(RuntimeError):  # the event loop is closed, and so its tasks have ended
                    self._loop.call_soon_threadsafe(task.cancel)

        task.add_done_callback(ended)
        future.add_done_callback(cancelled)

    def _give_up(self) -> None:
        """End the calls that were handed over too late for the last turn of the event loop."""
        for future, coroutine in list(self._calls.items()):
            if future.cancel():
                coroutine.close()

    def _end_once_ready(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        if ready.exception() is None:
            ready.result().call_soon_threadsafe(self._closing.set)

    def end(self) -> None:
        """Let the event loop end, without waiting."""
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._closing.set)

    async def _serve(self) -> None:
        self._ready.set_result(asyncio.get_running_loop())
        await self._closing.wait()
        self._is_over = True

    def _main(self) -> None:
        try:
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._serve())
                except BaseException as error:  # SystemExit too must not end unannounced
                    if not self._ready.done():
                        raise
                    self._is_over = True
                    self._tell(self, error)
                    # Calls that were handed over before this was told get a turn, in which they are refused.
                    with suppress(BaseException):
                        runner.run(asyncio.sleep(0))
        except BaseException as error:  # noqa: BLE001 - whoever connects waits for it
            if not self._ready.done():  # there is no event loop: perhaps no file descriptor is left
                self._ready.set_exception(error)
            else:
                self._tell(self, error)
        finally:
            self._give_up()


def wait(future: Future[Result]) -> Result:
    """Wait for a call.

    Raises:
        NotConnected: the event loop ended before the call.
    """
    try:
        return future.result()
    except CancelledError:
        raise NotConnected from None


async def _carry(coroutine: Coroutine[Any, Any, Result], future: Future[Result]) -> None:
    """Carry a call out and tell its end. Not by a callback: the event loop may end before it gets a turn for that."""
    me = asyncio.current_task()
    try:
        result = await coroutine
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and me is not None and me.cancelling():
            future.cancel()
            raise
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
        if ends_process(error) is not None:
            raise
    else:
        if future.set_running_or_notify_cancel():
            future.set_result(result)

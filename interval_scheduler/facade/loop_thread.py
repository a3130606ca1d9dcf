"""A thread with an event loop of its own, to which other threads hand their calls.

::

    none ──first start──▶ running ──stop──▶ none
                            │
                            └─ its event loop ends (SystemExit) ─▶ none

Where the event loop ends, calls that still wait raise `NotConnected`. The portal of anyio (`start_blocking_portal`)
does most of this. It hands each call over twice, may wait for ever for an event loop that ends meanwhile, and hangs at
the exit of the interpreter if nobody closed it: so it is not used.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from time import monotonic
from typing import Any, Final, TypeVar

from ..errors import NotConnected, WouldDeadlock, WrongEventLoop
from ..services.lifespan import EventLoopEnds
from ..support.log import Log

Result = TypeVar("Result")
Call = Callable[[], Coroutine[Any, Any, Result]]

FROM_INSIDE: Final = (
    "would wait for itself: this is the thread of the BlockingScheduler, in which event handlers and coroutine "
    "functions run. Make the executor a plain function, which may call it, or call it in another thread"
)
AFTER_FORK: Final = (
    "would wait for ever: this BlockingScheduler was connected before the process forked, and its thread runs in the "
    "parent only. Make one in each process, or connect it after the fork"
)
#: The time, in seconds, for which a thread that ends is waited for.
END_SECONDS: Final = 5.0
#: The time, in seconds, for which the exit of the interpreter waits for the threads that nobody stopped.
EXIT_SECONDS: Final = 2.0


class LoopThread:
    """A daemon thread with an event loop.

    Args:
        log: the log for a thread that ends without being asked to.
        at_exit: what is carried out in the event loop if the interpreter exits before `stop`.
    """

    def __init__(self, log: Log, at_exit: Call[object]) -> None:
        self._log = log
        self.at_exit: Final = at_exit
        self._changing = threading.Lock()
        self._current: _Running | None = None
        #: The last one whose event loop ended by itself; it still holds the connection until its thread has ended.
        self._ending: _Running | None = None
        #: The process of the thread; it is set before the thread is.
        self._process: int | None = None

    def check(self) -> None:
        """Check that a call could end.

        Raises:
            WouldDeadlock: this is the thread itself, or another process than that of the thread.
        """
        if self._process is not None and self._process != os.getpid():
            raise WouldDeadlock(AFTER_FORK)
        running = self._current
        if running is not None and running.thread is threading.current_thread():
            raise WouldDeadlock(FROM_INSIDE)

    def call(self, call: Call[Result], *, start: bool = False) -> Result:
        """Carry a call out in the event loop, and wait for its end; if this is interrupted, the call is cancelled.

        Args:
            call: makes the coroutine.
            start: start the thread if there is none. Default: carry the call out here, since nothing is connected.

        Raises:
            WouldDeadlock: see `check`.
            NotConnected: the event loop ended before the call.
        """
        while True:
            future: Future[Result] = Future()
            running: _Running | None = None
            try:
                running = self.submit(call, future, start=start)
                if running is None:
                    break
                return wait(future)
            except NotConnected as error:
                if not start or running is None or not (running.is_left or isinstance(error, EventLoopEnds)):
                    raise
                running.thread.join(END_SECONDS)  # the scheduler was closed meanwhile: again, in a new event loop
            except BaseException:
                future.cancel()  # wherever this was interrupted, the call does not go on
                raise
        return _without_loop(call)

    def submit(self, call: Call[Result], future: Future[Result], *, start: bool = False) -> _Running | None:
        """Begin a call in the event loop, whose end `future` tells; cancelling that one cancels the call.

        Args:
            call: makes the coroutine.
            future: tells the result, the error or the cancel.
            start: start the thread if there is none.

        Returns:
            The thread of the event loop; `None` if there is none, and it is not to be started.

        Raises:
            WouldDeadlock: see `check`.
            NotConnected: the event loop has ended.
        """
        self.check()
        with self._changing:
            if self._current is None:
                if not start:
                    return None
                if self._ending is not None:
                    self._ending.thread.join(END_SECONDS)
                    self._ending = None
                self._process = os.getpid()
                self._current = _Running(self._ended)
                _running.add(self)
            running = self._current
            running.submit(call(), future)
            return running

    def stop(self, seconds: float) -> None:
        """End the event loop, cancelling what is left in it; wait for at most `seconds`."""
        with self._changing:
            running, self._current = self._current, None
            self._process = None
            _running.discard(self)
            if running is None:
                return
            self._ending = running
            running.is_left = True
            running.end()
        running.thread.join(seconds)
        if running.thread.is_alive():
            self._log.warning("the thread of a BlockingScheduler did not end within %g s, and is left alone", seconds)

    def leave(self) -> None:
        """End the event loop from inside of it, without waiting; the next start waits for the thread."""
        with self._changing:
            running, self._current = self._current, None
            self._process = None
            self._ending = running
            _running.discard(self)
        if running is not None:
            running.is_left = True
            running.end()

    def _ended(self, running: _Running, error: BaseException) -> None:
        """Tell of an event loop that ended although it was not to end."""
        with self._changing:
            if self._current is running:
                self._current = self._process = None
                self._ending = running
                _running.discard(self)
        self._log.error("the thread of a BlockingScheduler ended by %s: %s", type(error).__name__, error)


class _Running:
    """One thread, from its start to its end.

    Args:
        tell: called in the thread if its event loop ends by an error.
    """

    def __init__(self, tell: Callable[[_Running, BaseException], None]) -> None:
        self._tell = tell
        self._calls: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._closing = asyncio.Event()
        #: True if the scheduler was closed, so that the event loop ends.
        self.is_left = False
        self.thread = threading.Thread(target=self._main, name="BlockingScheduler", daemon=True)
        self.thread.start()
        try:
            self._loop = self._ready.result()
        except BaseException:
            self._ready.add_done_callback(self._end_once_ready)  # an interrupt: nobody knows this thread
            raise

    def submit(self, coroutine: Coroutine[Any, Any, Result], future: Future[Result]) -> None:
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
        if future.cancelled():
            coroutine.close()
            return
        task = self._loop.create_task(coroutine)

        def ended(_: asyncio.Task[Result]) -> None:
            if task.cancelled() and task.cancelling():
                future.cancel()
                return
            waited_for = future.set_running_or_notify_cancel()
            try:
                result = task.result()
            except BaseException as error:  # noqa: BLE001 - also a CancelledError that code of the application raised
                if waited_for:
                    future.set_exception(error)
            else:
                if waited_for:
                    future.set_result(result)

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
        self._loop.call_soon_threadsafe(self._closing.set)

    async def _serve(self) -> None:
        self._ready.set_result(asyncio.get_running_loop())
        await self._closing.wait()

    def _main(self) -> None:
        try:
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._serve())
                except BaseException as error:  # SystemExit too must not end unannounced
                    if not self._ready.done():
                        raise
                    self._tell(self, error)
                    # Calls that were handed over before this was told get a turn, to be cancelled as the others.
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


def _without_loop(call: Call[Result]) -> Result:
    """Carry a call out of a scheduler that is not connected: it ends without ever waiting."""
    coroutine = call()
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    except WrongEventLoop:
        raise NotConnected from None  # it was connected just now, by another thread
    coroutine.close()
    raise NotConnected


_running: Final[set[LoopThread]] = set()


def _stop_all() -> None:
    """End quietly what nobody closed: hand tasks back if that goes quickly."""
    give_up_at = monotonic() + EXIT_SECONDS
    begun = []
    for each in list(_running):
        future: Future[object] = Future()
        try:
            if each.submit(each.at_exit, future):
                begun.append((each, future))
        except (WouldDeadlock, NotConnected):  # of the parent process, or it is ending
            continue
    for each, future in begun:
        with suppress(CancelledError, TimeoutError):
            future.exception(max(0.0, give_up_at - monotonic()))
        each.stop(max(0.1, give_up_at - monotonic()))


atexit.register(_stop_all)

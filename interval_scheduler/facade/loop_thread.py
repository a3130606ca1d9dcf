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

import atexit
import concurrent.futures.thread  # noqa: F401 - it registers its own end, which has to come after that of this file
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
from .event_loop_thread import EventLoopThread, wait

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
        self._current: EventLoopThread | None = None
        #: The last one whose event loop ended by itself; it still holds the connection until its thread has ended.
        self._ending: EventLoopThread | None = None
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
            running: EventLoopThread | None = None
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

    def submit(self, call: Call[Result], future: Future[Result], *, start: bool = False) -> EventLoopThread | None:
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
                self._current = EventLoopThread(self._ended)
                _running.add(self)
            running = self._current
            running.submit(call(), future)
            return running

    def close(self, call: Call[bool], seconds: float, otherwise: Callable[[], object]) -> None:
        """Carry out a call that closes, and end the event loop that carried it out, if the call returns True.

        Args:
            call: makes the coroutine.
            seconds: the longest time to wait for the end of the thread.
            otherwise: called if there is no event loop; no other one is started meanwhile.

        Raises:
            WouldDeadlock: see `check`.
        """
        self.check()
        with self._changing:
            if self._current is None:
                otherwise()
                return
        future: Future[bool] = Future()
        running: EventLoopThread | None = None
        is_closed = True
        try:
            running = self.submit(call, future)
            is_closed = running is None or wait(future)
        except NotConnected:  # another thread closed it too, and was quicker
            pass
        except BaseException:
            future.cancel()
            raise
        finally:
            if running is not None and is_closed:
                self.stop(running, seconds)

    def stop(self, running: EventLoopThread, seconds: float) -> None:
        """End an event loop, cancelling what is left in it; wait for at most `seconds`."""
        running.end()
        with self._changing:
            if self._current is running:
                self._take(running)
        running.thread.join(seconds)
        if running.thread.is_alive():
            self._log.warning("the thread of a BlockingScheduler did not end within %g s, and is left alone", seconds)

    def leave(self) -> None:
        """End the event loop from inside of it, without waiting; the next start waits for the thread."""
        with self._changing:
            running = self._current
            if running is None or running.thread is not threading.current_thread():
                return  # it was ended before, and another one may have been started since
            self._take(running)
        running.end()

    def _take(self, running: EventLoopThread) -> None:
        """Take the thread that is in use out of use, so that the next start waits for its end and makes another."""
        self._current = self._process = None
        self._ending = running
        running.is_left = True
        _running.discard(self)

    def _ended(self, running: EventLoopThread, error: BaseException) -> None:
        """Tell of an event loop that ended although it was not to end."""
        with self._changing:
            if self._current is running:
                self._take(running)
                running.is_left = False  # nobody closed the scheduler: calls that wait are told
        self._log.error("the thread of a BlockingScheduler ended by %s: %s", type(error).__name__, error)


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
            if (running := each.submit(each.at_exit, future)) is not None:
                begun.append((each, running, future))
        except (WouldDeadlock, NotConnected):  # of the parent process, or it is ending
            continue
    for each, running, future in begun:
        with suppress(CancelledError, TimeoutError):
            future.exception(max(0.0, give_up_at - monotonic()))
        each.stop(running, max(0.1, give_up_at - monotonic()))


# As the pools of threads do, which are used by runs: what is registered last is called first. With atexit alone, runs
# would go on, and fail, while the pools have ended. The name is private; without it, they do.
getattr(threading, "_register_atexit", atexit.register)(_stop_all)

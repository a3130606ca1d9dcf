"""Events for the application, delivered so that no handler can block, break or outgrow the scheduler.

::

    emit ──▶ a function: called at once
        └──▶ a coroutine function: an asyncio task of its own ──▶ ended
                 │ too many in progress           │ the scheduler closes: waited for within the drain, then cancelled
              left out, counted

Each handler is called in a copy of the context in which it was registered, not in that of the run that it is told of.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import Context, ContextVar, copy_context
from threading import get_ident
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from ..errors import InvalidType, InvalidValue
from .arity import check_arity
from .guests import call_apart, ends_process, is_called_by, retrieve
from .log import GuardedLog
from .loops import running_loop
from .text import describe

#: The names of the events; see `Scheduler.on`.
EventName = Literal[
    "online",
    "offline",
    "db-disconnect",
    "db-reconnect",
    "data-lost",
    "clock-jump",
    "run",
    "run-error",
    "run-skipped",
    "stuck",
    "stopped",
]
EVENT_NAMES: Final[tuple[EventName, ...]] = get_args(EventName)
#: The arguments that the handlers of each event are called with, in words.
ARGUMENTS: Final[Mapping[EventName, tuple[str, ...]]] = {
    "online": (),
    "offline": (),
    "db-disconnect": ("the name of the partition",),
    "db-reconnect": ("the name of the partition",),
    "data-lost": ("the name of the partition",),
    "clock-jump": ("the name of the partition", "the seconds of the jump"),
    "run": ("the TaskRun",),
    "run-error": ("the TaskRun", "the error"),
    "run-skipped": ("the TaskRun",),
    "stuck": ("the number of runs", "the longest TaskRun", "its seconds"),
    "stopped": ("the error",),
}
#: The most asynchronous handlers in progress; the calls of others are left out, and counted.
MAX_IN_PROGRESS: Final = 1000
#: The time that a cancelled handler may take to end, in seconds.
_GRACE_SECONDS: Final = 1.0

Handler = Callable[..., object]

#: The handler in whose context the caller is.
_handler: Final[ContextVar[asyncio.Task[Any] | None]] = ContextVar("interval_scheduler_handler")


class _Listener(NamedTuple):
    handler: Handler
    context: Context


class Events:
    """Handlers by event.

    Args:
        log: the log; it tells of handlers that raise, are left out, or are cancelled.
    """

    def __init__(self, log: GuardedLog) -> None:
        self._log = log
        self._listeners: dict[str, list[_Listener]] = {name: [] for name in EVENT_NAMES}
        self._in_progress: dict[asyncio.Task[None], tuple[str, Coroutine[Any, Any, object]]] = {}
        #: Those of them that wait for the end of a close.
        self._closers: list[asyncio.Task[Any] | None] = []
        self._changed = asyncio.Event()
        self._is_open = False
        self._closing = False
        #: The event loop in which this was opened, and its thread.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        #: The number of calls of asynchronous handlers that were left out, since too many were in progress.
        self.left_out = 0

    def open(self) -> None:
        """Start asynchronous handlers from now on."""
        self._is_open, self._closing = True, False
        self._changed = asyncio.Event()
        self._loop, self._thread = asyncio.get_running_loop(), get_ident()
        for task in [task for task in self._in_progress if task.get_loop() is not self._loop]:
            del self._in_progress[task]  # it was left behind in a closed event loop

    def close(self) -> None:
        """Leave out asynchronous handlers from now on."""
        self._is_open = False

    async def drain(self, seconds: float) -> None:
        """Wait for the asynchronous handlers, also for those that start meanwhile; cancel those that take longer.

        None is started afterwards.

        Args:
            seconds: the time that they have.
        """
        changed = self._changed
        if self._others():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self._others() and changed is self._changed:
                        changed.clear()
                        await changed.wait()
        if changed is not self._changed:
            return  # it was opened anew: those who wait now belong to another connection
        self._is_open = False
        if late := self._others():
            names = Counter(self._in_progress[task][0] for task in late)
            shown = ", ".join(f"{count} of {name!r}" for name, count in sorted(names.items()))
            self._log.warning("handlers of events are cancelled, since they did not end in %.1f s: %s", seconds, shown)
            self._closing = True
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=_GRACE_SECONDS)

    def is_called_inside_handler(self) -> bool:
        """Tell if the caller is an asynchronous handler that has not ended, or an asyncio task that it started."""
        return _handler.get(None) in self._in_progress

    @contextlib.contextmanager
    def waiting_for_close(self) -> Iterator[None]:
        """Let the drain wait for no handler that is in this block: it waits for the end of the drain itself."""
        if not self.is_called_inside_handler():
            yield
            return
        handler = _handler.get(None)
        self._closers.append(handler)
        self._changed.set()
        try:
            yield
        finally:
            self._closers.remove(handler)

    def _others(self) -> list[asyncio.Task[None]]:
        return [task for task in self._in_progress if task not in self._closers]

    def on(self, event: EventName, handler: Handler) -> Callable[[], None]:
        """Add a handler; return a function that removes it.

        Raises:
            InvalidValue: there is no such event.
            InvalidType: the handler cannot be called, or not with the arguments of the event.
        """
        if event not in self._listeners:
            raise InvalidValue("event", f"must be one of {', '.join(EVENT_NAMES)}, got {event!r}")
        if not callable(handler):
            raise InvalidType("handler", f"must be a function, not {type(handler).__name__}")
        check_arity("handler", handler, ARGUMENTS[event], f" at the event {event!r}")
        listener = _Listener(handler, copy_context())
        self._listeners[event].append(listener)

        def off() -> None:
            listeners = self._listeners[event]
            listeners[:] = [each for each in listeners if each is not listener]

        return off

    def listening(self, event: EventName) -> Sequence[object]:
        """Return the listeners of an event as a live view: those of frequent events are looked at for each run."""
        return self._listeners[event]

    def emit(self, event: EventName, *args: object) -> None:
        """Call the handlers of an event; asynchronous ones run on their own."""
        loop = self._loop
        if loop is None or get_ident() != self._thread or not loop.is_running():  # as where this is not open
            loop = running_loop()
        for handler, context in tuple(self._listeners[event]):
            try:
                result = call_apart(loop, context.copy().run, handler, *args)
                # It asks for the class, which may raise; of what most functions return, it is known.
                is_coroutine = result is not None and inspect.iscoroutine(result)
            except BaseException as error:  # noqa: BLE001 - the application's handler, whatever it raises
                self._failed(event, error)
                continue
            if is_coroutine:
                self._start(event, cast("Coroutine[Any, Any, object]", result), context)

    def _start(self, event: str, coroutine: Coroutine[Any, Any, object], context: Context) -> None:
        if not self._is_open:
            coroutine.close()
        elif len(self._in_progress) >= MAX_IN_PROGRESS:
            coroutine.close()
            self.left_out += 1
            if self.left_out & (self.left_out - 1) == 0:  # the first one, and whenever the number has doubled
                self._log.warning(
                    "a handler of the event %r was left out, since %d handlers are in progress: %d were so far",
                    event,
                    MAX_IN_PROGRESS,
                    self.left_out,
                )
        else:
            guarded = self._guarded(event, coroutine)
            task = asyncio.get_running_loop().create_task(
                guarded, name="interval_scheduler handler", context=context.copy()
            )
            self._in_progress[task] = event, coroutine
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task in self._in_progress:
            self._in_progress.pop(task)[1].close()  # it may have been cancelled before it began
            self._changed.set()
        retrieve(task)

    async def _guarded(self, event: str, coroutine: Coroutine[Any, Any, object]) -> None:
        me = asyncio.current_task()
        _handler.set(me)
        try:
            await coroutine
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and self._closing:
                raise
            if isinstance(error, GeneratorExit) and not is_called_by(me):
                raise
            self._failed(event, error)

    def _failed(self, event: str, error: BaseException) -> None:
        if (fatal := ends_process(error)) is not None:
            raise fatal
        self._log.error("a handler of the event %r failed: %s", event, describe(error), exc_info=error)

"""Events for the application, delivered so that no handler can block or break the scheduler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Literal, get_args

from ..errors import InvalidType, InvalidValue
from .log import Log

EventName = Literal["online", "offline", "db-disconnect", "db-reconnect", "clock-jump", "run", "run-error"]
EVENT_NAMES: Final[tuple[EventName, ...]] = get_args(EventName)

Handler = Callable[..., object]
#: A function that starts a coroutine in the background.
Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]


class Events:
    """The handlers of the events.

    Args:
        log: the log for handlers that raise.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._handlers: dict[str, list[Handler]] = {name: [] for name in EVENT_NAMES}
        self._spawn: Spawn | None = None

    def attach(self, spawn: Spawn) -> None:
        """Start the coroutines of asynchronous handlers by `spawn` from now on."""
        self._spawn = spawn

    def detach(self) -> None:
        """Leave out asynchronous handlers from now on."""
        self._spawn = None

    def on(self, event: str, handler: Handler) -> Callable[[], None]:
        """Add a handler; return a function that removes it.

        Raises:
            InvalidValue: there is no such event.
            InvalidType: the handler cannot be called.
        """
        if event not in self._handlers:
            raise InvalidValue("event", f"must be one of {', '.join(EVENT_NAMES)}, got {event!r}")
        if not callable(handler):
            raise InvalidType("handler", f"must be a function, not {type(handler).__name__}")
        self._handlers[event].append(handler)

        def off() -> None:
            if handler in self._handlers[event]:
                self._handlers[event].remove(handler)

        return off

    def listening(self, event: EventName) -> Sequence[Handler]:
        """Return a live view of the handlers of an event: a frequent event is made only if it has handlers."""
        return self._handlers[event]

    def emit(self, event: EventName, *args: object) -> None:
        """Call the handlers of an event; asynchronous handlers run in the background."""
        for handler in list(self._handlers[event]):
            try:
                result = handler(*args)
            except Exception as error:  # noqa: BLE001 - a handler of the application may raise anything
                self._failed(event, error)
                continue
            if inspect.iscoroutine(result):
                if self._spawn is None:
                    result.close()
                else:
                    self._start(event, result)

    def _start(self, event: str, coroutine: Coroutine[Any, Any, object]) -> None:
        async def guarded() -> None:
            try:
                await coroutine
            except Exception as error:  # noqa: BLE001 - a handler of the application may raise anything
                self._failed(event, error)

        if self._spawn is not None:
            self._spawn(guarded)

    def _failed(self, event: str, error: Exception) -> None:
        self._log.error("a handler of the event %r failed: %s: %s", event, type(error).__name__, error)

"""The orders that a worker process has got: to drain, and to cut its runs short.

An order is a level and no event: who gives one twice changes nothing. So a process that gets SIGTERM from a service
manager, and the same order from its supervisor, drains. Only the supervisor counts signals.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ...worker.signals import Signals


class Orders:
    """Orders from another thread or from a signal handler, on their way to the worker in its event loop."""

    def __init__(self) -> None:
        self.is_draining = False
        self.is_cutting = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signals: Signals | None = None

    def drain(self) -> None:
        """Let the worker end: nothing more is claimed, and runs in progress may end."""
        self.is_draining = True
        self._hand_on()

    def cut(self) -> None:
        """Cut runs in progress short."""
        self.is_draining = self.is_cutting = True
        self._hand_on()

    def obeyed_by(self, signals: Signals) -> None:
        """Hand all orders, those of before too, to a worker that is about to run in this event loop."""
        self._signals = signals
        self._loop = asyncio.get_running_loop()
        self._apply()

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the event loop of the worker, unless there is none."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it was closed: the worker has ended
                loop.call_soon_threadsafe(function)

    def _hand_on(self) -> None:
        self.call(self._apply)

    def _apply(self) -> None:
        signals = self._signals
        if signals is not None and self.is_draining:
            signals.stop.set()
        if signals is not None and self.is_cutting:
            signals.at_once.set()

"""The signals that end a worker process: the first one lets runs end, the second one cuts them short."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: Asked for by a service manager, and by a person at the keyboard.
ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """The requests that came by signals so far."""

    def __init__(self) -> None:
        #: Set by the first signal.
        self.stop = asyncio.Event()
        #: Set by the second one.
        self.at_once = asyncio.Event()
        #: Lets signals do what they did before.
        self.release: Callable[[], object] = bool

    def note(self) -> None:
        """Take note of one signal."""
        if not self.stop.is_set():
            self.stop.set()
        else:
            self.at_once.set()
            self.release()  # what hangs all the same is ended by a further SIGTERM


@contextmanager
def signals_noted() -> Iterator[Signals]:
    """Take note of the signals for the length of a block; they do nothing else meanwhile.

    Outside of the main thread, and where the event loop knows no signals, they do what they did before.
    """
    noted, loop, taken = Signals(), asyncio.get_running_loop(), []
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        try:
            loop.add_signal_handler(number, noted.note)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows; another thread, by asyncio and by uvloop
            break  # the worker goes on without signals: whoever started it in such a place ends it by a cancel
        taken.append(number)

    def release() -> None:
        while taken:
            number = taken.pop()
            loop.remove_signal_handler(number)
            signal.signal(number, before[number] or signal.SIG_DFL)

    noted.release = release
    try:
        yield noted
    finally:
        release()

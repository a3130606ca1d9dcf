"""Requests to move the clock of a time machine, and words for what waits."""

from __future__ import annotations

import asyncio
import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .. import ClockStuck

#: The folders of code that is not the application's own.
_OTHERS: Final = (*(sysconfig.get_path(name) for name in ("stdlib", "purelib")), f"{Path(__file__).parents[1]}{os.sep}")


class Wish:
    """A request to move to a moment.

    Args:
        target: the moment, in seconds of the machine's event loop.
        reached: done when it is reached, and all that is due until then has run.
    """

    def __init__(self, target: float, reached: asyncio.Future[None]) -> None:
        self.target: Final = target
        self.reached: Final = reached

    def fail(self, error: ClockStuck) -> None:
        """End the wish by an error."""
        if not self.reached.done():
            self.reached.set_exception(error)


class Journey:
    """A call during which time moves whenever nothing else goes on.

    Args:
        task: the asyncio task that waits for the call.
        limit: the last moment of the journey.
    """

    def __init__(self, task: asyncio.Task[Any], limit: float) -> None:
        self.task: Final = task
        self.limit: Final = limit
        self.error: ClockStuck | None = None

    def fail(self, error: ClockStuck) -> None:
        """Cancel the call; whoever waits for it gets the error."""
        if self.error is None:
            self.error = error
            self.task.cancel(str(error))


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function; of what is in it, if asyncio wrapped it."""
    while (args := getattr(function, "args", ())) and callable(args[0]):  # asyncio.to_thread: partial(context.run, f)
        function = args[0]
    return getattr(function, "__qualname__", repr(function))


def where(task: asyncio.Task[Any]) -> str:
    """Tell the place at which an asyncio task waits: the innermost of the application's own."""
    frames = []
    waiting: Any = task.get_coro()
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        frames.append(frame)
        waiting = waiting.cr_await
    if not frames:
        return f"see {task.get_name()}"
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(_OTHERS)]
    frame = (own or frames)[-1]
    return f"{frame.f_code.co_qualname} waits at {frame.f_code.co_filename}:{frame.f_lineno}"

"""The home of a scheduler, which is the event loop that connected it: who may call, and the words for who may not.

::

    none ──connect──▶ home ──close──▶ none
                       │
                       └─ its event loop is closed ─▶ left behind ──connect, close, start or stop elsewhere──▶ none
"""

from __future__ import annotations

import asyncio
from typing import Final

from ..errors import WrongEventLoop
from ..support.loops import running_loop

_IN_TESTS: Final = "in tests, give the fixture and the tests one event loop (pytest-asyncio: loop_scope)"
ELSEWHERE: Final = (
    "wrong event loop: this scheduler belongs to the one that connected it, and nothing was changed. From a thread, "
    "use asyncio.run_coroutine_threadsafe(call, loop) or anyio.from_thread.run; in code without an event loop, use a "
    f"BlockingScheduler; {_IN_TESTS}"
)
CLOSED: Final = (
    "wrong event loop: the one that connected this scheduler was closed before close() was called, and the connections "
    f"ended with it. Call connect() or start_task_accept() to connect in this one; {_IN_TESTS}"
)


def check_home(host: asyncio.Task[None] | None) -> None:
    """Raise if a connection is used from outside of its event loop.

    Args:
        host: the asyncio task that holds the connection; `None` if there is no connection.

    Raises:
        WrongEventLoop: another event loop, or none, runs here.
    """
    if host is not None and (home := host.get_loop()) is not running_loop():
        if home.is_closed():
            raise WrongEventLoop(CLOSED)
        if not host.done():
            raise WrongEventLoop(ELSEWHERE)


def is_left_behind(host: asyncio.Task[None] | None) -> bool:
    """Tell if the event loop of a connection was closed before the connection was."""
    return host is not None and host.get_loop().is_closed()

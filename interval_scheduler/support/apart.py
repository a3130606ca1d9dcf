"""Does work that waits in a thread of its own, which ends with it.

The threads of an event loop may be full of the application's own work, for as long as it likes. These threads are
daemons, so work that hangs does not keep the interpreter from its end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def begin(work: Callable[[], Result], name: str) -> Future[Result]:
    """Begin work in a thread of its own, and return its result to come; raise `OSError` if there is no thread."""
    begun: Future[Result] = Future()
    begun.set_running_or_notify_cancel()  # from now on, one who is cancelled does not cancel it for others

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            begun.set_exception(error)
        else:
            begun.set_result(result)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:  # the system has no thread for us
        raise OSError(str(error)) from None
    return begun

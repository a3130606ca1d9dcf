"""A log whose reader nobody waits for: lines are written in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
from typing import Final

from .spec import HELD_BACK

#: The lines that wait to be written; what finds no room among them is lost.
_MOST_LINES: Final = 1000
#: The longest time for them at the end.
_END_SECONDS: Final = 1.0


class ApartHandler(logging.Handler):
    """Writes lines to a descriptor.

    A write to a pipe that is full waits for whoever reads it, perhaps for ever. The supervisor must not: it could not
    end its processes then.

    Args:
        descriptor: the number of the open file.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(_MOST_LINES)
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line where the thread finds it."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{self.format(record)}\n".encode(errors="backslashreplace"))

    def flush(self) -> None:
        """Wait until all is written, for a moment."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, _END_SECONDS)

    def _write(self) -> None:
        # The first thread takes the signals, and blocks them once all has ended: one that came here would still kill.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        # Not through `sys.stderr`: its lock would be held when the process ends, and Python aborts then.
        while True:
            line = self._lines.get()
            with contextlib.suppress(OSError):  # who reads it is gone: there is nobody to tell
                while line:
                    line = line[os.write(self._descriptor, line) :]
            self._lines.task_done()

"""A command on a terminal of its own, a real pty: what it shows, what is typed, and how it leaves the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from tests.cli.conftest import DEADLINE_SECONDS

#: What steers a terminal, and is no text.
_STEERING = re.compile(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()][A-Z0-9]|[=>78]|\][^\x07\x1b]*(\x07|\x1b\\\\))")
#: A command that shows its progress at once; otherwise not before it takes a while.
AT_ONCE: Final = """\
from interval_scheduler.cli import main
from interval_scheduler.cli.output import progress
progress._EVERY = 0
main()
"""


class Terminal:
    """A command that runs on a terminal; it is killed at the end at the latest.

    Args:
        *words: the words of the command.
        lines: the height of the terminal.
        columns: its width.
        pipes_results: results go into a pipe, and only words to the terminal.
        shows_at_once: progress is shown at once.
        **environment: further variables.
    """

    def __init__(
        self,
        *words: str,
        lines: int = 24,
        columns: int = 80,
        pipes_results: bool = False,
        shows_at_once: bool = False,
        **environment: str,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        #: The modes of the terminal before the command began.
        self.before: list[Any] = termios.tcgetattr(self._ours)
        self._shown = b""
        # Nothing of the environment of the tests is a setting of it, nor the size of the terminal.
        settings = ("INTERVAL_SCHEDULER_", "COLUMNS", "LINES", "NO_COLOR")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
        self._process = subprocess.Popen(
            [sys.executable, *(("-c", AT_ONCE) if shows_at_once else ("-m", "interval_scheduler.cli")), *words],
            stdin=theirs,
            stdout=subprocess.PIPE if pipes_results else theirs,
            stderr=theirs,
            start_new_session=True,
            env={**inherited, "TERM": "xterm-256color", "TZ": "UTC", **environment},
        )
        # It stays open, so that its modes can be asked for after the command has ended.
        self._theirs = theirs

    @property
    def raw(self) -> str:
        """All that the command wrote."""
        return self._shown.decode(errors="replace")

    @property
    def text(self) -> str:
        """The same without what steers the terminal."""
        return _STEERING.sub("", self.raw)

    @property
    def modes(self) -> list[Any]:
        """The modes of the terminal."""
        return termios.tcgetattr(self._ours)

    def results(self) -> str:
        """Read the results of a command that has ended, if they went into a pipe."""
        assert self._process.stdout is not None
        return self._process.stdout.read().decode()

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def interrupt(self, number: int) -> int:
        """Send a signal until the command ends: one that comes just before it reads is heard with the next.

        Not soon: one that comes while it ends could have it end in another way.
        """
        for _ in range(3):
            self.signal(number)
            with suppress(subprocess.TimeoutExpired):  # it goes on: it gets another signal
                return self._process.wait(DEADLINE_SECONDS / 3)
        raise AssertionError(self.text)

    def until(self, words: str) -> None:
        """Wait until the command has shown a text."""
        give_up_at = time.monotonic() + DEADLINE_SECONDS
        while words not in self.text:
            assert time.monotonic() < give_up_at, f"it did not show {words!r} but {self.text[-2000:]!r}"
            self._read()

    def wait(self) -> int:
        """Wait until the command has ended; its exit code."""
        give_up_at = time.monotonic() + DEADLINE_SECONDS
        while self._process.poll() is None:
            assert time.monotonic() < give_up_at, f"it did not end: {self.text[-2000:]!r}"
            self._read()
        while self._read(0):
            pass
        return self._process.returncode

    def _read(self, seconds: float = 0.1) -> bool:
        """Read what was written meanwhile."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        self._shown += os.read(self._ours, 65_536)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        os.close(self._ours)
        os.close(self._theirs)

"""The question before many tasks are changed, on a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.servers import RedisServer

Command = Callable[..., Result]


class Terminal:
    """A command on a terminal of its own; only its results go into a pipe."""

    def __init__(self, program: list[str], environment: dict[str, str]) -> None:
        self._own, theirs = pty.openpty()
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, *program],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )
        os.close(theirs)

    def wait_for(self, words: str) -> None:
        """Read until the command said something."""
        give_up_at = time.monotonic() + DEADLINE_SECONDS
        while words not in self.said:
            ready, _, _ = select.select([self._own], [], [], give_up_at - time.monotonic())
            assert ready, self.said
            self.said += os.read(self._own, 4096).decode()

    def type(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    def interrupt(self, number: signal.Signals) -> None:
        """Send a signal until the command ends: one that comes just before it reads is heard with the next."""
        for _ in range(DEADLINE_SECONDS):
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                return

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and the results."""
        out, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        while select.select([self._own], [], [], 0)[0]:
            try:
                self.said += os.read(self._own, 4096).decode()
            except OSError:  # by this Linux says that nobody can write any more
                break
        return self.process.returncode, out

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self._own)


@pytest.fixture
def on_terminal(redis_server: RedisServer, namespace: str) -> Iterator[Callable[..., Terminal]]:
    """Starts commands on terminals of their own."""
    settings = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
    with ExitStack() as stack:

        def start(*words: str, program: tuple[str, str] = ("-m", "interval_scheduler.cli")) -> Terminal:
            terminal = Terminal([*program, *words], settings)
            stack.callback(terminal.close)
            return terminal

        yield start


def test_yes_and_no(command: Command, on_terminal: Callable[..., Terminal]) -> None:
    for each in ("feed:1", "feed:2"):
        assert command("assign", each, "--start", "+1h").code == 0
    for answer, code, out in (("n\n", 64, ""), ("\n", 64, ""), ("y\n", 0, "2 removed\n")):
        terminal = on_terminal("remove", "--prefix", "feed:")
        terminal.wait_for("Remove 2 tasks whose ids start with 'feed:', and forget the dead ones? [y/N]:")
        terminal.type(answer)
        assert terminal.end() == (code, out)
    assert command("show", "feed:1").code == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_question_is_no_yes(
    command: Command,
    on_terminal: Callable[..., Terminal],
    redis_server: RedisServer,
    namespace: str,
    number: signal.Signals,
    code: int,
) -> None:
    assert command("assign", "a", "--start", "+1h").code == 0
    terminal = on_terminal("pause")
    terminal.wait_for("[y/N]:")
    terminal.interrupt(number)
    assert terminal.end() == (code, "")
    with redis_server.client() as client:
        assert not client.keys(f"*{namespace}*halt*")


def test_the_progress_is_shown_and_taken_away(command: Command, on_terminal: Callable[..., Terminal]) -> None:
    """It is told at once here; otherwise not before it takes a while."""
    for each in ("feed:1", "feed:2"):
        assert command("assign", each, "--start", "+1h").code == 0
    at_once = (
        "import interval_scheduler.cli.output.progress as progress\nfrom interval_scheduler.cli import main\n"
        "progress._EVERY = 0\nmain()\n"
    )
    terminal = on_terminal("pause", "--prefix", "feed:", "--yes", program=("-c", at_once))
    terminal.wait_for("\r\x1b[K2 paused, 2 looked at\r\x1b[K")
    assert terminal.end() == (0, "2 paused\n")
    terminal = on_terminal("resume", "feed:1", "feed:2", program=("-c", at_once))
    terminal.wait_for("\r\x1b[K2 of 2\r\x1b[K")
    assert terminal.end() == (0, "id\tresult\nfeed:1\tresumed\nfeed:2\tresumed\n")
    quiet = on_terminal("resume", "feed:1", "--quiet", program=("-c", at_once))
    assert quiet.end() == (0, "feed:1\tresumed\n")
    assert quiet.said == ""

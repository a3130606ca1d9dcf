"""A worker process as the supervisor sees it.

```text
 starting ──"up"──▶ up ──end()──▶ ending ──▶ ended (exit code)
    │                │              │ its time is over: SIGKILL
    └────────────────┴── it dies ───┴──▶ ended
```

It is a plain child that is started anew (`subprocess`), not forked, and not one of `multiprocessing`: that needs a
helper process, which outlives the supervisor for a while, and imports the main module of the application. What it has
to know goes through a socket pair, whose other end only the supervisor has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from .spec import HELD_BACK, KILL_AFTER_SECONDS, Spec, line_of

#: A process that is too busy to answer for so long does not answer.
_ANSWER_SECONDS: Final = 8.0
#: The longest time until its end of the socket is closed: what it forked may have that too, and go on.
_LAST_WORDS_SECONDS: Final = 1.0
_CHUNK_BYTES: Final = 65_536
_log = logging.getLogger("interval_scheduler.run")


class Spawned:
    """One worker process. It is started at once.

    Args:
        number: its place among all processes, from 1 on.
        spec: what it has to run.
        on_up: called when its executors are at work.

    Raises:
        OSError: the system can start none.
    """

    def __init__(self, number: int, spec: Spec, on_up: Callable[[Spawned], object]) -> None:
        self.number = number
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._on_up = on_up
        #: Set when its executors are at work; also when it ended before.
        self.settled = asyncio.Event()
        #: Done with its exit code when it has ended.
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.is_up = False
        #: True if it has told in the log why it ends.
        self.has_told = False
        self._times = (0.0, 0.0)
        self._order: Literal["drain", "cut"] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._end_asked = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._questions: dict[str, asyncio.Future[Any]] = {}
        self._socket, theirs = socket.socketpair()
        try:
            command = [sys.executable, "-P", "-m", f"{__package__}.child", str(theirs.fileno())]
            with _signals_held_back():
                self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603 - ourselves
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._send(spec.to_json())
        self._socket.setblocking(False)  # noqa: FBT003 - it has no name
        self._reading = self._loop.create_task(self._read())
        self._reading.add_done_callback(self._close)
        threading.Thread(target=self._wait, name=f"process {number}", daemon=True).start()

    @property
    def state(self) -> Literal["starting", "up", "ending"]:
        """What it does."""
        if self._order is not None:
            return "ending"
        return "up" if self.is_up else "starting"

    @property
    def seconds(self) -> float:
        """The time for which it has lived so far."""
        return self._loop.time() - self._began

    def end(self, *, at_once: bool = False) -> None:
        """Ask it to end, and kill it when the time for that is over.

        Args:
            at_once: its runs are cut short. Default: they may end, for the drain that the worker has.
        """
        if self.ended.done() or self._order == "cut" or (self._order == "drain" and not at_once):
            return
        self._order = "cut" if at_once else "drain"
        self._end_asked = self._loop.time()
        self._send({"order": self._order})
        self._set_timer()

    def kill(self) -> None:
        """End it without any order."""
        if not self.ended.done():
            self._process.kill()

    async def ask(self, question: Literal["health", "figures"]) -> Any:
        """Ask it, and return the answer; `None` if it does not answer in time, or is not up."""
        if not self.is_up or self.ended.done():
            return None
        answer = self._questions.get(question)
        if answer is None or answer.done():
            answer = self._questions[question] = self._loop.create_future()
            self._send({"ask": question})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asyncio.shield(answer)
        return None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        drain_seconds, grace_seconds = self._times
        longest = grace_seconds + KILL_AFTER_SECONDS + (drain_seconds if self._order == "drain" else 0)
        self._timer = self._loop.call_at(self._end_asked + longest, self._on_time_over)

    def _on_time_over(self) -> None:
        if not self.ended.done():
            _log.error("process %d (pid %d) did not end in time, and is killed", self.number, self.pid)
            self.kill()

    def _send(self, message: dict[str, Any]) -> None:
        # Few and short messages always find room. If it is gone, its end tells that.
        with contextlib.suppress(OSError):
            self._socket.sendall(line_of(message))

    async def _read(self) -> None:
        """Take each message, until it closes its end."""
        rest = b""
        while data := await self._loop.sock_recv(self._socket, _CHUNK_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if (times := message.get("up")) is not None:
            self._times = (float(times[0]), float(times[1]))
            self.is_up = True
            self.settled.set()
            self._on_up(self)
            if self._order is not None:
                self._set_timer()
        elif "told" in message:
            self.has_told = True
        elif (answer := self._questions.pop(message["answer"], None)) is not None and not answer.done():
            answer.set_result(message["value"])

    def _close(self, reading: asyncio.Task[None]) -> None:
        self._socket.close()
        if not reading.cancelled() and (error := reading.exception()) is not None and not isinstance(error, OSError):
            _log.error("process %d (pid %d) cannot be understood: %r", self.number, self.pid, error)

    def _wait(self) -> None:
        """Wait for its end, in a thread: this works on every system, whoever else looks after children."""
        # The first thread takes the signals, and blocks them once all has ended: one that came here would still kill.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        code = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the supervisor was cancelled: its event loop is closed already
            self._loop.call_soon_threadsafe(self._note_end, code)

    def _note_end(self, code: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._finishing = self._loop.create_task(self._finish(code))

    async def _finish(self, code: int) -> None:
        """Read its last words, and be done."""
        await asyncio.wait([self._reading], timeout=_LAST_WORDS_SECONDS)
        self._reading.cancel()
        for answer in self._questions.values():
            if not answer.done():
                answer.set_result(None)
        self.ended.set_result(code)
        self.settled.set()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Have a process that is started in this block begin with signals blocked, until it can take them.

    One Ctrl-C goes to all processes of a terminal, and one that just begins would die of it with a traceback.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)

"""One program of a peer as a process: its lines, its time limit, its processor time with all its children."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from benchmarks.bench import ROOT


class Peer(NamedTuple):
    """A scheduler under measurement."""

    name: str
    command: tuple[str, ...]


class PeerFailed(Exception):
    """A peer did not do its work; the message says how."""


class Program:
    """A running program of a peer, in a session of its own."""

    def __init__(self, peer: Peer, *arguments: str) -> None:
        self._what = f"{peer.name} {arguments[0]}"
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        try:
            self._process = subprocess.Popen(
                [*peer.command, *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise PeerFailed(f"{peer.command[0]} is not installed") from error
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def read(self, seconds: float) -> dict[str, Any] | None:
        """The next line of JSON, or `None` when none came in that time."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:  # it says nothing yet: `None` tells that
            return None
        if line is None:
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines()[-1:] or ["without a word"]
            raise PeerFailed(f"{self._what} ended: {last[0][:300]}")
        return line

    def expect(self, key: str, seconds: float) -> dict[str, Any]:
        """The next line that has this key."""
        give_up_at = time.monotonic() + seconds
        while (left := give_up_at - time.monotonic()) > 0:
            line = self.read(left)
            if line is not None and key in line:
                return line
        raise PeerFailed(f"{self._what} took longer than {seconds:.0f} s")

    def write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def cpu(self) -> float:
        """Processor seconds of all processes of the session so far."""
        return sum(_cpu(process) for process in _session(self._process.pid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for process in _session(self._process.pid):
            os.kill(int(process.name), signal.SIGKILL)
        self._process.wait(10)
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._lines.put(json.loads(line))
        self._lines.put(None)


def _session(leader: int) -> list[Path]:
    """The processes that the program and its children are."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                found.append(process)
        except (FileNotFoundError, ProcessLookupError):  # the process has ended meanwhile
            continue
    return found


def _cpu(process: Path) -> float:
    """Processor seconds of all threads of a process, to the microsecond where /proc/PID/stat has hundredths."""
    total = 0
    for thread in (process / "task").glob("*/schedstat"):
        try:
            total += int(thread.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            continue
    return total / 1e9

"""Runs `interval-scheduler run` on a small application, and looks at its processes from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.waiting import until_outside

#: The machine may be loaded by other suites.
DEADLINE_SECONDS: Final = 60
COMMAND: Final = ("-m", "interval_scheduler.cli")
#: An application whose executor notes in a ledger when a run begins and when it ends. Its payloads say what it does.
APP: Final = """\
import asyncio, os, time
from interval_scheduler import current_run
from interval_scheduler.worker import Worker

worker = Worker(lease_seconds=20, drain_seconds=60, cancel_grace_seconds=0.2)
VERSION = 1

def note(what):
    with open("ledger", "a") as ledger:
        ledger.write(f"{what} {current_run().id} {os.getpid()} {VERSION}\\n")

async def work(data: str) -> None:
    note("begin")
    kind, _, seconds = data.partition(" ")
    if kind == "block":
        time.sleep(float(seconds))  # work that blocks
    elif kind == "gate":
        while not os.path.exists("open"):
            await asyncio.sleep(0.02)  # a file has no event
    else:
        await asyncio.sleep(float(seconds))  # work that takes so long
    note("end")

kind = worker.executor(work)
worker.executor("other")(work)
"""


class Run:
    """A run of the command, in a folder with an application. All its processes end with the test."""

    def __init__(self, folder: Path, words: Sequence[str], environment: dict[str, str], command: Sequence[str]) -> None:
        self.folder = folder
        self.lines: list[str] = []
        #: The processes that told that they are up, in that order.
        self.pids: list[int] = []
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INTERVAL_SCHEDULER_")}
        self.process = subprocess.Popen(
            [sys.executable, *command, "run", *words],
            cwd=folder,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"process \d+ \(pid (\d+)\) is up", line):
                self.pids.append(int(found[1]))
            self.lines.append(line.rstrip("\n"))

    def up(self, count: int) -> None:
        """Wait until so many processes have come up since the start."""
        self.until(lambda: len(self.pids) >= count or self.process.poll() is not None)
        assert len(self.pids) >= count, self.said

    def until(self, condition: Any) -> None:
        try:
            until_outside(condition, DEADLINE_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}\n{self.ledger}") from None

    def told(self, text: str) -> None:
        """Wait until the log has this text."""
        self.until(lambda: any(text in line for line in self.lines))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def signalled(self, number: signal.Signals, answer: str) -> bool:
        """Send one more signal unless the log has an answer; signals that come close together are one."""
        if answer in self.said:
            return True
        self.send(number)
        return False

    def code(self) -> int:
        """Wait for the end, and return the exit code; then no process is left, and the log is read to its end."""
        code = self.process.wait(DEADLINE_SECONDS)
        self.until(lambda: not self.living)
        self._reader.join(DEADLINE_SECONDS)
        return code

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    @property
    def state(self) -> str:
        """What the supervisor does, by the letter of the system: `T` is stopped."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    @property
    def living(self) -> list[int]:
        """The processes of this run that there are, the supervisor left out: all are of one session."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid and fields[0] != "Z" and int(folder.name) != self.process.pid:
                    found.append(int(folder.name))
        return found

    @property
    def ledger(self) -> list[list[str]]:
        """The lines of the ledger: what happened, the id of the task, the process, the version of the code."""
        file = self.folder / "ledger"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def times(self, what: str) -> Counter[str]:
        """How often something happened to each task."""
        return Counter(line[1] for line in self.ledger if line[0] == what)

    def logged(self) -> list[dict[str, Any]]:
        """The lines of a log in JSON; each has to be one."""
        return [json.loads(line) for line in self.lines]

    def close(self) -> None:
        for pid in (*self.living, self.process.pid):
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextmanager
def running(
    folder: Path, *words: str, app: str = APP, command: Sequence[str] = COMMAND, **environment: str
) -> Iterator[Run]:
    """Runs the command for the length of a block; the application is `app.py` in the folder."""
    (folder / "app.py").write_text(app)
    run = Run(folder, words, {"PYTHONDONTWRITEBYTECODE": "1", **environment}, command)
    try:
        yield run
    finally:
        run.close()

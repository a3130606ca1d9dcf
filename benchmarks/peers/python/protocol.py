"""What a program of a peer shares with the others: its arguments, its clock, its lines on stdout.

    python -m benchmarks.peers.python.NAME VERB [URL OPTIONS]

| verb | what it does | what it prints, a line of JSON each |
|---|---|---|
| `about` | nothing | `versions`, `settings`, `spread` (whether a caller chooses the first run's time) |
| `assign`, `update`, `remove` | that, with all tasks | `seconds` it took, connected already |
| `work` | executes tasks | `ready`; after "go" how many `runs`, every 50 ms; after "stop" their `tasks` and `at` |

The programs of Node speak the same (`benchmarks/peers/node/protocol.js`).
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TextIO


class Work(NamedTuple):
    """One task of the work: its number, its id of 11 bytes, its payload of 40, its first run (Unix seconds)."""

    number: int
    id: str
    data: str
    start: float | None


@dataclass
class Job:
    """What to do, as the driver says it."""

    url: str
    count: int
    every: float
    #: The first run of the first task, Unix seconds; `None`: all are due at once. Each later task starts `step` later.
    start: float | None = None
    step: float = 0.0
    #: The number of this worker process.
    index: int = 0
    seconds: float = 0.0

    def tasks(self, letter: str = "x") -> Iterator[Work]:
        for n in range(self.count):
            start = None if self.start is None else self.start + n * self.step
            yield Work(n, f"user:{n:06}", f"{n:06}".ljust(40, letter), start)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])

    @contextmanager
    def timed(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - began


_out: TextIO = sys.stdout
_runs: list[str] = []
_at: list[float] = []


def ran(data: str) -> None:
    """A task runs: the executor's whole work."""
    _at.append(time.time())
    _runs.append(data)


def go() -> None:
    """Say that this worker is ready, wait for the start, and report from then on."""
    _say(ready=True)
    sys.stdin.readline()
    threading.Thread(target=_report, daemon=True).start()


def run(
    *,
    packages: tuple[str, ...],
    settings: str,
    assign: Callable[[Job], None],
    update: Callable[[Job], None],
    remove: Callable[[Job], None],
    work: Callable[[Job], None],
    spread: bool = True,
) -> None:
    """The program: does what its arguments ask for."""
    logging.disable(logging.WARNING)
    verb = sys.argv[1]
    if verb == "about":
        versions = {name: importlib.metadata.version(name) for name in packages}
        _say(versions=versions, settings=settings, spread=spread)
        return
    job = Job(sys.argv[2], **json.loads(sys.argv[3]))
    {"assign": assign, "update": update, "remove": remove, "work": work}[verb](job)
    _say(seconds=job.seconds)


def _report() -> None:
    said = 0
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        if len(_runs) != said:
            said = len(_runs)
            _say(runs=said)
    _say(tasks=[int(data[:6]) for data in list(_runs)], at=_at[: len(_runs)])
    os._exit(0)  # without the peer's orderly end: the driver ends what is left


def _say(**what: object) -> None:
    _out.write(json.dumps(what) + "\n")
    _out.flush()

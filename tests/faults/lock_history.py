"""The file in which one process keeps its lock operations, so that it can be read after the process was killed.

Three kinds of lines::

    ? number kind lock token ttl moment    it begins
    = number done token moment             it ended so
    ! number                               it was refused before anything was sent: it did not take effect

An operation without a second line has an outcome that nobody knows. `-` stands for no token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .linearizability import MS, Kind, Operation


class HistoryFile:
    """Writes a history. Line buffered, so that each line is there even if the process is killed after it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        #: How many operations it has.
        self.count = 0

    def begin(self, kind: Kind, lock: str, token: int | None, ttl_ms: int) -> int:
        """Note an operation that is about to be sent; its number."""
        self.count += 1
        self._file.write(f"? {self.count} {kind} {lock} {_written(token)} {ttl_ms * MS} {time.monotonic_ns()}\n")
        return self.count

    def end(self, number: int, *, done: bool, token: int | None = None) -> None:
        """Note how an operation ended."""
        moment = time.monotonic_ns()
        self._file.write(f"= {number} {int(done)} {_written(token)} {moment}\n")

    def refuse(self, number: int) -> None:
        """Note that an operation was not sent at all."""
        self._file.write(f"! {number}\n")


def read_history(path: Path) -> Iterator[Operation]:
    """The operations of one process, without those that did not take effect."""
    begun: dict[str, tuple[Kind, str, int | None, int, int]] = {}
    for line in path.read_text().splitlines():
        match line.split(" "):
            case ["?", number, ("acquire" | "extend" | "release") as kind, lock, token, ttl, moment]:
                begun[number] = (kind, lock, _read(token), int(ttl), int(moment))
            case ["=", number, done, token, moment]:
                kind, lock, asked, ttl_ns, invoked = begun.pop(number)
                got = _read(token) if kind == "acquire" else asked
                yield Operation(kind, lock, invoked, int(moment), done == "1", got, ttl_ns)
            case ["!", number]:
                del begun[number]
            case _:
                raise ValueError(f"{path}: {line!r} is no line of a history")
    for kind, lock, asked, ttl_ns, invoked in begun.values():
        yield Operation(kind, lock, invoked, None, None, asked, ttl_ns)


def _written(token: int | None) -> str:
    return "-" if token is None else str(token)


def _read(token: str) -> int | None:
    return None if token == "-" else int(token)

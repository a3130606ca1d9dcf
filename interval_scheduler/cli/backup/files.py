"""Files of backups: read line by line, also packed by gzip; written beside their place, and put there when complete."""

from __future__ import annotations

import errno
import fcntl
import gzip
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ..frame.exits import USAGE, Ended, refuse

#: What lines are read from and written to.
Plain = BinaryIO | gzip.GzipFile
STANDARD: Final = "-"
_GZIP: Final = b"\x1f\x8b"
#: A line is cut here; no line of a backup is longer, so the rest of a longer one is never in memory.
_LONGEST_LINE: Final = (2 << 20) + 1


class Reading(NamedTuple):
    """An open backup: its lines, its size in bytes where that is known, and how many of them were read."""

    lines: Iterator[bytes]
    size: int | None
    position: Callable[[], int]


@contextmanager
def reading(file: str) -> Iterator[Reading]:
    """Open a backup to be read; `-` is the standard input. It may be packed by gzip.

    Raises:
        Ended: the file cannot be opened. The lines raise it where they cannot be read or unpacked.
    """
    with _opened(file) as raw:
        size = None if file == STANDARD else os.fstat(raw.fileno()).st_size
        plain: Plain = raw
        if raw.peek(2)[:2] == _GZIP:  # type: ignore[attr-defined]  # a buffered reader has it
            plain = gzip.GzipFile(fileobj=raw)
        yield Reading(_lines(plain, file), size, lambda: raw.tell() if size is not None else 0)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        # Not `sys.stdin`: a thread may still read when the process ends, and Python would stumble over its lock.
        with open(0, "rb", closefd=False) as raw:
            yield raw
        return
    try:
        raw = open(file, "rb")  # noqa: SIM115, PTH123 - closed below; the name is what the user wrote
    except OSError as error:
        raise Ended(USAGE, f"{file}: {error.strerror}") from None
    with raw:
        yield raw


def _lines(plain: Plain, file: str) -> Iterator[bytes]:
    try:
        while line := plain.readline(_LONGEST_LINE):
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Ended(USAGE, f"{file}: cannot be unpacked: {error}") from None
    except OSError as error:
        raise Ended(USAGE, f"{file}: {error.strerror}") from None


@contextmanager
def writing(file: str, *, packed: bool) -> Iterator[Plain]:
    """Open a file to be written; `-` is the standard output.

    It is written as `FILE.part`, and gets its name when all of it is on the disk. If the block raises, it is deleted.

    Raises:
        Ended: it cannot be written, or another process writes it.
    """
    if file == STANDARD:
        with _packed(sys.stdout.buffer, packed=packed) as plain:
            yield plain
        sys.stdout.buffer.flush()
        return
    if Path(file).exists() and not Path(file).is_file():  # to put a file in the place of a device may harm the machine
        raise Ended(USAGE, f"{file}: is no regular file; - is the standard output")
    part = Path(f"{file}.part")
    raw = _own(part)
    try:
        with raw:
            with _packed(raw, packed=packed) as plain:
                yield plain
            raw.flush()
            os.fsync(raw.fileno())
            part.replace(file)
    except OSError as error:
        _remove(part)
        raise Ended(USAGE, f"{file}: {error.strerror}") from None
    except BaseException:
        _remove(part)
        raise


def _own(part: Path) -> BinaryIO:
    """Open the part for this process alone; one that a killed process left is written anew."""
    try:
        while True:
            raw = open(part, "ab", opener=_open_plainly)  # noqa: SIM115 - closed below; only it has an opener
            try:
                fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The other process may have put it in its place just before.
                if part.exists() and os.path.samestat(os.fstat(raw.fileno()), part.stat()):
                    raw.truncate(0)
                    return raw
            except BlockingIOError:
                raw.close()
                refuse(f"{part}: another process writes it.")
            raw.close()
    except OSError as error:
        raise Ended(USAGE, f"{part}: {error.strerror}") from None


def _open_plainly(name: str, flags: int) -> int:
    """Open a file, but no link that somebody has put there, and without waiting for a reader of what is no file."""
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EEXIST, "is no regular file")


@contextmanager
def _packed(raw: BinaryIO, *, packed: bool) -> Iterator[Plain]:
    if not packed:
        yield raw
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as plain:
        yield plain


def _remove(part: Path) -> None:
    with suppress(OSError):  # the error before it is told
        part.unlink()

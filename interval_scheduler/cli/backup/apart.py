"""Reads lines in a thread of its own, so that a slow source does not hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Final

_CHUNK: Final = 500
#: A few kilobytes of a packed file may stand for lines of any size.
_CHUNK_BYTES: Final = 4 << 20
_Wanted = asyncio.Future[list[bytes]]


def _some_of(lines: Iterator[bytes]) -> list[bytes]:
    some: list[bytes] = []
    size = 0
    for line in islice(lines, _CHUNK):
        some.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            break
    return some


async def apart(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines. They are read when they are wanted, some hundred or some megabytes at a time.

    Raises:
        Exception: what the source raises.
    """
    loop = asyncio.get_running_loop()
    asked: SimpleQueue[_Wanted | None] = SimpleQueue()

    def answer(wanted: _Wanted, some: list[bytes] | BaseException) -> None:
        if wanted.done():  # nobody waits any more
            return
        if isinstance(some, BaseException):
            wanted.set_exception(some)
        else:
            wanted.set_result(some)

    def read() -> None:
        while (wanted := asked.get()) is not None:
            some: list[bytes] | BaseException
            try:
                some = _some_of(lines)
            except BaseException as error:  # noqa: BLE001 - it is raised where the lines are wanted
                some = error
            with suppress(RuntimeError):  # the event loop was closed meanwhile
                loop.call_soon_threadsafe(answer, wanted, some)

    # A daemon: nothing ends a read from a terminal or a pipe, and the process must be able to end all the same.
    Thread(target=read, name="lines of a backup", daemon=True).start()
    try:
        while True:
            wanted = loop.create_future()
            asked.put(wanted)
            some = await wanted
            if not some:
                return
            for line in some:
                yield line
    finally:
        asked.put(None)

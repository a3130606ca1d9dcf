"""Restores a backup: reads its lines, checks them, and puts their tasks back, in bounded memory.

::

    lines ──check──▶ batches of up to 500 tasks, 1 MiB ──▶ the homes of the tasks, some batches at once

The first line of a batch that cannot be used ends the call before anything of that batch is sent; the batches before it
are restored. Calling again with the mended backup is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import Final

from ..errors import BackupCutShort, InvalidLine
from ..model.backup import OnConflict, RestoreCounts
from ..model.backup_header import Header, read_header
from ..model.backup_reading import Entry, Trailer, read_line
from ..model.quotas import Quotas
from ..model.steering import Note
from ..storage.namespace import Namespace, Partitions
from ..storage.partitions import RestoreBatch
from .bulk import pipeline

#: The most tasks of a batch, and the most bytes of them, unless one alone has more.
_MOST: Final = 500
_MOST_BYTES: Final = 1 << 20
#: A batch weighs this much more than its bytes, so that about ten are under way at once.
_BESIDE: Final = 1 << 20


async def restore(
    partitions: Partitions,
    namespace: Namespace,
    lines: Iterable[bytes | str] | AsyncIterable[bytes | str],
    on_conflict: OnConflict,
    note: Callable[[str], Note],
) -> RestoreCounts:
    """Restore a backup; see `BackupCalls.restore`. `note` makes what the log of actions says of a pause."""
    call = _Restore(partitions, namespace, note, replace=on_conflict == "replace")
    async for flags in pipeline(call.batches(lines), call.submit, _weigh):
        call.count(flags)
    return call.result()


def _weigh(batch: RestoreBatch) -> int:
    return _BESIDE + batch.weight


class _Restore:
    """One call."""

    def __init__(
        self, partitions: Partitions, namespace: Namespace, note: Callable[[str], Note], *, replace: bool
    ) -> None:
        self._partitions = partitions
        self._note = note
        self._namespace = namespace
        self._replace = replace
        self._line = 0
        self._begun = False
        self._trailer: Trailer | None = None
        #: The tasks that are gathered, by their ids: an id that comes twice in a batch is sent once.
        self._batch: dict[bytes, Entry] = {}
        self._size = 0
        self._found = self._twice = 0
        self._flags = {"1": 0, "0": 0, "r": 0}

    async def batches(
        self, lines: Iterable[bytes | str] | AsyncIterable[bytes | str]
    ) -> AsyncGenerator[RestoreBatch, None]:
        """Read the lines, and yield batches; each time, those before get a turn to be sent."""
        if isinstance(lines, AsyncIterable):
            async for line in lines:
                header = self._take(line)
                if header is not None:
                    await self._begin(header)
                elif len(self._batch) >= _MOST or self._size >= _MOST_BYTES:
                    yield self._gathered()
                    await asyncio.sleep(0)
        else:
            for line in lines:
                header = self._take(line)
                if header is not None:
                    await self._begin(header)
                elif len(self._batch) >= _MOST or self._size >= _MOST_BYTES:
                    yield self._gathered()
                    await asyncio.sleep(0)
        if not self._begun:
            raise InvalidLine(1, "line", "is missing: the backup is empty")
        if self._batch:
            yield self._gathered()

    def _take(self, line: bytes | str) -> Header | None:
        """Take a line; return what it says if it is the header."""
        self._line += 1
        if isinstance(line, bytes | str) and not line.strip():
            return None
        if not self._begun:
            if self._line > 1:
                raise InvalidLine(1, "line", "is empty: the header must be there")
            self._begun = True
            return read_header(line)
        if self._trailer is not None:
            raise InvalidLine(self._line, "line", "comes behind the end of the backup: restore one at a time")
        read = read_line(self._line, line)
        if isinstance(read, Trailer):
            self._trailer = read
            return None
        self._found += 1
        if read.id in self._batch:
            self._twice += 1
            if not self._replace:
                return None
        self._batch[read.id] = read
        self._size += len(read.record) + len(read.state)
        return None

    def _gathered(self) -> RestoreBatch:
        batch = RestoreBatch(list(self._batch.values()), self._replace, self._size)
        self._batch, self._size = {}, 0
        return batch

    async def _begin(self, header: Header) -> None:
        """Put the quotas and the pause in force, before the first task is there."""
        quotas = header.quotas
        if quotas is not None and (self._replace or quotas.rate or quotas.rates or quotas.caps):
            await self._partitions.quotas.change(lambda before: self._quotas(before, quotas))
        if header.paused:
            await self._namespace.pause_all(self._note(header.paused_for), keeps=True)

    def _quotas(self, before: Quotas, restored: Quotas) -> Quotas:
        has_some = before.rate or before.rates or before.caps
        return before if has_some and not self._replace else restored

    def submit(self, batch: RestoreBatch) -> asyncio.Future[str]:
        """Send a batch; the result has a flag for each of its tasks."""
        return asyncio.ensure_future(self._partitions.restore(batch))

    def count(self, flags: str) -> None:
        """Count the results of a batch."""
        for flag in self._flags:
            self._flags[flag] += flags.count(flag)

    def result(self) -> RestoreCounts:
        """Return the counts.

        Raises:
            BackupCutShort: lines are missing.
        """
        skipped, replaced = self._flags["0"], self._flags["r"]
        if self._replace:
            replaced += self._twice
        else:
            skipped += self._twice
        expected = None if self._trailer is None else self._trailer.tasks
        if expected != self._found:
            raise BackupCutShort(self._found, expected, self._flags["1"], skipped, replaced)
        return RestoreCounts(self._flags["1"], skipped, replaced)

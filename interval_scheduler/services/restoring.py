"""Restores a backup: reads its lines, checks them, and puts their tasks back, in bounded memory.

::

    lines ──check──▶ batches of up to 500 tasks, 1 MiB ──▶ the homes of the tasks, some batches at once

The first line of a batch that cannot be used ends the call before anything of that batch is sent; the batches before it
are restored. Calling again with the mended backup is safe.

A dry run goes the same way, and asks instead which of the tasks exist.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Final, NamedTuple

from ..errors import BackupCutShort
from ..model.backup import OnConflict, RestoreCounts
from ..model.backup_header import Header
from ..model.backup_reading import Entry
from ..model.backup_walk import BackupWalk
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


class How(NamedTuple):
    """The way in which a backup is restored; see `BackupCalls.restore`."""

    on_conflict: OnConflict
    dry_run: bool
    after: int
    progress: Callable[[int], object] | None


async def restore(
    partitions: Partitions,
    namespace: Namespace,
    lines: Iterable[bytes | str] | AsyncIterable[bytes | str],
    note: Callable[[str], Note],
    how: How,
) -> RestoreCounts:
    """Restore a backup; see `BackupCalls.restore`. `note` makes what the log of actions says of a pause."""
    call = _Restore(partitions, namespace, note, how)
    async with aclosing(pipeline(call.batches(lines), call.submit_all, _weigh)) as ended:
        async for flags in ended:
            call.count(flags)
    return call.result()


def _weigh(batch: RestoreBatch) -> int:
    return _BESIDE + batch.weight


class _Restore:
    """One call."""

    def __init__(self, partitions: Partitions, namespace: Namespace, note: Callable[[str], Note], how: How) -> None:
        self._partitions = partitions
        self._note = note
        self._namespace = namespace
        self._how = how
        self._replace = how.on_conflict == "replace"
        self._walk = BackupWalk()
        #: The tasks that are gathered, by their ids: an id that comes twice in a batch is sent once.
        self._batch: dict[bytes, Entry] = {}
        self._size = 0
        self._twice = 0
        #: For each batch that is under way, the number of tasks up to its end.
        self._ends: deque[int] = deque()
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
        self._walk.require_begun()
        if self._batch:
            yield self._gathered()

    def _take(self, line: bytes | str) -> Header | None:
        """Take a line; return what it says if it is the header."""
        read = self._walk.take(line)
        if not isinstance(read, Entry):
            return read
        if self._walk.found <= self._how.after:
            return None
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
        self._ends.append(self._walk.found)
        return batch

    async def _begin(self, header: Header) -> None:
        """Put the quotas and the pause in force, before the first task is there."""
        if self._how.dry_run or self._how.after:
            return
        quotas = header.quotas
        if quotas is not None and (self._replace or quotas.rate or quotas.rates or quotas.caps):
            await self._partitions.quotas.change(lambda before: self._quotas(before, quotas))
        if header.paused:
            await self._namespace.pause_all(self._note(header.paused_for), keeps=True)

    def _quotas(self, before: Quotas, restored: Quotas) -> Quotas:
        has_some = before.rate or before.rates or before.caps
        return before if has_some and not self._replace else restored

    def submit_all(self, batches: Iterable[RestoreBatch]) -> Iterator[asyncio.Future[str]]:
        """Send batches; each result has a flag for each of the batch's tasks."""
        return map(self._submit, batches)

    def _submit(self, batch: RestoreBatch) -> asyncio.Future[str]:
        return asyncio.ensure_future(self._foresee(batch) if self._how.dry_run else self._partitions.restore(batch))

    async def _foresee(self, batch: RestoreBatch) -> str:
        """Tell what the flags would be."""
        existing = await self._partitions.exist([entry.id for entry in batch.entries])
        return "".join(("r" if self._replace else "0") if exists else "1" for exists in existing)

    def count(self, flags: str) -> None:
        """Count the results of a batch."""
        for flag in self._flags:
            self._flags[flag] += flags.count(flag)
        end = self._ends.popleft()
        if self._how.progress is not None:
            self._how.progress(end)

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
        walk = self._walk
        if walk.expected != walk.found:
            raise BackupCutShort(walk.found, walk.expected, self._flags["1"], skipped, replaced)
        return RestoreCounts(self._flags["1"], skipped, replaced)

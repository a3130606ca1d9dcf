"""A search for tasks by the beginning of their ids, page by page.

::

    the task whose id it is, and then
        the prefix has a whole hash tag ──▶ the index of the tag, at its home, in order ──┐
        else ──▶ all tasks, one partition after the other, in no order ───────────────────┴──▶ steps

A page ends when it is full, when so many tasks were looked at as the caller wants at the most, or at about a MiB. It
also ends, amid a partition, when it has taken as long as so many tasks take a server that has little else to do. It has
one step at least, so the next page begins behind its beginning.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from ..errors import StorageError, StorageRefused
from ..errors.storage import AWAY
from ..model.checks import MAX_ID_BYTES
from ..model.cursors import bad_mark, read_mark, to_mark
from ..model.looking import SearchPage
from ..model.placement import tag_of
from ..model.task import ScheduledTask
from ..model.wire import is_id, whole
from ..support import clock
from ..support.log import Log
from .commands import looking, lookup
from .commands.lookup import Row
from .mapping import to_scheduled_task
from .partitions import Partition, Partitions
from .prefixes import Prefix

#: The most rows of a page, about; and the number of tasks that one step looks at: some 1.2 ms.
FULL: Final = 100
_STEP: Final = 1500
#: The time of a page for each task of its budget, in seconds, after which no further step begins.
_SECONDS_PER_TASK: Final = 0.75e-6
_KIND: Final = "s"
#: The greatest cursor that Redis reads, and its digits.
_GREATEST: Final = 2**64 - 1
_DIGITS: Final = 20


class Reached(NamedTuple):
    """The end of a page of a search: the partition, the cursor there, and the number of tasks looked at so far."""

    partition: bytes
    cursor: bytes
    looked: int


def read_reached(prefix: str, after: object) -> Reached | None:
    """Return how far a search came, from a mark of the application; `None` if it begins.

    Raises:
        InvalidType, InvalidValue: it is no mark of a search for this prefix.
    """
    parts = read_mark(_KIND, 4, after)
    if parts is None:
        return None
    check, name, looked, cursor = parts
    if check != _check(prefix) or whole(looked) is None or not _is_cursor(prefix.encode(), cursor):
        raise bad_mark()
    return Reached(name, cursor, int(looked))


def _is_cursor(prefix: bytes, cursor: bytes) -> bool:
    """Tell if a step can have ended there: `b"0"` begins a partition, an id one of a tag, and a number any other."""
    if cursor == b"0":
        return True
    if tag_of(prefix) is not None:
        return cursor.startswith(b"=")
    return cursor.isdigit() and len(cursor) <= _DIGITS and int(cursor) <= _GREATEST


def _check(prefix: str) -> bytes:
    return b"%d" % zlib.crc32(prefix.encode())


class Search:
    """A search.

    Args:
        partitions: the partitions.
        prefix: the beginning of the ids.
        log: the log for tasks that are left out.
    """

    def __init__(self, partitions: Partitions, prefix: str, log: Log) -> None:
        self._all = partitions
        self._prefix = prefix
        self._raw = prefix.encode()
        self._log = log
        self._rows: dict[bytes, tuple[Partition, Row]] = {}
        self._weight = 0
        self._offline: list[str] = []
        self._way: Sequence[Partition] = ()

    async def page(self, reached: Reached | None, budget: int) -> SearchPage:
        """Look at up to about `budget` tasks, for about 0.75 µs each.

        Raises:
            InvalidValue: the search came to a partition that is none any more.
            PartitionOffline: no partition where such tasks can be can be reached.
        """
        give_up_at = clock.monotonic() + budget * _SECONDS_PER_TASK
        way = self._way = Prefix(self._all, self._prefix).partitions()
        total = await self._total()
        if reached is None:
            await self._find_exact()
        before, at, cursor = 0, 0, b"0"
        if reached is not None:
            names = [partition.name.encode() for partition in way]
            if reached.partition not in names:
                raise bad_mark()
            before, at, cursor = reached.looked, names.index(reached.partition), reached.cursor
        looked = 0
        while True:
            step = await self._step(way[at], cursor, min(_STEP, budget - looked))
            looked += step.looked
            cursor = step.cursor
            if cursor == b"0":
                at += 1
            is_full = len(self._rows) >= FULL or self._weight >= lookup.MAX_READ_BYTES
            # The next partition has a step in any case: so one page is enough for few tasks, however slow the way is.
            is_late = cursor != b"0" and clock.monotonic() >= give_up_at
            if at == len(way) or looked >= budget or is_full or is_late:
                break
        if at == len(way):  # a step counts roughly; in the end, all were looked at
            return self._page(None, max(0, total - before) if not self._offline else looked, total)
        parts = (_check(self._prefix), way[at].name.encode(), b"%d" % (before + looked), cursor)
        return self._page(to_mark(_KIND, *parts), looked, total)

    async def _total(self) -> int:
        """Count the tasks to look at, and find out who is offline."""

        async def count(partition: Partition) -> int:
            return (await looking.search(partition.gate, b"0", 0, 0, self._raw)).total

        found = await asyncio.gather(*map(count, self._way), return_exceptions=True)
        total = 0
        for partition, each in zip(self._way, found, strict=True):
            if isinstance(each, AWAY):
                self._leave_out(partition, each)
            elif isinstance(each, BaseException):
                raise each
            else:
                total += each
        return total

    def _leave_out(self, partition: Partition, problem: StorageError) -> None:
        """Name a partition that is offline; raise if there is no other."""
        self._offline.append(partition.name)
        if len(self._offline) == len(self._way):
            raise problem

    async def _find_exact(self) -> None:
        """Find the task whose id is the prefix, which comes first."""
        if not is_id(self._raw, MAX_ID_BYTES):
            return
        try:
            partition, row = await self._all.locate(self._raw)
        except AWAY:  # it is named already
            return
        if row is not None:
            self._add(partition, row)

    async def _step(self, partition: Partition, cursor: bytes, count: int) -> looking.Step:
        """Take one step in a partition; one that is offline has none."""
        none = looking.Step(b"0", (), 0, 0)
        if partition.name in self._offline:
            return none
        try:
            step = await looking.search(partition.gate, cursor, count, FULL - len(self._rows), self._raw)
            ids = [each for each in step.ids if each not in self._rows and each != self._raw]
            ids = [each for each in dict.fromkeys(ids) if each.startswith(self._raw)]
            while ids:
                some = await lookup.look(partition.gate, ids)
                for row in some:
                    if row is not None:
                        self._add(partition, row)
                ids = ids[len(some) :]
        except AWAY as problem:
            self._leave_out(partition, problem)
            return none
        return step

    def _add(self, partition: Partition, row: Row) -> None:
        self._rows[row.id] = (partition, row)
        self._weight += len(row.record)

    def _page(self, mark: str | None, looked: int, total: int) -> SearchPage:
        tasks: list[ScheduledTask] = []
        for partition, row in self._rows.values():
            try:
                tasks.append(to_scheduled_task(partition.name, row))
            except StorageRefused as error:
                self._log.error("left out of the page: %s", error)
        return SearchPage(tuple(tasks), mark, looked, total, tuple(self._offline))

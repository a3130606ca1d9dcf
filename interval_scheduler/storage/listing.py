"""The tasks of partitions, page by page, and those of several partitions as one list in due order."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from itertools import accumulate, repeat
from operator import itemgetter
from typing import Final

from .ahead import read_ahead
from .commands import lookup
from .commands.lookup import PageMark, Row, StateSet
from .partition.partition import Partition

#: The number of tasks, or dead tasks, that one request asks for.
PAGE: Final = 250

#: Tasks, each with the partition where it is.
Located = Sequence[tuple[Partition, Row]]
_DUE: Final = itemgetter(2)
_KEY: Final = itemgetter(0)


async def pages(partition: Partition, state_set: StateSet) -> AsyncGenerator[Sequence[Row], None]:
    """Yield the tasks of one partition in one state set, page by page; the next page is asked for ahead.

    A task that runs during the listing moves to a later due time, where a reader slower than the schedule would meet it
    again and again. So the listing stops at the due time that was the last when it began, and after twice the number of
    tasks at that moment (plus one page).
    """
    sizes = await partition.size.submit(None)
    left = 2 * sizes.tasks + PAGE

    async def read(after: PageMark | None) -> tuple[Sequence[Row], PageMark | None]:
        return await lookup.page(partition.gate, state_set, limit=PAGE, after=after)

    async with aclosing(read_ahead(read, None)) as found:
        async for rows in found:
            wanted = rows[:left]
            if state_set == "waiting":
                wanted = wanted[: bisect_right(wanted, sizes.last_due_ms, key=_DUE)]
            left -= len(wanted)
            if wanted:
                yield wanted
            if len(wanted) < len(rows):
                return


async def merged(partitions: Sequence[Partition], state_set: StateSet) -> AsyncGenerator[Located, None]:
    """Yield the tasks of several partitions in one state set, in due order, some at a time."""
    if len(partitions) == 1:
        async with aclosing(pages(partitions[0], state_set)) as found:
            async for rows in found:
                yield list(zip(repeat(partitions[0]), rows))
        return
    async with AsyncExitStack() as stack:
        heads = [
            _Head(partition, await stack.enter_async_context(aclosing(pages(partition, state_set))))
            for partition in partitions
        ]
        while True:
            # All to their ends: a page that is still asked for could not be closed.
            ends = await asyncio.gather(*[each.fill() for each in heads if not each.rows], return_exceptions=True)
            for problem in ends:
                if problem is not None:
                    raise problem
            heads = [head for head in heads if head.rows]
            if not heads:
                return
            # The rest of the head whose page ends first may go on with the same due time on its next page.
            at = min(range(len(heads)), key=lambda n: heads[n].dues[-1])
            last = heads[at].dues[-1]
            taken: list[tuple[int, tuple[Partition, Row]]] = []
            for n, head in enumerate(heads):
                taken += head.take(
                    len(head.dues) if n == at else (bisect_right if n < at else bisect_left)(head.dues, last)
                )
            yield [found for _, found in sorted(taken, key=_KEY)]


class _Head:
    """The page of a partition that was read and not yielded yet.

    A place is the greatest due time up to there: leased and parked tasks come in another order, which stays.
    """

    def __init__(self, partition: Partition, source: AsyncIterator[Sequence[Row]]) -> None:
        self._partition = partition
        self._source = source
        self._last = 0
        self.rows: Sequence[Row] = ()
        self.dues: list[int] = []

    async def fill(self) -> None:
        """Get the next page; none is left if it stays empty."""
        async for rows in self._source:
            self.rows = rows
            self.dues = list(accumulate(map(_DUE, rows), max, initial=self._last))[1:]
            self._last = self.dues[-1]
            return

    def take(self, count: int) -> Sequence[tuple[int, tuple[Partition, Row]]]:
        """Take the first rows, each behind its place."""
        taken = list(zip(self.dues[:count], zip(repeat(self._partition), self.rows[:count]), strict=False))
        self.dues, self.rows = self.dues[count:], self.rows[count:]
        return taken

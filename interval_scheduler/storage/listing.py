"""The tasks of partitions as streams, page by page, and several of them as one."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Sequence
from typing import Final

from .commands import lookup
from .commands.lookup import Row, StateSet
from .partition.partition import Partition

#: The number of tasks, or dead tasks, that one request asks for.
PAGE: Final = 250


async def stream(partition: Partition, state_set: StateSet) -> AsyncIterator[tuple[Partition, Row]]:
    """Yield the tasks of one partition in one state set.

    A task that runs during the listing moves to a later due time, where a reader slower than the schedule would meet it
    again and again. So the listing stops at the due time that was the last when it began, and after twice the number of
    tasks at that moment (plus one page).
    """
    sizes = await partition.size.submit(None)
    left = 2 * sizes.tasks + PAGE
    after = None
    while True:
        found = await lookup.page(partition.gate, state_set, limit=PAGE, after=after)
        for row in found.rows:
            if left <= 0 or (state_set == "waiting" and row.due_ms > sizes.last_due_ms):
                return
            left -= 1
            yield partition, row
        after = found.after
        if after is None:
            return


async def merge(streams: Sequence[AsyncIterator[tuple[Partition, Row]]]) -> AsyncIterator[tuple[Partition, Row]]:
    """Merge several streams in due order into one, holding one row of each."""
    heads: list[tuple[int, int, tuple[Partition, Row]]] = []
    for index, stream in enumerate(streams):
        async for found in stream:
            heapq.heappush(heads, (found[1].due_ms, index, found))
            break
    while heads:
        _, index, found = heads[0]
        yield found
        async for following in streams[index]:
            heapq.heapreplace(heads, (following[1].due_ms, index, following))
            break
        else:
            heapq.heappop(heads)

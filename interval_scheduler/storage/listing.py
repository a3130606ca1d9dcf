"""The tasks of partitions as streams, page by page, and several of them as one."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Sequence
from typing import Final

from .commands import lookup
from .commands.lookup import Row, StateSet
from .partition.partition import Partition

#: How many tasks, or dead tasks, are asked for at once.
PAGE: Final = 250


async def stream(partition: Partition, state_set: StateSet) -> AsyncIterator[tuple[Partition, Row]]:
    """The tasks of one partition at one place.

    A task that runs meanwhile moves to a later place, where a reader slower than the schedule would meet it again and
    again. So the list ends where it ended when it was begun, and after twice as many tasks as there were.
    """
    sizes = await lookup.sizes(partition)
    left = 2 * sizes.tasks + PAGE
    after = None
    while True:
        found = await lookup.page(partition, state_set, limit=PAGE, after=after)
        for row in found.rows:
            if left <= 0 or (state_set == "waiting" and row.due_ms > sizes.last_due_ms):
                return
            left -= 1
            yield partition, row
        after = found.after
        if after is None:
            return


async def merge(streams: Sequence[AsyncIterator[tuple[Partition, Row]]]) -> AsyncIterator[tuple[Partition, Row]]:
    """Several streams in due order as one, holding one row of each."""
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

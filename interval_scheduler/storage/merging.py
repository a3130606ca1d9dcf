"""Pages of several partitions as one, in the order of all.

::

    partition ──▶ rows behind the mark, some at a time ──┐
    partition ──▶ rows behind the mark, some at a time ──┼──▶ the next in order, until the page is full
    partition ──✗ offline: named, and left out ──────────┘

All partitions are asked at the same time. A page is full at so many rows, or at about a MiB; so it is bounded in bytes,
whatever the payloads are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from ..errors import StorageError
from ..errors.storage import AWAY
from .commands.lookup import MAX_READ_BYTES, PageMark
from .partition.partition import Partition

Item = TypeVar("Item")

#: The most rows that one request asks for, and the most that a page looks at while it passes over some of them.
_AT_ONCE: Final = 250
_MOST_LOOKED: Final = 1000


class Place(NamedTuple, Generic[Item]):
    """A row with its mark; `item` is None for one to be passed over. `weight` is that of its record, in bytes."""

    mark: PageMark
    item: Item | None
    weight: int


#: Reads up to so many rows of a partition behind a mark; also tells if more may follow.
Fetch = Callable[[Partition, int, PageMark | None], Awaitable[tuple[Sequence[Place[Item]], bool]]]


class Merged(NamedTuple, Generic[Item]):
    """A page of all partitions: the rows, the mark of the last one if others follow, and who is offline."""

    rows: Sequence[tuple[Partition, Item]]
    last: PageMark | None
    offline: tuple[str, ...]


def _key(place: Place[Item]) -> tuple[float, bytes]:
    try:
        return float(place.mark.score), place.mark.id
    except ValueError:
        return 0.0, place.mark.id


class _Line(Generic[Item]):
    """The rows of one partition, in order; read some at a time."""

    def __init__(self, partition: Partition, fetch: Fetch[Item], after: PageMark | None) -> None:
        self.partition: Final = partition
        self.problem: StorageError | None = None
        self.rows: deque[Place[Item]] = deque()
        self._fetch, self._after = fetch, after
        self._is_over = False

    async def fill(self, count: int) -> None:
        """Read on if no row is left."""
        if self.rows or self._is_over:
            return
        try:
            found, may_follow = await self._fetch(self.partition, count, self._after)
        except AWAY as problem:
            self.problem, self._is_over = problem, True
            return
        self.rows.extend(found)
        self._is_over = not may_follow or not found
        if found:
            self._after = found[-1].mark


async def merged(
    partitions: Sequence[Partition], fetch: Fetch[Item], limit: int, after: PageMark | None, *, reverse: bool = False
) -> Merged[Item]:
    """Read a page of all partitions together.

    Args:
        partitions: the partitions.
        fetch: reads rows of one of them.
        limit: the most rows.
        after: the mark of the page before; `None` for the first page.
        reverse: True if rows come with the greatest first. Default False.

    Raises:
        PartitionOffline: none of the partitions can be reached.
    """
    lines = [_Line(partition, fetch, after) for partition in partitions]
    await asyncio.gather(*[line.fill(min(_AT_ONCE, limit + 1)) for line in lines])
    problems = [line.problem for line in lines if line.problem is not None]
    if len(problems) == len(lines):
        raise problems[0]
    shown: list[tuple[Partition, Item]] = []
    last, looked, weight = None, 0, 0
    choose = max if reverse else min
    while heads := [line for line in lines if line.rows]:
        line = choose(heads, key=lambda each: _key(each.rows[0]))
        place = line.rows[0]
        is_full = len(shown) >= limit or looked >= max(limit, _MOST_LOOKED) or weight + place.weight > MAX_READ_BYTES
        if is_full and looked:
            break
        line.rows.popleft()
        last, looked, weight = place.mark, looked + 1, weight + place.weight
        if place.item is not None:
            shown.append((line.partition, place.item))
        await line.fill(min(_AT_ONCE, max(1, limit - len(shown)) + 1))
    offline = tuple(line.partition.name for line in lines if line.problem is not None)
    return Merged(shown, last if heads else None, offline)

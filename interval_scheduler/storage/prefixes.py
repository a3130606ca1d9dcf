"""The tasks whose ids start with a prefix: finds them step by step, wherever they are.

::

    the prefix has a whole hash tag ──▶ the index of the tag, at its home ──┐
    else ──▶ all tasks of each partition, at the same time ─────────────────┴──▶ steps of up to about 500 ids

During a migration the old homes come before the new ones, and what is on its way between them is delivered first. So a
task that moves meanwhile is found, and one that is found at both homes is told once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from ..errors import StorageRefused
from ..model.placement import tag_of
from ..model.task import State
from .ahead import read_ahead
from .commands import lookup, sync
from .commands.lookup import Row
from .commands.sync import Marked
from .listing import PAGE, Located
from .partition.partition import Partition
from .partitions import Partitions
from .requests.batching import MAX_BATCH

#: The most tasks of a tag that are sorted in memory, about 200 bytes each; of more, a list walks over all tasks.
_MOST_SORTED: Final = 50_000
_RANKS: Final[dict[State, int]] = {"leased": 0, "waiting": 1, "paused": 2}


class Found(NamedTuple):
    """The result of one step: a partition, the ids found there, and the number of tasks read."""

    partition: Partition
    ids: Sequence[bytes]
    looked: int


class Place(NamedTuple):
    """The place of a task in a list; places are in the order of the list."""

    rank: int
    due_ms: int
    id: bytes


class Prefix:
    """The tasks whose ids start with a prefix.

    Args:
        partitions: the partitions.
        prefix: the prefix.
    """

    def __init__(self, partitions: Partitions, prefix: str) -> None:
        self._all = partitions
        self._raw = prefix.encode()
        self._migration = partitions.migration
        #: True if the prefix has a whole hash tag.
        self.has_tag: Final = tag_of(self._raw) is not None

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions where such tasks can be, in the order in which tasks move.

        Raises:
            PartitionOffline: the home of the tag is offline.
        """
        migration = self._migration
        if not self.has_tag:
            return self._all.all if migration is None else migration.in_order
        home = self._all.home(self._raw)
        if migration is None or not migration.changes_home(self._raw):
            return [home]
        return [migration.old_home(self._raw), home]

    async def prepare(self) -> None:
        """Apply the known hints, before a change of these tasks.

        Raises:
            PartitionOffline: a partition where they can be is offline; nothing was changed.
        """
        partitions = self.partitions()
        for partition in partitions:
            partition.require_online()
        for partition in partitions:
            if partition.detour is not None:
                await partition.detour.passable()
            partition.require_online()

    def walks(self, *, with_dead: bool = False) -> list[AsyncIterator[Found]]:
        """Return walks over these tasks that may go on at the same time: one for each partition, unless tasks move."""
        if self._migration is not None:
            return [self.steps(with_dead=with_dead)]
        return [self.steps(with_dead=with_dead, only=[partition]) for partition in self.partitions()]

    async def steps(
        self,
        *,
        marks: Callable[[Partition], Marked] | None = None,
        with_dead: bool = False,
        only: Sequence[Partition] | None = None,
    ) -> AsyncIterator[Found]:
        """Find the ids of scheduled tasks, step by step.

        Args:
            only: the partitions to walk over. Default: all where such tasks can be.
            marks: returns the marks of a sync on a partition; marked ids are left out. Default: none.
            with_dead: True to find dead tasks as well. Default False.

        Raises:
            PartitionOffline: a partition is offline.
            StorageRefused: a partition lost marks, so that the ids to keep are not known.
        """
        migration, told = self._migration, set[bytes]()
        partitions = self.partitions() if only is None else only
        for partition in partitions:
            if migration is not None:
                for old in partitions[:-1] if self.has_tag else migration.old:
                    await migration.forward(old)
            cursor = b"0"
            while True:
                marked = None if marks is None else marks(partition)
                cursor, ids, looked = await sync.sweep(
                    partition.gate, cursor, MAX_BATCH, self._raw, marked=marked, with_dead=with_dead
                )
                if not cursor:
                    raise StorageRefused(
                        partition.name,
                        "LOST",
                        "has lost marks of this sync, so that nothing more is removed: call it again",
                    )
                if migration is not None:
                    ids = [raw_id for raw_id in ids if raw_id not in told]
                    told.update(raw_id for raw_id in ids if migration.changes_home(raw_id))
                yield Found(partition, ids, looked)
                if cursor == b"0":
                    break

    # Lists

    async def places(self, state: State | None) -> list[Place] | None:
        """Find the places of the tasks of a tag, in the order of a list; `None` if there are too many to sort.

        Args:
            state: the state of the tasks to find; `None`: any.
        """
        found: list[Place] = []
        async for partition, ids, _ in self.steps():
            rows = await self._look(partition, ids, -1)
            found += [Place(_RANKS[row.state], row.due_ms, row.id) for _, row in rows if state in (None, row.state)]
            if len(found) > _MOST_SORTED:
                return None
        return sorted(found)

    async def rows(self, places: Sequence[Place], state: State | None) -> AsyncGenerator[Located, None]:
        """Yield the tasks at some places, page by page; those that are gone by then are left out."""
        home = self.partitions()[-1]

        async def read(start: int) -> tuple[Located, int | None]:
            ids = [place.id for place in places[start : start + PAGE]]
            found = await self._look(home, ids, lookup.MAX_READ_BYTES)
            after = start + PAGE
            return [each for each in found if state in (None, each[1].state)], after if after < len(places) else None

        async with aclosing(read_ahead(read, 0)) as pages:
            async for page in pages:
                yield page

    async def _look(self, partition: Partition, ids: Sequence[bytes], weight: int) -> list[tuple[Partition, Row]]:
        """Look tasks up at a partition, and those that are not there while tasks move, wherever they are."""
        rows: list[tuple[Partition, Row]] = []
        while ids:
            some = await lookup.look(partition.gate, ids, weight)
            for raw_id, row in zip(ids, some, strict=False):
                where = partition
                if row is None and self._migration is not None:
                    where, row = await self._all.locate(raw_id)  # noqa: PLW2901 - the row of this id, where it is now
                if row is not None:
                    rows.append((where, row))
            ids = ids[len(some) :]
        return rows

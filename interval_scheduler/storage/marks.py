"""The face of the storage for a sync: it marks the ids to keep, so that the rest can be found.

The marks are in Redis, at the home of each task, so that the memory of the process stays bounded. They expire after an
hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from .commands import sync
from .commands.sync import Marked
from .partition.partition import Partition
from .partitions import Partitions
from .prefixes import Prefix
from .requests.batching import MAX_BATCH, MAX_BATCH_BYTES
from .requests.session import Session

__all__ = ["MAX_BATCH", "MAX_BATCH_BYTES", "Marks", "Partition", "Partitions", "Prefix"]

#: The time for which the marks of a sync are kept after the last one.
_KEPT_MS: Final = 3_600_000


class Marks:
    """The marks of one sync.

    Args:
        partitions: the partitions.
        retry_for_seconds: how long a mark in doubt is sent again.
    """

    def __init__(self, partitions: Partitions, retry_for_seconds: float) -> None:
        self._partitions = partitions
        self._name = secrets.token_hex(8).encode()
        self._sessions = {partition: Session(partition.gate, retry_for_seconds) for partition in partitions.all}
        #: The number of marks on each partition; one that has none is not there.
        self._counts: dict[Partition, int] = {}
        #: The migration that was under way when the sync began: ids are then marked at their old homes too.
        self.migration = partitions.migration

    async def mark(self, ids: Sequence[bytes]) -> set[bytes]:
        """Mark ids to keep, each at its home; return those that were not marked before."""
        fresh: set[bytes] = set()
        by_home: dict[Partition, list[bytes]] = {}
        for raw_id in ids:
            by_home.setdefault(self._partitions.home(raw_id), []).append(raw_id)
            if self.migration is not None and self.migration.changes_home(raw_id):
                by_home.setdefault(self.migration.old_home(raw_id), []).append(raw_id)
        for home, its_ids in by_home.items():
            self._counts.setdefault(home, 0)
            flags = await sync.mark(self._sessions[home], home.keys, self._name, _KEPT_MS, its_ids)
            self._counts[home] += sum(flags)
            fresh.update(raw_id for raw_id, is_fresh in zip(its_ids, flags, strict=True) if is_fresh)
        return fresh

    def on(self, partition: Partition) -> Marked:
        """Return the marks on a partition, for the search for all other ids."""
        return Marked(self._name, self._counts.get(partition, 0))

    async def forget(self) -> None:
        """Delete the marks on all partitions that are online."""
        for partition in self._counts:
            if partition.state == "online":
                session = self._sessions[partition]
                await sync.mark(session, partition.keys, self._name, _KEPT_MS, [])

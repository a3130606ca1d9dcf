"""The face of the storage for a sync: it marks the ids to keep, and sweeps over the rest.

The marks are in Redis, at the home of each task, so that the memory of the process stays bounded. They expire after an
hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from ..errors import StorageRefused
from .commands import sync
from .partition.partition import Partition
from .partitions import Partitions
from .requests.batching import MAX_BATCH, MAX_BATCH_BYTES
from .requests.session import Session

__all__ = ["MAX_BATCH", "MAX_BATCH_BYTES", "Marks", "Partition", "Partitions"]

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
        self._counts = dict.fromkeys(partitions.all, 0)
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
            flags = await sync.mark(self._sessions[home], home.keys, self._name, _KEPT_MS, its_ids)
            self._counts[home] += sum(flags)
            fresh.update(raw_id for raw_id, is_fresh in zip(its_ids, flags, strict=True) if is_fresh)
        return fresh

    async def sweep(self, partition: Partition, cursor: bytes, prefix: bytes) -> tuple[bytes, Sequence[bytes]]:
        """Sweep one step. Return the next cursor (`b"0"`: the end is reached), and the unmarked ids with the prefix.

        Raises:
            StorageRefused: the partition lost marks, so that the ids to keep are not known.
        """
        count = self._counts[partition]
        cursor, ids = await sync.sweep(partition.gate, self._name, cursor, MAX_BATCH, prefix, count)
        if not cursor:
            raise StorageRefused(
                partition.name, "LOST", "has lost marks of this sync, so that nothing more is removed: call it again"
            )
        return cursor, ids

    async def forget(self) -> None:
        """Delete the marks on all partitions that are online."""
        for partition, session in self._sessions.items():
            if partition.state == "online":
                await sync.mark(session, partition.keys, self._name, _KEPT_MS, [])

"""The face of the storage for a sync: marks the ids that it wants to keep, and sweeps over the rest.

The marks stand in Redis, at the home of each task, so that memory is bounded. They expire after an hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from ..errors import StorageRefused
from .commands import sync
from .partition.partition import Partition
from .partitions import Partitions, Row
from .requests.batching import MAX_BATCH
from .requests.session import Session

__all__ = ["MAX_BATCH", "Marks", "Partitions", "Row"]

#: How long the marks of a sync outlive its last one.
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
        self._sessions = {partition: Session(partition, retry_for_seconds) for partition in partitions.all}
        self._counts = dict.fromkeys(partitions.all, 0)
        #: While tasks move: marks stand at the old homes too, if there were any when the sync began.
        self.migration = partitions.migration

    async def mark(self, ids: Sequence[bytes]) -> None:
        """Mark ids as wanted, each at its home."""
        by_home: dict[Partition, list[bytes]] = {}
        for raw_id in ids:
            by_home.setdefault(self._partitions.home(raw_id), []).append(raw_id)
            if self.migration is not None and self.migration.changes_home(raw_id):
                by_home.setdefault(self.migration.old_home(raw_id), []).append(raw_id)
        for home, its_ids in by_home.items():
            self._counts[home] += await sync.mark(self._sessions[home], home.keys, self._name, _KEPT_MS, its_ids)

    async def sweep(self, partition: Partition, cursor: bytes, prefix: bytes) -> tuple[bytes, Sequence[bytes]]:
        """Walk one step: where it ended (`b"0"`: at the end), and the ids of the prefix that are not marked.

        Raises:
            StorageRefused: the partition lost marks, so that nobody knows what is wanted.
        """
        count = self._counts[partition]
        cursor, ids = await sync.sweep(partition, self._name, cursor, MAX_BATCH, prefix, count)
        if not cursor:
            raise StorageRefused(
                partition.name, "LOST", "has lost notes of this sync, so that nothing more is removed: call it again"
            )
        return cursor, ids

    async def forget(self) -> None:
        """Take the marks away, where the partition is online."""
        for partition, session in self._sessions.items():
            if partition.state == "online":
                await sync.mark(session, partition.keys, self._name, _KEPT_MS, [])

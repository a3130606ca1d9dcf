"""The rebalancer: it brings tasks to their new homes in the background, after the list of partitions was changed.

::

    wait for the lock ──▶ walk over each old partition ──▶ try the leased tasks again ──▶ note the end
          ▲                            │
          └── lost, offline, full ─────┘

Every scheduler has a rebalancer while tasks move. The lock lets one rebalancer work at a time; it is not needed for
safety, since batches are numbered. If its holder dies, the next rebalancer begins a walk of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio

from ..errors import LockError, LockTimeout, StorageError
from ..storage.partitions import Migration, Partition, Partitions
from ..support.backoff import delays
from ..support.log import Log
from .locks import Locks

_LOCK: Final = "partitions:move"
#: The time after which a rebalancer that died lets the next one begin, seconds.
_LOCK_SECONDS: Final = 3.0
_CHECK_SECONDS: Final = 0.5
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 5.0
#: About the number of tasks that one step looks at.
_STEP: Final = 200


class Rebalancer:
    """The rebalancer of one scheduler: it moves tasks until no task has to move.

    Args:
        partitions: the partitions.
        locks: the locks, by which only one rebalancer of all schedulers works at a time.
        log: the log for progress and faults.
    """

    def __init__(self, partitions: Partitions, locks: Locks, log: Log) -> None:
        self._partitions = partitions
        self._locks = locks
        self._log = log

    async def run(self) -> None:
        """Move tasks, or wait while another scheduler moves them; return once no task has to move."""
        pauses = delays(_FIRST_DELAY, _LONGEST_DELAY)
        while self._partitions.migration is not None:
            try:
                if self._partitions.migration.delivers:
                    await self.run_once(self._partitions.migration)
                else:
                    await self._await_end(self._partitions.migration)
            except LockTimeout:
                pauses = delays(_FIRST_DELAY, _LONGEST_DELAY)
                await anyio.sleep(_CHECK_SECONDS)  # another scheduler moves the tasks
            except (StorageError, LockError) as error:
                self._log.warning("moving tasks to their new homes is held up: %s", error)
                await anyio.sleep(next(pauses))
            else:
                return

    async def run_once(self, migration: Migration) -> None:
        """Move all tasks that have to move, and end the migration.

        Raises:
            LockTimeout: another scheduler moves the tasks.
            LockError, StorageError: the migration was held up.
        """
        master = self._partitions.master
        if await migration.is_going_on(master):
            async with self._locks.hold(_LOCK, _LOCK_SECONDS, 0):
                if await migration.is_going_on(master):
                    await self._move(migration)
        self._partitions.end_migration()

    async def _await_end(self, migration: Migration) -> None:
        """Wait until other schedulers have moved all tasks, and write nothing."""
        while True:
            if not await migration.is_going_on(self._partitions.master):
                self._partitions.end_migration()
                return
            await anyio.sleep(_CHECK_SECONDS)

    async def _move(self, migration: Migration) -> None:
        names = ", ".join(partition.name for partition in migration.new)
        self._log.info("tasks move to their new homes: the partitions are %s now", names)
        left = {old: await self._scan(migration, old) for old in migration.old}
        pauses = delays(_SHORTEST_PAUSE, _LONGEST_PAUSE)
        while any(left.values()):
            await anyio.sleep(next(pauses))  # the tasks that are left run at the moment
            for old, ids in left.items():
                left[old] = await self._send(migration, old, ids)
        moved = 0
        for old in migration.old:
            await migration.forward(old)
            moved += await migration.moved(old)
        await migration.finish(self._partitions.master)
        self._log.info("%d tasks have moved to their new homes", moved)

    async def _scan(self, migration: Migration, old: Partition) -> Sequence[bytes]:
        """Move the tasks of a partition that belong elsewhere; return those that stay for now: they are leased."""
        await migration.forward(old)
        left: list[bytes] = []
        looked, cursor = 0, b"0"
        while True:
            cursor, ids = await migration.scan(old, cursor, _STEP, looked)
            looked += len(ids)
            left += await self._send(
                migration, old, [raw_id for raw_id in ids if migration.new_home(raw_id) is not old]
            )
            if cursor == b"0":
                return left

    @staticmethod
    async def _send(migration: Migration, old: Partition, ids: Sequence[bytes]) -> Sequence[bytes]:
        """Move tasks, each to its new home; return those that stay for now: they are leased."""
        by_home: dict[Partition, list[bytes]] = {}
        for raw_id in ids:
            by_home.setdefault(migration.new_home(raw_id), []).append(raw_id)
        left: list[bytes] = []
        for home, its_ids in by_home.items():
            left += await migration.send(old, home, its_ids)
        return left

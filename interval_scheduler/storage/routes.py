"""Sends each call on a task to the home of that task.

During a migration, calls on a task that moves go to the partition where it is (see `topology/migration.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, TypeVar

from ..model.assignment import Assignment, NeverRuns
from ..model.placement import homes
from ..model.updating import TaskUpdate, UpdateAnswer
from .commands import lookup
from .commands.assigning import Removed
from .commands.backup import RestoreBatch
from .commands.control import ControlStep
from .commands.lookup import DeadRow, Row
from .partition.partition import Partition
from .requests.together import Answers, answers_of
from .requests.turns import Turn
from .topology.migration import Migration

Item = TypeVar("Item")
Result = TypeVar("Result")


class Routes:
    """The ways to the tasks of a list of partitions.

    Args:
        listed: the partitions of the list, in its order.
        master_index: the place of the master in it.
    """

    def __init__(self, listed: Sequence[Partition], master_index: int) -> None:
        self._listed: Final = listed
        self.master: Final = listed[master_index]
        self._home = homes([partition.name for partition in listed])
        #: The migration to this list; `None` if no tasks move.
        self.migration: Migration | None = None
        # The one before: calls that still go from home to home come before later ones on the same task.
        self._over: Migration | None = None

    def home(self, raw_id: bytes) -> Partition:
        """Return the home of a task id; raise unless it is online."""
        partition = self._listed[self._home(raw_id)]
        partition.require_online()
        return partition

    def writable(self, raw_id: bytes) -> Partition:
        """Return the home of a task id to assign, remove or look up; raise unless it is online or takes hints."""
        partition = self._listed[self._home(raw_id)] if len(self._listed) > 1 else self.master
        if partition.state != "online":  # the frequent case needs no call
            _require_writable(partition)
        return partition

    def by_home(self, ids: Iterable[bytes]) -> dict[Partition, list[bytes]]:
        """Return task ids by their homes, which may be offline."""
        found: dict[Partition, list[bytes]] = {}
        for raw_id in ids:
            found.setdefault(self._listed[self._home(raw_id)], []).append(raw_id)
        return found

    def assign(self, call: Assignment) -> asyncio.Future[bool | NeverRuns]:
        """Assign a task with the next batch; the result is True if it is new."""
        if (migration := self._migration_of(call.id)) is not None:
            return migration.assign(call)
        return self.writable(call.id).assign.submit(call)

    def remove(self, raw_id: bytes) -> asyncio.Future[Removed]:
        """Remove a task with the next batch."""
        if (migration := self._migration_of(raw_id)) is not None:
            return migration.remove(raw_id)
        return self.writable(raw_id).remove.submit(raw_id)

    def control(self, step: ControlStep) -> asyncio.Future[str]:
        """Carry out a step on a task with the next batch."""
        if (migration := self._migration_of(step.raw_id)) is not None:
            return migration.control(step)
        return self.home(step.raw_id).control.submit(step)

    def assign_all(self, calls: Sequence[Assignment]) -> Iterator[asyncio.Future[Answers[bool | NeverRuns]]]:
        """Assign tasks with the next batches; give each call to a home as it is made."""
        return self._all(calls, lambda call: call.id, self.writable, lambda home: home.assign, self.assign)

    def remove_all(self, ids: Sequence[bytes]) -> Iterator[asyncio.Future[Answers[Removed]]]:
        """Remove tasks with the next batches; give each call to a home as it is made."""
        return self._all(ids, bytes, self.writable, lambda home: home.remove, self.remove)

    def control_all(self, steps: Sequence[ControlStep]) -> Iterator[asyncio.Future[Answers[str]]]:
        """Carry out steps on tasks with the next batches; give each call to a home as it is made."""
        return self._all(steps, lambda step: step.raw_id, self.home, lambda home: home.control, self.control)

    def _all(
        self,
        items: Sequence[Item],
        id_of: Callable[[Item], bytes],
        find: Callable[[bytes], Partition],
        turn_of: Callable[[Partition], Turn[Item, Result]],
        one: Callable[[Item], asyncio.Future[Result]],
    ) -> Iterator[asyncio.Future[Answers[Result]]]:
        if self._may_move():
            for item in items:
                yield answers_of(one(item))
        elif len(self._listed) == 1:
            yield turn_of(find(id_of(items[0]))).submit_all(items)
        else:
            by_home: dict[int, list[Item]] = {}
            for item in items:
                by_home.setdefault(self._home(id_of(item)), []).append(item)
            for some in by_home.values():
                yield turn_of(find(id_of(some[0]))).submit_all(some)

    async def restore(self, batch: RestoreBatch) -> str:
        """Put tasks of a backup back, each at its home; return a flag for each.

        Raises:
            PartitionOffline: the home of one of them is offline; nothing was changed.
        """
        if len(self._listed) == 1 and not self._may_move():  # the frequent case
            return await self.master.restore.submit(batch)
        positions: dict[tuple[Partition, Migration | None, Partition], list[int]] = {}
        for position, entry in enumerate(batch.entries):
            home, migration = self.home(entry.id), self._migration_of(entry.id)
            old = home if migration is None else migration.old_home(entry.id)
            positions.setdefault((home, migration, old), []).append(position)
        flags = [""] * len(batch.entries)
        calls = []
        for (home, migration, old), some in positions.items():
            part = RestoreBatch([batch.entries[position] for position in some], batch.replace)
            calls.append(home.restore.submit(part) if migration is None else migration.restore(old, home, part))
        try:
            # All to their ends: what the first error tells must not go on changing tasks behind the caller's back.
            ends = await asyncio.gather(*calls, return_exceptions=True)
        except asyncio.CancelledError:
            for call in calls:
                call.cancel()
            raise
        for some, told in zip(positions.values(), ends, strict=True):
            if isinstance(told, BaseException):
                raise told
            for position, flag in zip(some, told, strict=True):
                flags[position] = flag
        return "".join(flags)

    async def exist(self, ids: Sequence[bytes]) -> list[bool]:
        """Tell of each id if there is a task, dead ones too; while tasks move, at either of its homes.

        Raises:
            PartitionOffline: the home of one of them is offline.
        """
        places: dict[Partition, list[bytes]] = {}
        for raw_id in ids:
            homes = {self.home(raw_id)}
            if (migration := self._migration_of(raw_id)) is not None:
                homes.add(migration.old_home(raw_id))
            for home in homes:
                places.setdefault(home, []).append(raw_id)
        told = await asyncio.gather(*[lookup.exist(home.gate, some) for home, some in places.items()])
        found = {
            raw_id
            for some, flags in zip(places.values(), told, strict=True)
            for raw_id, exists in zip(some, flags, strict=True)
            if exists
        }
        return [raw_id in found for raw_id in ids]

    def update(self, call: TaskUpdate) -> asyncio.Future[UpdateAnswer]:
        """Change a task with the next batch."""
        if (migration := self._migration_of(call.id)) is not None:
            return migration.update(call)
        return self.home(call.id).update.submit(call)

    def has(self, raw_id: bytes) -> asyncio.Future[Literal[True] | None]:
        """Ask with the next batch if a task is scheduled."""
        if (migration := self._migration_of(raw_id)) is not None:
            return migration.has(raw_id)
        return self.writable(raw_id).has.submit(raw_id)

    def look(self, raw_id: bytes) -> asyncio.Future[Row | None]:
        """Look a task up with the next batch."""
        if (migration := self._migration_of(raw_id)) is not None:
            return migration.look(raw_id)
        return self.writable(raw_id).look.submit(raw_id)

    async def locate(self, raw_id: bytes) -> tuple[Partition, Row | None]:
        """Look a task up, and return it with its partition; if it does not exist, `None` with its home."""
        if (migration := self._migration_of(raw_id)) is not None and not migration.is_over:
            old = migration.old_home(raw_id)
            if (row := await old.look.submit(raw_id)) is not None:
                return old, row
        row = await self.look(raw_id)
        return self._listed[self._home(raw_id)], row

    def leave_migration(self) -> None:
        """Leave the migration, since all tasks have moved; calls that it has under way keep their order."""
        if self.migration is not None:
            self.migration.is_over = True
        self._over, self.migration = self.migration, None

    def _may_move(self) -> bool:
        """Tell if a call may go from home to home; a migration that is over is forgotten once none does."""
        if self._over is not None and self._over.is_quiet:
            self._over = None
        return self.migration is not None or self._over is not None

    async def locate_dead(self, raw_id: bytes) -> tuple[Partition, DeadRow] | None:
        """Look a dead task up, and return it with its partition; `None` if it is not dead.

        Raises:
            PartitionOffline: its home is offline; while it moves, one of its homes.
        """
        if (migration := self._migration_of(raw_id)) is not None and not migration.is_over:
            old = migration.old_home(raw_id)
            if (row := await lookup.look_dead(old.gate, raw_id)) is not None:
                return old, row
            await migration.arrival(raw_id)
        home = self.home(raw_id)
        row = await lookup.look_dead(home.gate, raw_id)
        return None if row is None else (home, row)

    def _migration_of(self, raw_id: bytes) -> Migration | None:
        """Return the migration if it changes the home of a task; then raise unless its old home is online.

        Return one that is over for a task on which an earlier call is still under way.
        """
        if self.migration is None:  # the frequent case
            over = self._over
            return over if over is not None and over.is_under_way(raw_id) else None
        if not self.migration.changes_home(raw_id):
            return None
        self.migration.old_home(raw_id).require_online()
        return self.migration


def _require_writable(partition: Partition) -> None:
    """Raise unless tasks can be assigned and removed: it is online, or hints are kept."""
    if partition.detour is None:
        partition.require_online()
    else:
        partition.detour.require()

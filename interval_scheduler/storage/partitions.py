"""All partitions: finds the home of each task, connects the partitions, and does what concerns them together.

During a migration, the partitions of the old list are among them, and calls on a task that moves go to the partition
where it is (see `topology/migration.py`).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup

from ..config.options import SchedulerOptions
from ..errors import PartitionMismatch
from ..model.assignment import AssignCall, NeverRuns
from ..model.placement import homes
from ..model.reports import PartitionMove
from ..support.broadcast import Broadcast
from ..support.log import Log
from .commands import handoff
from .commands.assigning import Removed
from .commands.control import ControlStep
from .commands.locks import LockAnswer, LockStep
from .commands.lookup import Row
from .connection.discovery import open_locators
from .partition.partition import Partition
from .scripts.membership import split
from .topology.agreement import Reconfiguration
from .topology.handoff import Handoff
from .topology.hint_replay import HintReplay
from .topology.migration import Migration
from .topology.quota_copies import QuotaCopies

__all__ = [
    "ControlStep",
    "LockAnswer",
    "LockStep",
    "Migration",
    "Partition",
    "Partitions",
    "Removed",
    "Row",
]


class Partitions:
    """The partitions of a scheduler, from its options."""

    def __init__(self, options: SchedulerOptions, log: Log) -> None:
        self._log = log
        #: Tells of a partition that goes offline, and when it is back.
        self.states: Final[Broadcast[Partition]] = Broadcast()
        #: Tells the name of a partition that is back after a loss of its data.
        self.losses: Final[Broadcast[str]] = Broadcast()
        self._list_epoch: Final = options.storage.list_epoch
        instances = (*options.storage.instances, *options.storage.leaving)
        locators = open_locators(instances, options.storage, log)
        opened = [
            Partition(instance, options, log, self.states.tell, locator)
            for instance, locator in zip(instances, locators, strict=True)
        ]
        for partition in opened:
            partition.losses.subscribe(self.losses.tell)
        self._listed: Final[Sequence[Partition]] = opened[: len(options.storage.instances)]
        self._leaving: Sequence[Partition] = opened[len(options.storage.instances) :]
        self._dropping: Final = anyio.CancelScope()
        self.master: Final = self._listed[options.storage.master_index]
        self._home = homes([partition.name for partition in self._listed])
        #: The migration to this list; `None` if no tasks move.
        self.migration: Migration | None = None
        # The one before: calls that still go from home to home come before later ones on the same task.
        self._over: Migration | None = None
        #: The quotas, of which each partition has a copy.
        self.quotas: Final = QuotaCopies(self.master, lambda: self.all, log)
        for partition in (*self._listed, *self._leaving):
            if partition is not self.master:
                partition.before_online = self.quotas.bring
        self._handoffs: list[Handoff] = []
        self._hint_replay: HintReplay | None = None
        if options.on_offline == "hint":
            for partition in self._others():
                self._handoffs.append(Handoff(partition, self.master, options, log))
                partition.use_detour(self._handoffs[-1])
            if self._handoffs:
                self._hint_replay = HintReplay(self.master, self._handoffs, options.check_tasks_every_seconds, log)

    @property
    def all(self) -> Sequence[Partition]:
        """The partitions of the list, in its order; during a migration, then those that were removed from it."""
        return self._listed if self.migration is None else (*self._listed, *self._leaving)

    def home(self, raw_id: bytes) -> Partition:
        """Return the home of a task id; raise unless it is online."""
        partition = self._listed[self._home(raw_id)]
        partition.require_online()
        return partition

    def writable(self, raw_id: bytes) -> Partition:
        """Return the home of a task id to assign, remove or look up; raise unless it is online or takes hints."""
        partition = self._listed[self._home(raw_id)] if len(self._listed) > 1 else self.master
        if partition.state != "online":  # the frequent case needs no call
            partition.require_writable()
        return partition

    def assign(self, call: AssignCall) -> asyncio.Future[bool | NeverRuns]:
        """Assign a task with the next batch; the result is True if it is new."""
        if (migration := self._migration_of(call.assignment.id)) is not None:
            return migration.assign(call)
        return self.writable(call.assignment.id).assign.submit(call)

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

    def lock(self, step: LockStep) -> asyncio.Future[LockAnswer]:
        """Carry out a step on a lock with the next batch, even if this list of partitions is no longer in force."""
        self.master.require_online(with_any_list=True)
        return self.master.lock.submit(step)

    def require_online(self) -> None:
        """Raise unless all partitions are online.

        Raises:
            PartitionOffline, PartitionListChanged, NotConnected: one is not.
        """
        for partition in self.all:
            partition.require_online()

    async def progress(self) -> tuple[PartitionMove, ...]:
        """Tell how far tasks have moved away from each partition of the old list; empty if no tasks move."""
        return () if self.migration is None else await self.migration.progress()

    def end_migration(self) -> None:
        """End the migration, since all tasks have moved; drop the partitions that were removed from the list."""
        if self.migration is not None:
            self.migration.is_over = True
        self._over, self.migration = self.migration, None
        self._hold_hints(held=False)
        for partition in self._listed:
            partition.handshake.expect(from_list=b"")
        for partition in self._leaving:
            partition.retire()

    async def connect(self, group: TaskGroup) -> None:
        """Start all partitions in `group`; return once each was tried and at least one is online.

        Raises:
            UnsuitableServer: one of them must not be used (nothing was written then).
            StorageRefused: one of them refuses.
            PartitionOffline: none of them can be reached.
        """
        for partition in self._listed:
            group.start_soon(partition.run)
        group.start_soon(self._run_leaving)
        self.states.subscribe(functools.partial(self._on_state, group))
        for partition in (*self._listed, *self._leaving):
            await partition.first_try()
        self._raise_unusable()
        self._raise_same_database()
        await self._agree()
        # The master comes first: the others ask it for hints before they go online.
        for partition in (self.master, *self._others()):
            await partition.admit()
        self._raise_unusable()
        problems = [partition.problem for partition in self.all if partition.problem is not None]
        if len(problems) == len(self.all):
            raise problems[0]
        for problem in problems:
            self._log.warning("%s", problem)
        if self._hint_replay is not None:
            group.start_soon(self._hint_replay.run)

    def _on_state(self, group: TaskGroup, partition: Partition) -> None:
        if partition is self.master and partition.state == "online" and len(self.all) > 1:
            group.start_soon(self.quotas.bring_all)

    def _others(self) -> list[Partition]:
        return [partition for partition in self.all if partition is not self.master]

    async def hint_counts(self) -> dict[Partition, int]:
        """Count the hints that wait for each partition except the master, also if this scheduler keeps none.

        Raises:
            PartitionOffline: the master cannot be reached.
        """
        others = self._others()
        if not others:
            return {}
        keys = [self.master.keys.hints_for(partition.name) for partition in others]
        return dict(zip(others, await handoff.hint_counts(self.master.gate, keys), strict=True))

    def _hold_hints(self, *, held: bool) -> None:
        """Stop or resume keeping hints: while tasks move, it is not certain for which partition a hint would be."""
        for each in self._handoffs:
            each.hold(held=held)

    async def apply_hints(self) -> None:
        """Apply the known hints, before an operation on all tasks.

        Raises:
            PartitionOffline: a partition is offline.
        """
        for partition in self.all:
            if partition.detour is not None:
                await partition.detour.passable()
            partition.require_online()

    async def _run_leaving(self) -> None:
        with self._dropping:
            async with anyio.create_task_group() as group:
                for partition in self._leaving:
                    group.start_soon(partition.run)

    async def _agree(self) -> None:
        """Find out which list is in force, and if tasks move to it."""
        agreement = await Reconfiguration(self._listed, self._leaving, self.master, self._list_epoch).agree()
        for partition in (*self._listed, *self._leaving):
            partition.adopt(agreement.epoch, agreement.from_list)
        if agreement.from_list:
            by_name = {partition.name: partition for partition in (*self._listed, *self._leaving)}
            self.migration = Migration([by_name[name] for name in split(agreement.from_list)], self._listed)
            self._leaving = [partition for partition in self.migration.old if partition not in self._listed]
            self._hold_hints(held=True)
        else:
            self._leaving = ()
            self._dropping.cancel()

    def _raise_unusable(self) -> None:
        for partition in self.all:
            problem = partition.problem
            if problem is not None and not isinstance(problem, ConnectionError):
                raise problem

    def _raise_same_database(self) -> None:
        names: dict[str, str] = {}
        for partition in self.all:
            if partition.database is not None:
                other = names.setdefault(partition.database, partition.name)
                if other != partition.name:
                    raise PartitionMismatch(partition.name, f"is the same database as {other!r}: name each only once")

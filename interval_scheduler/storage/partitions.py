"""All partitions: connects them, and does what concerns them together.

During a migration, the partitions of the old list are among them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup

from ..config.options import SchedulerOptions
from ..errors import PartitionMismatch, PartitionOffline, UnknownNamespace
from ..model.reports import PartitionMove
from ..support.broadcast import Broadcast
from ..support.log import Log
from .commands import handoff
from .commands.assigning import Removed
from .commands.backup import RestoreBatch
from .commands.control import ControlStep
from .commands.locks import LockAnswer, LockStep
from .commands.lookup import Row
from .commands.queues import list_queues
from .connection.failures import FAILED, translate
from .connection.link import Links
from .partition.opening import QueueOf, open_partitions
from .partition.partition import Partition
from .routes import Routes
from .scripts.membership import split
from .topology.agreement import Reconfiguration
from .topology.handoff import Handoff
from .topology.hint_replay import HintReplay
from .topology.migration import Migration
from .topology.quota_copies import QuotaCopies

__all__ = [
    "ControlStep",
    "Links",
    "LockAnswer",
    "LockStep",
    "Migration",
    "Partition",
    "Partitions",
    "QueueOf",
    "Removed",
    "RestoreBatch",
    "Row",
]


class Partitions(Routes):
    """The partitions of a scheduler, from its options.

    Args:
        options: the options.
        log: the log for partitions that cannot be reached, and for all that concerns one.
        links: the links to the servers, which a namespace and its queues share.
        queue: the queue whose partitions they are; `None`: they are those of no queue.
        creates: False if nothing is made that is not there, and nothing is written unasked. Default True.
    """

    def __init__(
        self, options: SchedulerOptions, log: Log, links: Links, queue: QueueOf | None = None, *, creates: bool = True
    ) -> None:
        self._log = log
        self._queue = queue
        self._creates = creates
        #: Tells of a partition that goes offline, and when it is back.
        self.states: Final[Broadcast[Partition]] = Broadcast()
        #: Tells the name of a partition that is back after a loss of its data.
        self.losses: Final[Broadcast[str]] = Broadcast()
        self._list_epoch: Final = options.storage.list_epoch
        opened = open_partitions(options, log, links, self.states.tell, queue, creates=creates)
        for partition in opened:
            partition.losses.subscribe(self.losses.tell)
        super().__init__(opened[: len(options.storage.instances)], options.storage.master_index)
        self._leaving: Sequence[Partition] = opened[len(options.storage.instances) :]
        self._dropping: Final = anyio.CancelScope()
        #: The quotas, of which each partition has a copy.
        self.quotas: Final = QuotaCopies(self.master, lambda: self.all, log)
        self._handoffs: list[Handoff] = []
        self._hint_replay: HintReplay | None = None
        if creates:
            self._bring_quotas()
        if creates and options.on_offline == "hint":
            for partition in self._others():
                self._handoffs.append(Handoff(partition, self.master, options, log))
                partition.use_detour(self._handoffs[-1])
            if self._handoffs:
                self._hint_replay = HintReplay(self.master, self._handoffs, options.check_tasks_every_seconds, log)

    def _bring_quotas(self) -> None:
        for partition in (*self._listed, *self._leaving):
            if partition is not self.master:
                partition.before_online = self.quotas.bring

    @property
    def all(self) -> Sequence[Partition]:
        """The partitions of the list, in its order; during a migration, then those that were removed from it."""
        return self._listed if self.migration is None else (*self._listed, *self._leaving)

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
        """Tell how far tasks have moved away from each partition of the old list; empty if no tasks move.

        Raises:
            PartitionOffline, PartitionListChanged: a partition is not online, so that this is not known of it.
        """
        if self.migration is None:
            self.require_online()
            return ()
        return await self.migration.progress()

    def end_migration(self) -> None:
        """End the migration, since all tasks have moved; drop the partitions that were removed from the list."""
        self.leave_migration()
        self._hold_hints(held=False)
        for partition in self._listed:
            partition.handshake.expect(from_list=b"")
        for partition in self._leaving:
            partition.retire()

    async def reach(self, group: TaskGroup) -> None:
        """Start all partitions in `group`; return once each was tried. Nothing was written then.

        Raises:
            UnsuitableServer: one of them must not be used, or another list is in use.
            StorageRefused: one of them refuses.
            PartitionOffline: one that a change of the list needs cannot be reached.
            UnknownNamespace: nothing is made, and none of them has the namespace.
        """
        for partition in self._listed:
            group.start_soon(partition.run)
        group.start_soon(self._run_leaving)
        if self._creates:
            self.states.subscribe(functools.partial(self._on_state, group))
        for partition in (*self._listed, *self._leaving):
            await partition.first_try()
        self._raise_unusable()
        if not self._creates:
            self._raise_unknown()
        self._raise_same_database()
        self._reconfiguration().check()

    async def queue_names(self) -> Sequence[str]:
        """List the queues of the namespace, once the master was reached.

        Raises:
            StorageError: the master cannot be reached, or refuses.
        """
        try:
            if self.master.state == "connecting":  # it was reached, and is not online yet
                return await list_queues(self.master, self.master.keys, is_online=False)
            return await list_queues(self.master.gate, self.master.keys)
        except FAILED as error:
            raise translate(self.master.name, error) from None

    @property
    def is_list_changing(self) -> bool:
        """True if this may change the list of partitions, or move tasks; once all partitions were tried."""
        stored = [partition.handshake.stored for partition in (*self._listed, *self._leaving)]
        if not self._creates:
            return False
        return self._list_epoch is not None or bool(self._leaving) or any(each and each.is_migrating for each in stored)

    async def join(self, group: TaskGroup) -> None:
        """Agree on the list of partitions, and have the partitions go online; return once at least one is.

        Raises:
            PartitionMismatch: another list is in use.
            UnsuitableServer, StorageRefused, QueuesFull: one of them must not be used, or refuses.
            PartitionOffline: none of them can be reached; or the master of a new queue, or of a new list.
        """
        self._raise_without_entry()
        await self._agree()
        # The master comes first: the others ask it for hints before they go online, one at a time, since each such
        # question at once would be one more connection to it.
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

    def _reconfiguration(self) -> Reconfiguration:
        return Reconfiguration(self._listed, self._leaving, self.master, self._list_epoch, writes=self._creates)

    async def _agree(self) -> None:
        """Find out which list is in force, and if tasks move to it."""
        agreement = await self._reconfiguration().agree()
        for partition in (*self._listed, *self._leaving):
            partition.adopt(agreement.epoch, agreement.from_list)
        if agreement.from_list:
            by_name = {partition.name: partition for partition in (*self._listed, *self._leaving)}
            old = [by_name[name] for name in split(agreement.from_list)]
            self.migration = Migration(old, self._listed, delivers=self._creates)
            self._leaving = [partition for partition in self.migration.old if partition not in self._listed]
            self._hold_hints(held=True)
        else:
            self._leaving = ()
            self._dropping.cancel()

    def _raise_unusable(self) -> None:
        for partition in self.all:
            problem = partition.problem
            # One that does not have the namespace is as one that cannot be reached.
            if problem is not None and not isinstance(problem, ConnectionError | UnknownNamespace):
                raise problem

    def _raise_unknown(self) -> None:
        """Raise if no partition has the namespace; if the master cannot be reached, it may have it."""
        if all(partition.handshake.stored is None for partition in (*self._listed, *self._leaving)):
            raise self.master.problem or self.master.handshake.unknown()

    def _raise_without_entry(self) -> None:
        """Raise if this is a new queue, which the master has to know first; then a change of the list finds it."""
        is_new = all(partition.handshake.stored is None for partition in (*self._listed, *self._leaving))
        if is_new and self._queue is not None and (problem := self.master.problem) is not None:
            what = f"must be reached to make the queue {self._queue.name!r}, and is not: {problem}"
            raise PartitionOffline(self.master.name, what)

    def _raise_same_database(self) -> None:
        names: dict[str, str] = {}
        for partition in self.all:
            if (database := partition.handshake.database) is not None:
                other = names.setdefault(database, partition.name)
                if other != partition.name:
                    raise PartitionMismatch(partition.name, f"is the same database as {other!r}: name each only once")

"""Finds out at connect which list of partitions is in force, and replaces it by another one.

::

    stored list is ours ──┬─ no tasks move ─────────────────────────────────▶ agreed
                          └─ tasks move ────▶ write it where it is missing ─▶ agreed
    stored list is another ─┬─ our list_epoch is greater ─▶ master, old, new partitions ─▶ agreed
                            └─ else PartitionListChanged, or PartitionMismatch

A reconfiguration does not begin while hints wait on the master: they are for homes by the list in use. The master
decides between two schedulers that change the list at once. No scheduler goes online before each old and each new
partition has the list: from then on, no scheduler with another list can change anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import PartitionMismatch, PartitionOffline
from ..commands import topology
from ..connection.failures import FAILED, is_waiting_for_hints, translate
from ..partition.partition import Partition
from ..scripts.membership import Membership, split


class Agreement(NamedTuple):
    """The epoch of the list in force, and the list from which tasks still move (empty: none move)."""

    epoch: int
    from_list: bytes = b""


class _Decision(NamedTuple):
    """The list that is to be in force; `is_written` if it is to be written, `replaces` is the epoch of another one."""

    agreement: Agreement
    is_written: bool = False
    replaces: int | None = None


class Reconfiguration:
    """The reconfiguration: it finds the list in force, once each partition was tried, and replaces it if it may.

    Args:
        listed: the partitions of the configured list.
        leaving: the partitions that were removed from it.
        master: the partition that keeps the locks.
        list_epoch: the epoch of the configured list, if it may replace another one.
        writes: False if it only finds the list in force. Default True.
    """

    def __init__(
        self,
        listed: Sequence[Partition],
        leaving: Sequence[Partition],
        master: Partition,
        list_epoch: int | None,
        *,
        writes: bool = True,
    ) -> None:
        self._writes = writes
        self._listed = listed
        self._leaving = leaving
        self._master = master
        self._list_epoch = list_epoch
        self._expected = master.handshake.expected
        self._found = {
            partition: partition.handshake.stored
            for partition in (*listed, *leaving)
            if partition.handshake.stored is not None
        }

    async def agree(self) -> Agreement:
        """Return the list that is in force from now on.

        Raises:
            PartitionMismatch, PartitionOffline: as for `check`; or hints wait for the old list.
        """
        decision = self._decide()
        if decision.is_written and self._writes:
            await self._write(decision.agreement.epoch, decision.agreement.from_list, decision.replaces)
        return decision.agreement

    def check(self) -> None:
        """Check that this list can be in force. Writes nothing.

        Raises:
            PartitionListChanged: another list, with a greater epoch.
            PartitionMismatch: another list, and this one must not or cannot replace it.
            PartitionOffline: a reconfiguration needs all partitions, and one cannot be reached.
        """
        decision = self._decide()
        if decision.is_written and self._writes:
            self._old_and_joining(decision.agreement.from_list)

    def _decide(self) -> _Decision:
        for partition, stored in self._found.items():
            if stored.partition != partition.handshake.expected.partition:  # the addresses were mixed up
                partition.handshake.expected.require(stored, partition.keys.membership)
        if not self._found:
            return _Decision(Agreement(self._list_epoch or 1))
        latest = max(self._found.values(), key=lambda stored: stored.number)
        from_list = self._from_list(latest)
        if latest.list == self._expected.list:
            if not from_list:
                self._require_everywhere(latest.epoch, self._listed)
            return _Decision(Agreement(latest.number, from_list), is_written=bool(from_list))
        epoch = self._list_epoch
        if epoch is None or epoch <= latest.number:
            self._require_everywhere(b"%d" % epoch if epoch else b"", (*self._listed, *self._leaving))
            raise PartitionMismatch(self._master.name, "is in use with another list of partitions")
        if not self._writes:
            raise PartitionMismatch(
                self._master.name,
                f"is in use with another list of partitions, {latest.list.decode(errors='replace')} (epoch "
                f"{latest.number}), and connect(create=False) changes none: give that list",
            )
        if from_list:
            raise PartitionMismatch(
                self._master.name,
                f"cannot have another list: tasks still move to {latest.list.decode()}; let a scheduler with that list "
                "go on until that is done",
            )
        if latest.master != self._expected.master:
            raise PartitionMismatch(
                self._master.name,
                f"cannot become the master: a change of the list keeps it, which is {latest.master.decode()}",
            )
        return _Decision(Agreement(epoch, latest.list), is_written=True, replaces=latest.number)

    def _from_list(self, latest: Membership) -> bytes:
        """Return the list from which tasks move. The master decides: a finished migration is cleared there last."""
        master = self._found.get(self._master)
        if master is not None and master.number == latest.number:
            return master.from_list
        at_latest = [stored for stored in self._found.values() if stored.number == latest.number]
        return max(stored.from_list for stored in at_latest)

    def _require_everywhere(self, epoch: bytes, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            if partition in self._found:
                expected = partition.handshake.expected._replace(epoch=epoch)
                expected.require(self._found[partition], partition.keys.membership)

    def _old_and_joining(self, from_list: bytes) -> tuple[Sequence[Partition], Sequence[Partition]]:
        """Return the partitions of the old list, and those that join it; raise if one is not at hand."""
        at_hand = {partition.name: partition for partition in (*self._listed, *self._leaving)}
        old_names = split(from_list)
        if missing := [name for name in old_names if name not in at_hand]:
            raise PartitionMismatch(
                self._master.name,
                f"cannot have the list {self._expected.list.decode()}: there are tasks on {', '.join(missing)} too; "
                "tell in `leaving` where that is, so that they can be fetched",
            )
        old = [at_hand[name] for name in old_names]
        joining = [partition for partition in self._listed if partition not in old]
        for partition in (*old, *joining):
            if partition.problem is not None:
                raise PartitionOffline(
                    partition.name,
                    f"must be reached to change the list of partitions, and is not: {partition.problem}",
                )
        return old, joining

    async def _write(self, epoch: int, from_list: bytes, expected: int | None) -> None:
        """Write the list to all partitions; `expected` is the master's epoch if the reconfiguration begins here."""
        old, joining = self._old_and_joining(from_list)
        halt = b""
        others = [partition.name for partition in (*old, *joining) if partition is not self._master]
        for partition in (self._master, *(other for other in (*old, *joining) if other is not self._master)):
            begins_here = partition is self._master and expected is not None
            handshake = partition.handshake
            handshake.expect(epoch=b"%d" % epoch, from_list=from_list)
            try:
                changed = await topology.adopt_list(
                    partition,
                    handshake.expected,
                    expected if partition is self._master else None,
                    halt=halt if partition in joining else b"",
                    without_hints_for=others if begins_here else (),
                )
            except FAILED as error:
                if begins_here and is_waiting_for_hints(error):
                    raise PartitionMismatch(
                        partition.name,
                        "cannot have another list: hints wait there for another partition; let a scheduler with the "
                        'list in use and on_offline="hint" go on until they are applied',
                    ) from None
                raise translate(partition.name, error) from None
            handshake.expected.require(changed.membership, partition.keys.membership)
            halt = halt or changed.halt

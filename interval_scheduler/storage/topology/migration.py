"""The migration of tasks from one list of partitions to the next: finds each task, and carries batches.

::

    exists at the old home ──move_out──▶ outbox ──move_in──▶ exists at the new home
                                           └── move_done: the outbox is empty again

A task whose home changes is first looked up at its old home. No task is added there from now on. So a task that is
neither there nor in the outbox is at its new home or does not exist, and that stays true. See ADR 10.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Collection, Sequence
from typing import Any, Final, Literal, TypeVar

import anyio

from ...errors import PartitionOffline
from ...model.assignment import Assignment, NeverRuns
from ...model.placement import homes
from ...model.reports import PartitionMove
from ...model.updating import TaskUpdate, UpdateAnswer
from ..commands import topology
from ..commands.assigning import Removed
from ..commands.backup import NOT_THERE, RestoreBatch
from ..commands.control import ControlStep
from ..commands.decoding import unreadable
from ..commands.lookup import Row
from ..commands.topology import MOST_MOVED, Outbox
from ..partition.partition import Partition
from ..requests.batching import Submits

#: The longest time to wait for others to deliver a batch, seconds, and the pause between two looks.
_LONGEST_WAIT_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.05

Item = TypeVar("Item")
Result = TypeVar("Result")


class Migration:
    """The migration from one list of partitions to another.

    Args:
        old: the partitions of the old list.
        new: the partitions of the new one.
        delivers: False if others carry the batches. Default True.
    """

    def __init__(self, old: Sequence[Partition], new: Sequence[Partition], *, delivers: bool = True) -> None:
        #: False if others carry the batches, and this only waits for them.
        self.delivers: Final = delivers
        self.old: Final = old
        self.new: Final = new
        self._old_home = homes([partition.name for partition in old])
        self._new_home = homes([partition.name for partition in new])
        self._by_name = {partition.name: partition for partition in new}
        #: True once all tasks have moved.
        self.is_over = False
        #: The end of all calls that are under way on each task: calls on one task keep their order.
        self._latest: dict[bytes, asyncio.Future[None]] = {}
        self._one_at_a_time = {partition: asyncio.Lock() for partition in old}

    @property
    def in_order(self) -> Sequence[Partition]:
        """All partitions, in an order in which tasks move from earlier to later ones."""
        leaving = [partition for partition in self.old if partition not in self.new]
        staying = [partition for partition in self.old if partition in self.new]
        return [*leaving, *staying, *(partition for partition in self.new if partition not in self.old)]

    def old_home(self, raw_id: bytes) -> Partition:
        """Return the home of a task by the old list."""
        return self.old[self._old_home(raw_id)]

    def new_home(self, raw_id: bytes) -> Partition:
        """Return the home of a task by the new list."""
        return self.new[self._new_home(raw_id)]

    def changes_home(self, raw_id: bytes) -> bool:
        """Tell if the two lists give a task different homes."""
        return self.old_home(raw_id) is not self.new_home(raw_id)

    def is_under_way(self, raw_id: bytes) -> bool:
        """Tell if a call on a task goes from home to home."""
        return raw_id in self._latest

    @property
    def is_quiet(self) -> bool:
        """True if it is over and no call goes from home to home: then none will again."""
        return self.is_over and not self._latest

    # Calls on tasks whose home changes

    def assign(self, call: Assignment) -> asyncio.Future[bool | NeverRuns]:
        """Assign a task."""
        raw_id = call.id
        return self._submit(raw_id, call, self.old_home(raw_id).if_exists.assign, self.new_home(raw_id).assign)

    def remove(self, raw_id: bytes) -> asyncio.Future[Removed]:
        """Remove a task."""
        return self._submit(raw_id, raw_id, self.old_home(raw_id).if_exists.remove, self.new_home(raw_id).remove)

    def control(self, step: ControlStep) -> asyncio.Future[str]:
        """Carry out a step on a task."""
        raw_id = step.raw_id
        return self._submit(raw_id, step, self.old_home(raw_id).if_exists.control, self.new_home(raw_id).control)

    def update(self, call: TaskUpdate) -> asyncio.Future[UpdateAnswer]:
        """Change a task."""
        return self._submit(call.id, call, self.old_home(call.id).if_exists.update, self.new_home(call.id).update)

    def restore(self, old: Partition, new: Partition, batch: RestoreBatch) -> asyncio.Future[str]:
        """Put tasks of a backup back that have one old home and one new one."""
        ids = [entry.id for entry in batch.entries]
        before = {self._latest[raw_id] for raw_id in ids if raw_id in self._latest}
        call = asyncio.ensure_future(self._restore(old, new, batch, before))
        last = asyncio.ensure_future(_wait({*before, call}))
        for raw_id in ids:
            self._latest[raw_id] = last
            last.add_done_callback(functools.partial(self._forget, raw_id))
        return call

    async def _restore(
        self, old: Partition, new: Partition, batch: RestoreBatch, before: Collection[asyncio.Future[None]]
    ) -> str:
        await _wait(before)
        if self.is_over:
            return await new.restore.submit(batch)
        flags = list(await old.if_exists.restore.submit(batch))
        left = [position for position, flag in enumerate(flags) if flag == NOT_THERE]
        if left:
            await self.forward(old)  # one of them may be on its way
            rest = RestoreBatch([batch.entries[position] for position in left], batch.replace)
            for position, flag in zip(left, await new.restore.submit(rest), strict=True):
                flags[position] = flag
        return "".join(flags)

    def has(self, raw_id: bytes) -> asyncio.Future[Literal[True] | None]:
        """Ask if a task is scheduled."""
        return self._submit(raw_id, raw_id, self.old_home(raw_id).has, self.new_home(raw_id).has)

    def look(self, raw_id: bytes) -> asyncio.Future[Row | None]:
        """Look a task up."""
        return self._submit(raw_id, raw_id, self.old_home(raw_id).look, self.new_home(raw_id).look)

    def _submit(
        self,
        raw_id: bytes,
        item: Item,
        if_exists: Submits[Item, Result | None],
        batcher: Submits[Item, Result],
    ) -> asyncio.Future[Result]:
        before = self._latest.get(raw_id)
        call = asyncio.ensure_future(self._follow(raw_id, item, before, if_exists, batcher))
        # Not the call itself: a call that is given up ends before those that it waits for.
        last = self._latest[raw_id] = asyncio.ensure_future(_all_done(before, call))
        last.add_done_callback(functools.partial(self._forget, raw_id))
        return call

    def _forget(self, raw_id: bytes, last: asyncio.Future[None]) -> None:
        if self._latest.get(raw_id) is last:
            del self._latest[raw_id]

    async def _follow(
        self,
        raw_id: bytes,
        item: Item,
        before: asyncio.Future[None] | None,
        if_exists: Submits[Item, Result | None],
        batcher: Submits[Item, Result],
    ) -> Result:
        if before is not None:  # else this call might overtake it on the way from home to home
            await asyncio.wait([before])
        if self.is_over:
            return await batcher.submit(item)
        result = await if_exists.submit(item)
        if result is not None:
            return result
        await self.arrival(raw_id)
        return await batcher.submit(item)

    async def arrival(self, raw_id: bytes) -> None:
        """Wait until a task that is on its way is at its new home.

        Raises:
            PartitionOffline: nobody delivers it in time.
        """
        old = self.old_home(raw_id)
        if await old.if_exists.in_transit.submit(raw_id):
            await self.forward(old)

    # The whole migration

    async def is_going_on(self, master: Partition) -> bool:
        """Ask the master if tasks still move."""
        return (await topology.migration_status(master)).is_migrating

    async def scan(self, old: Partition, cursor: bytes, count: int, looked: int) -> tuple[bytes, Sequence[bytes]]:
        """Scan about `count` tasks of a partition. Return the next cursor (`b"0"`: the end), and their ids."""
        return await topology.scan_ids(old, cursor, count, looked)

    async def moved(self, old: Partition) -> int:
        """Count the tasks that have left a partition."""
        return (await topology.migration_status(old)).moved

    async def finish(self, master: Partition) -> None:
        """Note on every partition that all tasks have moved; on the master last, since its record decides."""
        for partition in (*(other for other in self.in_order if other is not master), master):
            await topology.finish_migration(partition)

    async def progress(self) -> tuple[PartitionMove, ...]:
        """Tell how far tasks have moved away from each partition of the old list."""
        return tuple(await asyncio.gather(*map(self._progress_of, self.old)))

    @staticmethod
    async def _progress_of(old: Partition) -> PartitionMove:
        moving, sizes = await asyncio.gather(topology.migration_status(old.gate), old.size.submit(None))
        return PartitionMove(old.name, moving.moved, max(0, sizes.tasks - moving.looked))

    # Batches

    async def forward(self, old: Partition) -> None:
        """Deliver the tasks that are in the outbox of a partition, or wait until others have done so.

        Raises:
            PartitionOffline: others have not done so in time.
        """
        if not self.delivers:
            await self._wait_for_others(old)
            return
        async with self._one_at_a_time[old]:
            await self.deliver(old, await topology.move_out(old, "", ()))

    @staticmethod
    async def _wait_for_others(old: Partition) -> None:
        before = await topology.migration_status(old)
        with anyio.move_on_after(_LONGEST_WAIT_SECONDS):
            now = before
            while now.has_outbox and now.moved == before.moved:
                await anyio.sleep(_PAUSE_SECONDS)
                now = await topology.migration_status(old)
            return
        raise PartitionOffline(
            old.name,
            "has tasks that are on their way to another partition, and no scheduler delivers them: try again later",
            "moving",
        )

    async def send(self, old: Partition, home: Partition, ids: Sequence[bytes]) -> Sequence[bytes]:
        """Move tasks that exist at the partition and are not leased; return those that stay for now."""
        left: list[bytes] = []
        for start in range(0, len(ids), MOST_MOVED):
            left += await self._send_batch(old, home, ids[start : start + MOST_MOVED])
        return left

    async def _send_batch(self, old: Partition, home: Partition, ids: Sequence[bytes]) -> Sequence[bytes]:
        while ids:
            home.require_online()
            async with self._one_at_a_time[old]:
                outbox = await topology.move_out(old, home.name, ids)
                await self.deliver(old, outbox)
            ids = outbox.left
            if outbox.number == 0:
                break
        return ids

    async def deliver(self, old: Partition, outbox: Outbox) -> None:
        """Deliver a batch to its new home; several schedulers may do that at once without harm."""
        if outbox.number == 0:
            return
        home = self._by_name.get(outbox.destination)
        if home is None:
            raise unreadable(old.name, old.keys.moves, "names a partition, as where the batch goes, that is none")
        earliest_ms = await topology.move_in(home, old.name, outbox)
        if earliest_ms >= 0:
            home.announce(earliest_ms)
        await topology.move_done(old, outbox.number)


async def _all_done(before: asyncio.Future[None] | None, call: asyncio.Future[Any]) -> None:
    """Wait until a call on a task is done, and all those before it."""
    await asyncio.wait([call] if before is None else [before, call])


async def _wait(calls: Collection[asyncio.Future[Any]]) -> None:
    """Wait until all of some calls are done, whatever becomes of them."""
    if calls:
        await asyncio.wait(calls)

"""The part of the facade that steers what is scheduled: pause and resume, run now, and what died."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from ..model.assignment import to_id
from ..model.cron import next_after
from ..model.policy import of_header
from ..model.records import CorruptRecord, parse
from ..model.task import DeadTask, Task
from ..storage.commands.control import ControlStep
from ..storage.mapping import to_dead_task
from ..storage.partitions import Partitions


class TaskControl(ABC):
    """What a `Scheduler` can do to tasks beyond assigning and removing them."""

    @abstractmethod
    def _all(self) -> Partitions:
        """The partitions, connected."""

    # One task

    async def pause_task(self, task_or_id: Task | str) -> bool:
        """Let a task rest until `resume_task`. A run in progress goes on, and so does one that was claimed already.

        It stays scheduled: it can be looked up, counted, listed, removed, and assigned again, which leaves it paused.

        Returns:
            `True` if it is paused now, `False` if it is not scheduled.

        Raises:
            PartitionOffline: its home cannot be reached; nothing was changed.
        """
        return await self._step(task_or_id, b"p")

    async def resume_task(self, task_or_id: Task | str) -> bool:
        """Let a paused task go on, on its own grid: what it missed meanwhile is not made up for.

        A one-shot, and a task with a fixed delay, whose time came while it was paused runs at once.

        Returns:
            `True` if it is not paused now, `False` if it is not scheduled.

        Raises:
            PartitionOffline: its home cannot be reached; nothing was changed.
        """
        raw_id = to_id(task_or_id)
        while True:
            step = await self._resuming(raw_id)
            result = await self._all().control(step)
            if result != "c":
                return result == "1"

    async def run_task_now(self, task_or_id: Task | str) -> bool:
        """Run a task as soon as possible, without moving its grid: its next runs are when they would have been.

        A one-shot runs now instead of later. A task that is running runs once more afterwards, unless it is assigned
        again before.

        Returns:
            `True` if it will run, `False` if it is not scheduled or is paused.

        Raises:
            PartitionOffline: its home cannot be reached; nothing was changed.
        """
        return await self._step(task_or_id, b"n")

    # All tasks

    async def pause(self) -> None:
        """Pause the whole namespace: no scheduler claims anything until `resume`. Runs in progress go on.

        Tasks may be assigned and removed meanwhile. What becomes due waits, and is treated as missed by `resume`.

        Raises:
            PartitionOffline: a partition cannot be reached; nothing was changed.
        """
        await self._all().halt(pause=True)

    async def resume(self) -> None:
        """Resume the namespace; all its schedulers look for due tasks at once.

        Raises:
            PartitionOffline: a partition cannot be reached; nothing was changed.
        """
        await self._all().halt(pause=False)

    # Dead tasks

    async def dead_tasks(self) -> AsyncIterator[DeadTask]:
        """The tasks that were set aside, page by page, partition by partition, the oldest first.

        These are one-shots whose last attempt failed, recurring tasks whose very last run failed, and tasks whose
        record is corrupt. The youngest 10,000 of a partition are kept.
        """
        async for partition, row in self._all().dead_rows():
            yield to_dead_task(partition.name, row)

    async def revive_task(self, task_id: str) -> bool:
        """Schedule a dead task anew, due now, with all its attempts.

        Returns:
            `True` if it was dead.

        Raises:
            PartitionOffline: its home cannot be reached; nothing was changed.
        """
        return await self._step(task_id, b"v")

    async def clear_dead_tasks(self) -> int:
        """Forget all dead tasks, in steps that never block Redis for long.

        Returns:
            How many there were.

        Raises:
            PartitionOffline: a partition cannot be reached; some may be forgotten, calling again is safe.
        """
        return await self._all().bury()

    async def _step(self, task_or_id: Task | str, action: bytes) -> bool:
        raw_id = to_id(task_or_id)
        return await self._all().control(ControlStep(raw_id, action)) == "1"

    async def _resuming(self, raw_id: bytes) -> ControlStep:
        """The step that resumes a task; for a cron task with its next occurrence, which no script can work out."""
        partition, row = await self._all().locate(raw_id)
        if row is None:
            return ControlStep(raw_id, b"r")
        try:
            header = parse(row.record).header
            controls = of_header(header)
        except (CorruptRecord, ValueError):
            return ControlStep(raw_id, b"r")
        if controls.cron is None:
            return ControlStep(raw_id, b"r")
        next_ms = next_after(controls.cron, controls.zone or "UTC", await partition.now_ms())
        return ControlStep(raw_id, b"r", header, next_ms)

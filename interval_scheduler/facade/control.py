"""The part of the facade that steers the scheduled tasks; see `tasks.py` for each call."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..model.assignment import to_id
from ..model.cron import is_unreadable, next_after
from ..model.policy import of_header
from ..model.records import CorruptRecord, parse
from ..model.task import DeadTask, Task
from ..services.lifespan import Connected, Lifespan
from ..storage.partitions import ControlStep


class Control:
    """The part that pauses, resumes, hurries and revives tasks.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._lifespan = lifespan

    async def pause_task(self, task_or_id: Task | str) -> bool:
        return await self._step(task_or_id, b"p")

    async def resume_task(self, task_or_id: Task | str) -> bool:
        raw_id = to_id(task_or_id)
        while True:
            step = await self._resuming(raw_id)
            result = await self._connected().partitions.control(step)
            if result != "c":
                return result == "1"

    async def run_task_now(self, task_or_id: Task | str) -> bool:
        return await self._step(task_or_id, b"n")

    async def revive_task(self, task_id: str) -> bool:
        return await self._step(task_id, b"v")

    async def pause(self) -> None:
        await self._connected().namespace.pause_all()

    async def resume(self) -> None:
        await self._connected().namespace.resume_all()

    async def dead_tasks(self) -> AsyncIterator[DeadTask]:
        async for task in self._connected().namespace.dead_tasks():
            yield task
            self._lifespan.check_home()

    async def clear_dead_tasks(self) -> int:
        return await self._connected().namespace.purge_dead()

    def _connected(self) -> Connected:
        return self._lifespan.require()

    async def _step(self, task_or_id: Task | str, action: bytes) -> bool:
        raw_id = to_id(task_or_id)
        return await self._connected().partitions.control(ControlStep(raw_id, action)) == "1"

    async def _resuming(self, raw_id: bytes) -> ControlStep:
        """Build the step that resumes a task; for a cron task, compute its next occurrence, since no script can."""
        partition, row = await self._connected().partitions.locate(raw_id)
        if row is None:
            return ControlStep(raw_id, b"r")
        try:
            header = parse(row.record).header
            policy = of_header(header)
        except (CorruptRecord, ValueError):
            return ControlStep(raw_id, b"r")
        if policy.cron is None or is_unreadable(policy.cron):
            return ControlStep(raw_id, b"r")
        next_ms = next_after(policy.cron, policy.zone or "UTC", await partition.now_ms())
        return ControlStep(raw_id, b"r", header, next_ms)

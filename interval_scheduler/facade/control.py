"""The part of the facade that steers the scheduled tasks; see `tasks.py` for each call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio

from ..model.assignment import to_id
from ..model.task import DeadTask, Task
from ..services import by_prefix
from ..services.by_prefix import Progress, check_prefix
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
        return await self._step(task_or_id, b"r")

    async def run_task_now(self, task_or_id: Task | str) -> bool:
        return await self._step(task_or_id, b"n")

    async def revive_task(self, task_or_id: Task | DeadTask | str) -> bool:
        return await self._step(task_or_id.id if isinstance(task_or_id, DeadTask) else task_or_id, b"v")

    async def pause(self) -> None:
        await (await self._connected()).namespace.pause_all()

    async def resume(self) -> None:
        await (await self._connected()).namespace.resume_all()

    async def dead_tasks(self) -> AsyncIterator[DeadTask]:
        async with aclosing((await self._connected()).namespace.dead_tasks()) as found:
            async for task in found:
                yield task
                self._lifespan.check_home()

    async def clear_dead_tasks(self) -> int:
        return await (await self._connected()).namespace.purge_dead()

    async def count_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        return await by_prefix.count((await self._connected()).partitions, prefix, progress)

    async def pause_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        return await by_prefix.control((await self._connected()).partitions, prefix, "pause", progress)

    async def resume_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        return await by_prefix.control((await self._connected()).partitions, prefix, "resume", progress)

    async def clear_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        cleared = await by_prefix.clear((await self._connected()).partitions, prefix, progress)
        if cleared.wait_ms > 0:
            await anyio.sleep(cleared.wait_ms / 1000)
        return cleared.removed

    async def _connected(self) -> Connected:
        return await self._lifespan.enter()

    async def _step(self, task_or_id: Task | str, action: bytes) -> bool:
        raw_id = to_id(task_or_id)
        return await (await self._connected()).partitions.control(ControlStep(raw_id, action)) == "1"

"""The part of the facade that steers the scheduled tasks; see `tasks.py` for each call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio

from ..model.assignment import to_id
from ..model.steering import ActionKind, check_reason
from ..model.task import DeadTask, Task
from ..services import by_prefix
from ..services.by_prefix import Progress, check_prefix
from ..services.lifespan import Connected, Lifespan
from ..storage.partitions import ControlStep
from .acting import note


class Control:
    """The part that pauses, resumes, hurries and revives tasks.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._lifespan = lifespan

    async def pause_task(self, task_or_id: Task | str, reason: str | None) -> bool:
        return await self._step(task_or_id, b"p", "pause_task", check_reason(reason))

    async def resume_task(self, task_or_id: Task | str) -> bool:
        return await self._step(task_or_id, b"r", "resume_task")

    async def run_task_now(self, task_or_id: Task | str) -> bool:
        return await self._step(task_or_id, b"n", "run_task_now")

    async def revive_task(self, task_or_id: Task | DeadTask | str) -> bool:
        given = task_or_id.id if isinstance(task_or_id, DeadTask) else task_or_id
        return await self._step(given, b"v", "revive_task")

    async def pause(self, reason: str | None) -> None:
        noted = note(self._lifespan.actor, "pause", check_reason(reason))
        await (await self._connected()).namespace.pause_all(noted)

    async def resume(self) -> None:
        noted = note(self._lifespan.actor, "resume")
        await (await self._connected()).namespace.resume_all(noted)

    async def dead_tasks(self) -> AsyncIterator[DeadTask]:
        async with aclosing((await self._connected()).namespace.dead_tasks()) as found:
            async for task in found:
                yield task
                self._lifespan.check_home()

    async def clear_dead_tasks(self) -> int:
        noted = note(self._lifespan.actor, "clear_dead_tasks", in_steps=True)
        return await (await self._connected()).namespace.purge_dead(noted)

    async def count_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        return await by_prefix.count((await self._connected()).partitions, prefix, progress)

    async def pause_tasks(self, prefix: str, reason: str | None, progress: Progress | None) -> int:
        prefix, details = check_prefix(prefix, progress), check_reason(reason)
        noted = note(self._lifespan.actor, "pause_tasks", details, prefix=prefix, in_steps=True)
        return await by_prefix.control((await self._connected()).partitions, prefix, "pause", progress, noted)

    async def resume_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        noted = note(self._lifespan.actor, "resume_tasks", prefix=prefix, in_steps=True)
        return await by_prefix.control((await self._connected()).partitions, prefix, "resume", progress, noted)

    async def clear_tasks(self, prefix: str, progress: Progress | None) -> int:
        prefix = check_prefix(prefix, progress)
        noted = note(self._lifespan.actor, "clear_tasks", prefix=prefix, in_steps=True)
        cleared = await by_prefix.clear((await self._connected()).partitions, prefix, progress, noted)
        if cleared.wait_ms > 0:
            await anyio.sleep(cleared.wait_ms / 1000)
        return cleared.removed

    async def _connected(self) -> Connected:
        return await self._lifespan.enter()

    async def _step(self, task_or_id: Task | str, action: bytes, kind: ActionKind, details: str = "") -> bool:
        step = ControlStep(to_id(task_or_id), action, note=note(self._lifespan.actor, kind, details))
        return await (await self._connected()).partitions.control(step) == "1"

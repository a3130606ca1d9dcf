"""The part that looks after a namespace and all its queues; or after one queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import anyio

from ..errors import PartitionOffline, SchedulerError
from ..model.audit import AuditReport, joined
from ..model.health import Health
from ..model.reports import PartitionMove
from ..support.at_once import at_once
from ..support.text import describe
from .core import Core
from .family import Family, together


class Covering:
    """The part that covers the queues of a namespace: its calls concern all of them, whoever uses them.

    Args:
        core: the parts of the namespace, or of a queue, which is then looked after alone.
        family: the namespace with its queues.
    """

    def __init__(self, core: Core, family: Family) -> None:
        self._core = core
        self._family = family

    async def health(self) -> Health:
        """Examine everything at once, and within the time of one call. Raises `WrongEventLoop` only."""
        core = self._core
        if core is not self._family.root:
            with contextlib.suppress(SchedulerError):  # it is told as not connected
                await self._family.open(core)
            return await core.health()
        if core.lifespan.connected is None:
            return await core.health()
        found: dict[str, Health] = {}
        own, _ = await asyncio.gather(core.health(), self._examine_queues(found))
        return replace(own, queues=dict(sorted(found.items()))) if found else own

    async def _examine_queues(self, found: dict[str, Health]) -> None:
        queues: list[Core] = []
        with anyio.move_on_after(self._core.options.storage.operation_timeout_seconds):
            with contextlib.suppress(SchedulerError):  # of the master, which is told by the health of the namespace
                queues = await self._family.all_queues()
            async with anyio.create_task_group() as group:
                for queue in queues:
                    group.start_soon(self._examine_queue, queue, found)
        for queue in queues:
            found.setdefault(queue.name, _unknown("did not answer in time"))

    async def _examine_queue(self, queue: Core, found: dict[str, Health]) -> None:
        try:
            await self._family.open(queue)
            found[queue.name] = await queue.health()
        except SchedulerError as error:
            found[queue.name] = _unknown(describe(error))

    async def moving(self) -> tuple[PartitionMove, ...]:
        """Tell how far tasks have moved."""
        everyone = await self._everyone()
        found = await at_once(each.inspection.moving() for each in everyone)
        names = [each.name if each is not self._core else None for each in everyone]
        return tuple(replace(move, queue=name) for name, moves in zip(names, found, strict=True) for move in moves)

    async def acknowledge_data_loss(self, partition: str | None) -> bool:
        """Take the finding `data-lost` off."""
        self._core.inspection.check_partition(partition)
        try:
            everyone = await self._everyone()
        except PartitionOffline:
            everyone = [self._core]  # the master is; what is acknowledged may be about another partition
        return any(await at_once(each.inspection.acknowledge_data_loss(partition) for each in everyone))

    async def audit(self, *, repair: bool, progress: Callable[[int, int], object] | None) -> AuditReport:
        """Check everything that is in Redis."""
        self._core.inspection.check_audit(repair=repair, progress=progress)
        everyone = await self._everyone()
        if len(everyone) == 1:
            return await self._core.inspection.audit(repair=repair, progress=progress)
        sizes = await at_once(each.inspection.task_size() for each in everyone)
        reports: dict[str | None, AuditReport] = {}
        for at, each in enumerate(everyone):
            before = sum(report.checked for report in reports.values())
            steps = None if progress is None else _Steps(progress, before, sum(sizes[at + 1 :]))
            report = await each.inspection.audit(repair=repair, progress=steps)
            reports[None if each is self._core else each.name] = report
        return joined(reports)

    async def _everyone(self) -> list[Core]:
        """Return the namespace with all its queues, connected; or the queue alone."""
        if self._core is not self._family.root:
            return [self._core]
        queues = await self._family.all_queues()
        await together([self._family.open(queue) for queue in queues])
        return [self._core, *queues]


class _Steps:
    """The progress of one audit among several."""

    def __init__(self, progress: Callable[[int, int], object], before: int, after: int) -> None:
        self._progress = progress
        self._before = before
        self._after = after

    def __call__(self, checked: int, total: int) -> None:
        """Tell the progress of all."""
        self._progress(self._before + checked, self._before + total + self._after)


def _unknown(problem: str) -> Health:
    """Return the health of a queue that cannot be looked at."""
    return Health(connected=False, accepting=False, executing=False, partitions=(), stopped=problem)

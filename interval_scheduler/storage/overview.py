"""The state of all partitions in numbers, asked at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..errors.storage import AWAY
from ..model.looking import Overview, PartitionOverview
from ..model.reports import PartitionMove
from .commands import looking
from .partitions import Partition, Partitions


async def overview(partitions: Partitions) -> Overview:
    """Ask all partitions at the same time; one that cannot be reached holds up none of the others, and is an entry."""
    every = partitions.all
    found, hints = await asyncio.gather(asyncio.gather(*map(_look, every)), _hints(partitions))
    return Overview(tuple(_entry(partition, numbers, hints) for partition, numbers in zip(every, found, strict=True)))


async def _look(partition: Partition) -> looking.Numbers | None:
    try:
        return await looking.overview(partition.gate)
    except AWAY:
        return None


async def _hints(partitions: Partitions) -> Mapping[Partition, int]:
    try:
        return {partitions.master: 0, **await partitions.hint_counts()}
    except AWAY:
        return {}


def _entry(partition: Partition, numbers: looking.Numbers | None, hints: Mapping[Partition, int]) -> PartitionOverview:
    name, waiting_hints = partition.name, hints.get(partition)
    if numbers is None:
        return PartitionOverview(name, online=False, hints=waiting_hints)
    tasks = numbers.waiting + numbers.leased + numbers.paused
    moving = name in numbers.moves_from
    return PartitionOverview(
        name,
        online=True,
        waiting=numbers.waiting,
        leased=numbers.leased,
        paused=numbers.paused,
        dead=numbers.dead,
        failing=numbers.failing,
        due=numbers.due,
        parked=numbers.parked,
        oldest_due=_seconds(numbers.oldest_due_ms),
        next_due=_seconds(numbers.next_due_ms),
        hints=waiting_hints,
        moving=PartitionMove(name, numbers.moved, max(0, tasks - numbers.looked)) if moving else None,
        paused_since=None if numbers.paused_ms is None else numbers.paused_ms / 1000,
        pause=numbers.pause,
        rate=numbers.rate,
        server_time=numbers.server_ms / 1000,
    )


def _seconds(moment_ms: int) -> float | None:
    return None if moment_ms < 0 else moment_ms / 1000

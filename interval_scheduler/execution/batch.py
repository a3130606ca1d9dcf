"""`Batch`: the runs of one call of the executor, and which runs may be in one."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from .run import Cut, TaskRun


class Kind(NamedTuple):
    """The kind of a batch: what its runs have in common, so that none of them costs the others what is theirs.

    Attributes:
        timeout: their time-out in seconds; `None` for none. So no run is cut short by the time-out of another.
        told_at: if their deliveries before may have begun: the partition that has to know of their start. So no other
            run waits for it.
        crashes: how many of those ended without a result.
        alone: the id of a run that may be what processes die of; such a run goes by itself.
    """

    timeout: float | None
    told_at: str | None = None
    crashes: int = 0
    alone: bytes | None = None

    def most(self, size: int) -> int:
        """Return the most runs of such a batch, where others have `size`: after each crash, a quarter as many.

        So the task that processes die of takes ever fewer others down with it.
        """
        return 1 if self.alone is not None else max(1, size >> 2 * min(self.crashes, 16))


class Batch:
    """The runs of one call of the executor, in progress.

    Args:
        kind: what they have in common.
        asyncio_task: the asyncio task that carries them out.
    """

    __slots__ = ("asyncio_task", "cut_short", "kind", "marked", "runs")

    def __init__(self, kind: Kind, asyncio_task: asyncio.Task[None]) -> None:
        self.kind: Final = kind
        self.asyncio_task: Final = asyncio_task
        #: The runs, in order of their due times.
        self.runs: list[TaskRun] = []
        #: The number of runs whose lease was lost, or which were cancelled, while the batch goes on.
        self.marked = 0
        #: Why all of it was cancelled by the scheduler.
        self.cut_short: Cut | None = None

    def cut(self, why: Cut) -> bool:
        """Cancel all of it, unless it was cut before or is over; return whether it was cancelled."""
        if self.cut_short is not None or not self.asyncio_task.cancel():
            return False
        self.cut_short = why
        for run in self.runs:
            run.cut_short = run.cut_short or why
        return True

"""Carries the schedules of a peer over into a namespace or queue, and keeps what there is to tell of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from ... import RestoreCounts, Scheduler
from .found import CannotCarry, Carried, Found, LeftOut
from .lines import next_run_of, written


@dataclass(slots=True)
class Report:
    """The outcome for the schedules of a peer.

    Attributes:
        found: the number of schedules that were found.
        carried: the number of those that are carried over.
        told: those that are left out, and those that are carried over with a difference, in the order of the peer.
        counts: what `restore` did with those that are carried over.
    """

    found: int = 0
    carried: int = 0
    told: list[LeftOut | Carried] = field(default_factory=list)
    counts: RestoreCounts = field(default_factory=RestoreCounts)

    @property
    def left_out(self) -> int:
        """The number of those that are left out."""
        return self.found - self.carried


async def move_in(
    scheduler: Scheduler | None,
    schedules: AsyncIterable[Found],
    peer: str,
    *,
    on_conflict: Literal["skip", "replace"],
    dry_run: bool,
) -> Report:
    """Carry schedules over, or tell what would become of them.

    Args:
        scheduler: the scheduler of the namespace or queue; `None`, in a dry run: there is none yet.
        schedules: what was found at the peer. Of two with one id, the first counts.
        peer: the name of the peer.
        on_conflict: as for `Scheduler.restore`.
        dry_run: change nothing.

    Raises:
        SourceFailed: the peer cannot be read.
        SchedulerError: as for `Scheduler.restore`.
    """
    report, now = Report(), time.time()
    lines = written(_carried(schedules, now, report), now, peer)
    if scheduler is None:
        async for _ in lines:
            pass  # the report is kept meanwhile
        report.counts = RestoreCounts(restored=report.carried)
    else:
        report.counts = await scheduler.restore(lines, on_conflict, dry_run=dry_run)
    return report


async def _carried(schedules: AsyncIterable[Found], now: float, report: Report) -> AsyncIterator[Carried]:
    ids = set[str]()
    async for found in schedules:
        if found.id in ids:  # it was read twice while it changed
            continue
        ids.add(found.id)
        report.found += 1
        if isinstance(found, LeftOut):
            report.told.append(found)
            continue
        try:
            next_run_of(found.task, now)
        except CannotCarry as reason:
            report.told.append(LeftOut(found.id, str(reason)))
            continue
        report.carried += 1
        if found.notes:
            report.told.append(found)
        yield found

"""Reads what a frame shows: six calls of bounded cost, most of them at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from ... import DeadPage, Overview, Scheduler, SchedulerCard, SchedulerError, Series, TaskPage

#: The most tasks of each list.
ROWS: Final = 100
#: The minutes of the sparkline.
MINUTES: Final = 30

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Reading:
    """The state at one moment, as it was read; `None` stands for what could not be read.

    Attributes:
        now: the moment, by the clock of a server, in epoch seconds; by that of this machine if none answered.
        overview: the state in numbers.
        cards: the schedulers.
        due: the tasks that run next, in due order.
        failing: the tasks whose last run failed, the newest first.
        dead: the tasks that were set aside, the newest first.
        series: the counts of the last `MINUTES`.
        problems: the words of the errors, each once.
    """

    now: float
    overview: Overview | None = None
    cards: tuple[SchedulerCard, ...] | None = None
    due: TaskPage | None = None
    failing: TaskPage | None = None
    dead: DeadPage | None = None
    series: Series | None = None
    problems: tuple[str, ...] = ()


async def read(scheduler: Scheduler) -> Reading:
    """Read everything once. An error of one call hides nothing of the others; it raises no `SchedulerError`."""
    problems: dict[str, None] = {}

    async def tried(call: Awaitable[_Read]) -> _Read | None:
        try:
            return await call
        except SchedulerError as error:
            problems.setdefault(str(error))
            return None

    overview = await tried(scheduler.overview())
    times = [each.server_time for each in overview.partitions] if overview else []
    now = max((each for each in times if each is not None), default=time.time())
    cards, due, failing, dead, series = await asyncio.gather(
        tried(scheduler.schedulers()),
        tried(scheduler.page(limit=ROWS)),
        tried(scheduler.failing_page(limit=ROWS)),
        tried(scheduler.dead_page(limit=ROWS)),
        tried(scheduler.statistics(now - 60 * MINUTES)),
    )
    return Reading(
        now=now,
        overview=overview,
        cards=None if cards is None else tuple(cards),
        due=due,
        failing=failing,
        dead=dead,
        series=series,
        problems=tuple(problems),
    )

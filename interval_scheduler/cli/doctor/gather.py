"""Gathers what the doctor judges by: only calls that read, each of bounded cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

from ... import (
    AuditReport,
    Forecast,
    Health,
    Overview,
    PartitionMove,
    Scheduler,
    SchedulerCard,
    SchedulerError,
    Series,
)

#: The time over which demand and dispatch are compared, seconds.
SPAN_SECONDS: Final = 600
#: An audit walks all tasks; up to so many, that takes a moment.
CHEAP_TASKS: Final = 10_000

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Unread:
    """A call that failed.

    Attributes:
        what: what it was to read.
        error: what it raised.
        queue: the name of the queue; `None`: the namespace itself.
    """

    what: str
    error: SchedulerError
    queue: str | None = None


@dataclass(frozen=True)
class Schedule:
    """The namespace itself, or one queue, as it was read; `None` stands for what could not be read.

    Attributes:
        queue: the name of the queue; `None`: the namespace itself.
        overview: its state in numbers.
        forecast: its runs to come.
        series: the counts of its schedulers over `SPAN_SECONDS`.
        executors: the schedulers that execute its tasks.
    """

    queue: str | None
    overview: Overview | None
    forecast: Forecast | None
    series: Series | None
    executors: tuple[SchedulerCard, ...] | None

    @property
    def now(self) -> float | None:
        """The moment at which it was read, by the clock of a server, in epoch seconds."""
        times = [each.server_time for each in self.overview.partitions] if self.overview else []
        return max((each for each in times if each is not None), default=None)


@dataclass(frozen=True)
class Gathered:
    """All that was read; `None` stands for what could not be read, or was not asked for.

    Attributes:
        health: the health of the partitions, also of the queues.
        schedules: the namespace itself and its queues; or the one queue that was asked for.
        cards: the schedulers that accept or execute tasks.
        moves: the moves of tasks between partitions.
        audit: what an audit found, where it is cheap.
        unread: the calls that failed.
    """

    health: Health
    schedules: tuple[Schedule, ...]
    cards: tuple[SchedulerCard, ...] | None
    moves: tuple[PartitionMove, ...] | None
    audit: AuditReport | None
    unread: tuple[Unread, ...]


async def gather(scheduler: Scheduler, queue: str | None) -> Gathered:
    """Read all that the doctor judges by. A call that fails is told, and hides nothing of the others.

    Args:
        scheduler: a connected scheduler.
        queue: the name of its queue; `None`: it is a namespace, and its queues are read too.
    """
    unread: list[Unread] = []

    async def read(what: str, call: Awaitable[_Read], of: str | None = queue) -> _Read | None:
        try:
            return await call
        except SchedulerError as error:
            unread.append(Unread(what, error, of))
            return None

    async def schedule(name: str | None, of: Scheduler) -> Schedule:
        overview = await read("the overview", of.overview(), name)
        forecast = await read("the forecast", of.forecast(SPAN_SECONDS, 1), name)
        series = None
        if forecast is not None:
            series = await read("the statistics", of.statistics(forecast.start - SPAN_SECONDS), name)
        return Schedule(name, overview, forecast, series, _executors(cards, name, is_alone=queue is not None))

    health = await scheduler.check_health()
    found = await read("the list of schedulers", scheduler.schedulers())
    cards = None if found is None else tuple(found)
    names = (await read("the list of queues", scheduler.queues()) or []) if queue is None else []
    of_queues = [schedule(name, scheduler.queue(name)) for name in names]
    schedules = await asyncio.gather(schedule(queue, scheduler), *of_queues)
    moves = await read("the moves of tasks", scheduler.moving())
    tasks = sum(each.overview.tasks for each in schedules if each.overview)
    audit = await read("the key space", scheduler.audit()) if tasks <= CHEAP_TASKS else None
    return Gathered(health, tuple(schedules), cards, moves, audit, tuple(unread))


def _executors(
    cards: tuple[SchedulerCard, ...] | None, queue: str | None, *, is_alone: bool
) -> tuple[SchedulerCard, ...] | None:
    """Return the cards of those that execute the tasks of a schedule; `is_alone`: these are the cards of one queue."""
    if cards is None:
        return None
    return tuple(each for each in cards if (each.executing if is_alone or queue is None else queue in each.queues))

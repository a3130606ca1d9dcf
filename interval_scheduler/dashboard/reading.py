"""Reads what pages show, so that what cannot be read hides nothing of the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from .. import Health, Overview, PartitionOffline, Scheduler, SchedulerError
from .figures.ahead import Ahead
from .look import Look
from .sharing import Shared

_Read = TypeVar("_Read")


class Attempts:
    """Calls of one page, each of which may fail by itself.

    Attributes:
        problems: the words of the errors, each once.
    """

    def __init__(self) -> None:
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """The words of the errors, each once."""
        return tuple(self._problems)

    async def tried(self, call: Awaitable[_Read]) -> _Read | None:
        """Return what a call returns; `None` if it raises a `SchedulerError`, whose words are kept."""
        try:
            return await call
        except SchedulerError as error:
            self._problems.setdefault(str(error))
            return None


@dataclass(frozen=True, slots=True)
class Examined:
    """The health of servers at a moment.

    Attributes:
        health: what was found.
        at: when that was, in UTC, by the clock of this machine.
    """

    health: Health
    at: datetime


class HealthOfServers(Shared[Examined]):
    """The health of servers, kept for ten seconds: it takes a script and an INFO for each partition and queue."""

    def __init__(self) -> None:
        super().__init__(seconds=10.0)

    async def of(self, look: Look) -> Examined:
        """Return the health for a request."""

        async def examine() -> Examined:
            return Examined(await look.scheduler.check_health(), datetime.now(UTC))

        return await self.get(look.queue, examine)


async def read_ahead(scheduler: Scheduler, seconds: float, buckets: int) -> Ahead:
    """Read the runs to come, estimated and counted, for the same buckets.

    Raises:
        SchedulerError: as for `forecast`.
    """
    forecast = await scheduler.forecast(seconds, buckets)
    try:
        return Ahead(forecast, await scheduler.upcoming(forecast.start, forecast.width, buckets))
    except PartitionOffline:  # the counts are exact or nothing; the forecast names the partition
        return Ahead(forecast, None)


def server_now(overview: Overview, otherwise: datetime) -> float:
    """Return the present moment by the clocks of the servers, in epoch seconds; else by that of this machine."""
    times = [each.server_time for each in overview.partitions if each.server_time is not None]
    return max(times, default=otherwise.timestamp())


def tasks_from(look: Look) -> Callable[[datetime], str]:
    """Return what makes the URL of the tasks that are due from a moment on."""
    return lambda at: look.url("tasks", **{"from": at.astimezone(UTC).isoformat().replace("+00:00", "Z")})

"""Reads what pages show, so that what cannot be read hides nothing of the rest."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from .. import Overview, PartitionOffline, Scheduler, SchedulerError
from .figures.ahead import Ahead
from .look import Look

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


class Kept(Generic[_Read]):
    """The result of a call on a scheduler, kept for some seconds: it is asked for again and again, and costs much.

    Args:
        read: the call.
        seconds: so long is its result shown.
    """

    def __init__(self, read: Callable[[Scheduler], Awaitable[_Read]], seconds: float) -> None:
        self._call = read
        self._seconds: Final = seconds
        self._kept: WeakKeyDictionary[Scheduler, tuple[float, _Read]] = WeakKeyDictionary()

    async def read(self, scheduler: Scheduler) -> _Read:
        """Return the result; an older one is read anew."""
        kept = self._kept.get(scheduler)
        if kept is not None and time.monotonic() - kept[0] < self._seconds:
            return kept[1]
        at = time.monotonic()
        found = await self._call(scheduler)
        self._kept[scheduler] = at, found
        return found

    def forget(self) -> None:
        """Read all anew the next time, since something was changed."""
        self._kept.clear()


#: The health of servers takes a script and an INFO for each partition and queue.
HEALTH: Final = Kept(Scheduler.check_health, seconds=10.0)


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

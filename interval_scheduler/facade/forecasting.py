"""The public calls on runs to come, with their documentation; `Scheduler` has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from ..errors import InvalidType, InvalidValue, StorageError
from ..model.checks import Moment, Seconds, check_moment, check_seconds, to_ms
from ..model.forecast import Forecast
from ..model.series import check_resolution
from ..model.task import ScheduledTask, Task
from ..storage.figures import Figures
from ..storage.forecasts import Forecasts
from .core import Core
from .next_runs import runs_of

#: The most buckets of one call.
_MOST_BUCKETS: Final = 120
#: The minutes over which runs are counted that ended of late.
_DISPATCHED_MINUTES: Final = 10


class ForecastCalls:
    """The calls of a `Scheduler` on runs to come.

    Args:
        core: the parts of the scheduler.
    """

    def __init__(self, core: Core) -> None:
        self._forecast_core = core

    def next_runs(self, task: Task | ScheduledTask, count: int = 10, after: Moment | None = None) -> list[datetime]:
        """Tell when a task runs next, as the function `next_runs` does; no connection is needed.

        A `Task` is taken to be assigned by this scheduler, whose `task_interval_seconds` rounds its times.

        Args:
            task: a `Task`, or a `ScheduledTask`, as for the function.
            count: the most runs to tell, from 1 to 10,000. Default 10.
            after: the present moment: epoch seconds or an aware datetime. Default: now, by the clock of this machine.

        Returns:
            The due times in their order, as aware datetimes in UTC.

        Raises:
            InvalidType, InvalidValue: a bad argument; the message names it.
        """
        return runs_of(task, count, after, to_ms(self._forecast_core.options.storage.task_interval_seconds))

    async def upcoming(self, start: Moment, width: Seconds, buckets: int) -> list[int]:
        """Count the waiting tasks by when they run next, in equal buckets of time.

        The numbers are exact, and each task counts once, with its next run; `forecast` estimates the further ones. A
        task that is leased, paused, or parked because its group has no room, is not counted.

        Args:
            start: the beginning of the first bucket: epoch seconds or an aware datetime. It may be past: tasks that are
                late are counted where they were due.
            width: the seconds of each bucket, or a timedelta: at least 1 ms.
            buckets: the number of buckets, from 1 to 120.

        Returns:
            The number of tasks for each bucket. A bucket has its beginning, and not its end.

        Raises:
            InvalidType, InvalidValue: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.
        """
        start_ms, width_ms = check_moment("start", start), _width("width", width)
        count = _buckets(buckets)
        return await (await self._forecasts()).upcoming(start_ms, width_ms, count)

    async def forecast(self, horizon: Seconds, buckets: int) -> Forecast:
        """Estimate all runs to come from now on, in equal buckets of time.

        The next run of each waiting task is counted; the further ones are estimated from the rules of 250 tasks of each
        partition, with their standard error. Runs are taken to start when they are due, and to end at once. Pauses,
        rates and bounds of groups do not count: it is what tasks ask for. `docs/forecast.md` tells how good it is.

        Args:
            horizon: the time to look ahead, in seconds or as a timedelta: up to ten years. It is rounded up to buckets
                of whole ms.
            buckets: the number of buckets, from 1 to 120.

        Returns:
            The forecast. Partitions that cannot be asked are named in its `missing`.

        Raises:
            InvalidType, InvalidValue: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached.
            StorageRefused: Redis refuses.
        """
        horizon_ms, count = _width("horizon", horizon), _buckets(buckets)
        found = await (await self._forecasts()).forecast(-(-horizon_ms // count), count)
        return replace(found, dispatched=await self._dispatched(found.start))

    async def _dispatched(self, now: float) -> float | None:
        """Return the runs a second of the last ten whole minutes, before a moment of the server's clock.

        It is `None` in the first minute of a namespace, although runs ended: that minute is counted when it is over.
        What the tens of minutes before tell is asked for only if the last ones had no run, and the present one has.
        """
        core = self._forecast_core
        figures = Figures((await core.lifespan.enter()).partitions, core.log)
        end = 60 * int(now / 60)
        begin = end - 60 * _DISPATCHED_MINUTES
        try:
            series = await figures.series(check_resolution("1m"), 1000 * begin, None)
            runs = sum(point.runs for point in series if point.at < end)
            if not runs and series.total.runs:
                earlier = check_resolution("10m")
                # A little less than is kept: the clock of the server goes on meanwhile.
                since = end - earlier.kept_seconds + earlier.seconds
                if not any(point.runs for point in await figures.series(earlier, 1000 * since, 1000 * begin)):
                    return None
        except StorageError as error:
            core.log.debug("the counts of schedulers cannot be read: %s", error)
            return None
        return runs / (60 * _DISPATCHED_MINUTES)

    async def _forecasts(self) -> Forecasts:
        return Forecasts((await self._forecast_core.lifespan.enter()).partitions)


def _width(field: str, value: object) -> int:
    width_ms = to_ms(check_seconds(field, value))
    if width_ms < 1:
        raise InvalidValue(field, f"must be at least 0.001 seconds, got {value}")
    return width_ms


def _buckets(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType("buckets", f"must be a whole number, not {type(value).__name__}")
    if not 1 <= value <= _MOST_BUCKETS:
        raise InvalidValue("buckets", f"must be from 1 to {_MOST_BUCKETS}, got {value}")
    return value

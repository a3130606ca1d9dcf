"""Load ahead: a day to come as a heat map, its peaks, and what an even spread would leave of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from ... import PartitionOffline, Scheduler
from .. import queries
from ..figures.ahead import Ahead, hours_of, minutes_of, peaks_of
from ..look import Look
from ..page import Page, View
from ..reading import Attempts, read_ahead, server_now, tasks_from

_DAY: Final = 86_400
#: The days that can be shown, today included.
DAYS: Final = 7
#: The buckets of the forecast of the first day, and the most that there may be.
_BUCKETS: Final = 96
_MOST_BUCKETS: Final = 120
#: The minutes of one request.
_MINUTES: Final = 120


async def _read(look: Look) -> View:
    day = int(queries.choice_in(look.query, "day", map(str, range(DAYS)), "0"))
    attempts = Attempts()
    overview = await look.scheduler.overview()
    now = server_now(overview, look.now)
    start = now // 3600 * 3600 + day * _DAY
    future, exact = await asyncio.gather(
        # Two minutes more: the forecast begins a moment later than `now`, and buckets are rounded.
        attempts.tried(read_ahead(look.scheduler, start + _DAY - now + 120, _BUCKETS if day == 0 else _MOST_BUCKETS)),
        attempts.tried(_minutes(look.scheduler, start)),
    )
    return {
        "day": day,
        "days": DAYS,
        "from": datetime.fromtimestamp(start, UTC),
        "until": datetime.fromtimestamp(start + _DAY, UTC),
        "offline": [each.name for each in overview.partitions if not each.online],
        "problems": attempts.problems,
        "pause": overview.pause,
        "is_exact": exact is not None,
        **_figures(look, future, exact or [0] * 1440, start, now),
    }


def _figures(look: Look, future: Ahead | None, exact: list[int], start: float, now: float) -> dict[str, Any]:
    if future is None:
        return {"hours": [], "peaks": [], "most": 0.0, "total": None, "error": None, "late": None, "estimated_by": None}
    minutes, link_to = minutes_of(start, exact, future), tasks_from(look)
    to_come = [each for each in minutes if each.at + 60 > now]
    hours = hours_of(start, minutes, now, link_to)
    return {
        "hours": hours,
        "most": max((cell["runs"] for row in hours for cell in row["cells"] if cell), default=0.0),
        "peaks": peaks_of(to_come, link_to),
        "total": sum(each.runs for each in to_come),
        "error": future.forecast.total_error,
        "late": future.forecast.late,
        "estimated_by": future.forecast.width,
    }


async def _minutes(scheduler: Scheduler, start: float) -> list[int] | None:
    """Count the tasks by the minute of their next run, for a day; `None` if a partition cannot be asked.

    Raises:
        SchedulerError: as for `upcoming`.
    """
    starts = [start + first * 60 for first in range(0, 1440, _MINUTES)]
    try:
        found = await asyncio.gather(*(scheduler.upcoming(each, 60, _MINUTES) for each in starts))
    except PartitionOffline:  # the counts are exact or nothing; the page names the partition
        return None
    return [count for counts in found for count in counts]


PAGE = Page("ahead", "Load ahead", _read, asks=("day",))

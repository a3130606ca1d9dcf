"""`next_runs`: tells when a task runs next, by the arithmetic of the scripts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from ..errors import InvalidType, InvalidValue
from ..model.assignment import to_assignment
from ..model.checks import Moment, check_moment
from ..model.coming import assigned, runs_to_come, scheduled
from ..model.task import ScheduledTask, Task

#: The most runs that one call tells.
MOST_RUNS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The last moment that a datetime can have: that of runs which never come, since a calendar has no further date.
_LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def next_runs(task: Task | ScheduledTask, count: int = 10, after: Moment | None = None) -> list[datetime]:
    """Tell when a task runs next, by the same arithmetic as its scheduler; nothing is asked of Redis.

    Runs are taken to start when they are due, and to end at once. What is due before `after` is late: it is listed
    first, with its due time, and would run at once; the rule `missed` decides which of the late occurrences are.

    Args:
        task: a `Task`, as it would run if it was assigned at `after` and had not been scheduled before; or a
            `ScheduledTask`, from its next run on. Of one that is leased, the run in progress is not among them; one
            that is paused has none. A `ScheduledTask` does not tell how many of its `max_runs` it had, so all of them
            are taken to be left.
        count: the most runs to tell, from 1 to 10,000. Default 10.
        after: the present moment, by which runs are late or still to come: epoch seconds or an aware datetime. Default:
            now, by the clock of this machine.

    Returns:
        The due times in their order, as aware datetimes in UTC; fewer than `count` if the task ends before. A past due
        time is that of a late run.

    Raises:
        InvalidType, InvalidValue: a bad argument; the message names it. So is a cron expression where the extra `cron`
            is missing.

    Example:
        ```python
        task = IntervalTask("report", cron="0 9 * * mon-fri", timezone="Europe/Riga")
        assert len(next_runs(task, 3)) == 3
        ```
    """
    return runs_of(task, count, after, 0)


def runs_of(task: Task | ScheduledTask, count: int, after: Moment | None, grid_ms: int) -> list[datetime]:
    """Do the same for a scheduler with a rounding grid, in ms."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise InvalidType("count", f"must be a whole number, not {type(count).__name__}")
    if not 1 <= count <= MOST_RUNS:
        raise InvalidValue("count", f"must be from 1 to {MOST_RUNS}, got {count}")
    now_ms = time.time_ns() // 1_000_000 if after is None else check_moment("after", after)
    if isinstance(task, ScheduledTask):
        course = scheduled(task, now_ms)
    else:
        course = assigned(to_assignment(task, grid_ms), now_ms, grid_ms)
    if course is None:
        return []
    found = takewhile(lambda run: run.at_ms < _LAST_MS, islice(runs_to_come(course, now_ms), count))
    return [_EPOCH + timedelta(milliseconds=run.due_ms) for run in found]

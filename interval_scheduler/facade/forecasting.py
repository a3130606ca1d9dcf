"""The public calls on runs to come, with their documentation; `Scheduler` has them."""

from __future__ import annotations

from datetime import datetime

from ..config.options import SchedulerOptions
from ..model.checks import Moment, to_ms
from ..model.task import ScheduledTask, Task
from .next_runs import runs_of


class ForecastCalls:
    """The calls of a `Scheduler` on runs to come.

    Args:
        options: the scheduler's options.
    """

    def __init__(self, options: SchedulerOptions) -> None:
        self._forecast_options = options

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
        return runs_of(task, count, after, to_ms(self._forecast_options.storage.task_interval_seconds))

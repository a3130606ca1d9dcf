"""The calls of a `BlockingScheduler` on runs to come; `forecasting.py` has the meaning of each."""

from __future__ import annotations

from datetime import datetime

from ..model.checks import Moment, Seconds
from ..model.forecast import Forecast
from ..model.task import ScheduledTask, Task
from .forecasting import ForecastCalls
from .loop_thread import LoopThread


class BlockingForecastCalls:
    """The calls on runs to come, each of which waits for its end.

    Args:
        calls: the calls of the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, calls: ForecastCalls, thread: LoopThread) -> None:
        self._forecast_calls = calls
        self._forecast_thread = thread

    def next_runs(self, task: Task | ScheduledTask, count: int = 10, after: Moment | None = None) -> list[datetime]:
        """Tell when a task runs next, as the function `next_runs` does; no connection is needed."""
        return self._forecast_calls.next_runs(task, count, after)

    def upcoming(self, start: Moment, width: Seconds, buckets: int) -> list[int]:
        """Count the waiting tasks by when they run next, in equal buckets of time."""
        return self._forecast_thread.call(lambda: self._forecast_calls.upcoming(start, width, buckets))

    def forecast(self, horizon: Seconds, buckets: int) -> Forecast:
        """Estimate all runs to come from now on, in equal buckets of time."""
        return self._forecast_thread.call(lambda: self._forecast_calls.forecast(horizon, buckets))

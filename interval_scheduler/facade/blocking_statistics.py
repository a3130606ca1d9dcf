"""The calls of a `BlockingScheduler` that show what schedulers do; `statistics.py` has the meaning of each."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator
from datetime import datetime

from ..errors import NotConnected, WrongEventLoop
from ..model.cards import SchedulerCard
from ..model.series import Resolution, Series
from ..model.tailed import TailedRun
from .loop_thread import LoopThread
from .statistics import StatisticsCalls


class BlockingStatisticsCalls:
    """The calls that show what schedulers do, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: StatisticsCalls, thread: LoopThread) -> None:
        self._shown = scheduler
        self._shown_thread = thread

    def statistics(
        self, since: float | datetime, until: float | datetime | None = None, *, resolution: Resolution = "1m"
    ) -> Series:
        """Read what all schedulers counted in some time: runs, failures, lags and more, summed over the partitions."""
        return self._shown_thread.call(lambda: self._shown.statistics(since, until, resolution=resolution))

    def schedulers(self) -> list[SchedulerCard]:
        """List the schedulers that accept or execute tasks of the namespace, as they told of themselves."""
        return self._shown_thread.call(self._shown.schedulers)

    def tail(self) -> Generator[TailedRun, None, None]:
        """Watch runs as they end: a sample of up to 50 a second of each scheduler, for as long as somebody watches."""
        runs: AsyncGenerator[TailedRun, None] | None = None

        async def next_run() -> TailedRun | None:
            nonlocal runs
            if runs is None:
                runs = self._shown.tail()
            return await anext(runs, None)

        async def end() -> None:
            if runs is not None:
                await runs.aclose()

        try:
            while (run := self._shown_thread.call(next_run)) is not None:
                yield run
        finally:
            with contextlib.suppress(NotConnected, WrongEventLoop):  # it ended with the scheduler
                self._shown_thread.call(end)

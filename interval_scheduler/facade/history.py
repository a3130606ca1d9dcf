"""The public calls on runs that ended, with their documentation; `Scheduler` has them."""

from __future__ import annotations

from ..model.assignment import to_id
from ..model.past import PastRun
from ..model.task import Task
from ..services.lifespan import Lifespan
from ..storage.history import History
from .loop_thread import LoopThread


class HistoryCalls:
    """The calls of a `Scheduler` on runs that ended.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._home = lifespan

    async def run_history(self, task_or_id: Task | str) -> tuple[PastRun, ...]:
        """Get the last runs of a task that has the rule `history`, the latest first.

        A run is kept when it ended by itself: well, by an error, or by its time-out. One that was handed back, or whose
        process died, is not; the `attempt` of the next one tells of it. The runs of a dead task are kept with it. A
        task that is removed, that is done, or that is assigned without the rule, loses them.

        Returns:
            At most as many runs as the rule says; none for a task without it, or that is not scheduled.

        Raises:
            InvalidValue, InvalidType: the id is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached.
            StorageRefused: Redis refuses, or they cannot be read.
        """
        raw_id = to_id(task_or_id)
        return await History((await self._home.enter()).partitions).runs(raw_id)


class BlockingHistoryCalls:
    """The same calls of a `BlockingScheduler`."""

    def __init__(self, calls: HistoryCalls, thread: LoopThread) -> None:
        self._history_calls = calls
        self._history_thread = thread

    def run_history(self, task_or_id: Task | str) -> tuple[PastRun, ...]:
        """Get the last runs of a task that has the rule `history`, the latest first."""
        return self._history_thread.call(lambda: self._history_calls.run_history(task_or_id))

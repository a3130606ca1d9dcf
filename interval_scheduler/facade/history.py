"""The public calls on runs that ended and tasks that fail, with their documentation; `Scheduler` has them."""

from __future__ import annotations

from ..errors import InvalidType
from ..model.assignment import to_id
from ..model.looking import TaskPage
from ..model.past import PastRun
from ..model.task import Task
from ..services.lifespan import Lifespan
from ..storage.history import History
from ..storage.pages import Pages, read_after
from ..storage.partitions import Partitions
from ..support.log import Log
from .looking import check_limit
from .loop_thread import LoopThread


class HistoryCalls:
    """The calls of a `Scheduler` on runs that ended.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        log: the log for tasks that are left out of a page.
    """

    def __init__(self, lifespan: Lifespan, log: Log) -> None:
        self._home = lifespan
        self._log_of_pages = log

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
        return await History(await self._partitions()).runs(raw_id)

    async def failing_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> TaskPage:
        """List tasks whose last run failed and that go on, in the order in which they last failed.

        Their `last_error` and `failed_at` tell why and when. A task is among them until a run of it succeeds, or it is
        removed or set aside as dead (see `dead_tasks`). The latest 10,000 of each partition are kept. A task that fails
        anew during the listing moves to its newest end. At most once, only tasks with a rule that needs an answer
        (`retries`, `cron`, `max_runs`, `group`, `history`) are known to fail.

        Args:
            after: `TaskPage.after` of the page before. Default: the first page.
            limit: the most tasks, from 1 to 1,000. Default 100.
            newest_first: False for the one that failed first. Default True.

        Returns:
            The page. It can have fewer tasks than `limit` although another follows, if some were removed meanwhile, or
            are heavy. Partitions that cannot be reached are named in `TaskPage.offline`.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: none of the partitions can be reached.
            StorageRefused: Redis refuses.
        """
        check_limit(limit)
        if not isinstance(newest_first, bool):
            raise InvalidType("newest_first", f"must be True or False, not {type(newest_first).__name__}")
        place = read_after("failing", after, newest_first=newest_first)
        pages = Pages(await self._partitions(), self._log_of_pages)
        return await pages.failing(place, limit, newest_first=newest_first)

    async def _partitions(self) -> Partitions:
        return (await self._home.enter()).partitions


class BlockingHistoryCalls:
    """The same calls of a `BlockingScheduler`."""

    def __init__(self, calls: HistoryCalls, thread: LoopThread) -> None:
        self._history_calls = calls
        self._history_thread = thread

    def run_history(self, task_or_id: Task | str) -> tuple[PastRun, ...]:
        """Get the last runs of a task that has the rule `history`, the latest first."""
        return self._history_thread.call(lambda: self._history_calls.run_history(task_or_id))

    def failing_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> TaskPage:
        """List tasks whose last run failed and that go on, in the order in which they last failed."""
        return self._history_thread.call(
            lambda: self._history_calls.failing_page(after, limit, newest_first=newest_first)
        )

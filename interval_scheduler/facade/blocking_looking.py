"""The calls of a `BlockingScheduler` that show what there is; `looking.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal, overload

from ..model.checks import Moment
from ..model.looking import DeadPage, Overview, SearchPage, TaskPage
from ..model.task import DeadTask, State, Task
from .looking import LookCalls
from .loop_thread import LoopThread


class BlockingLookCalls:
    """The calls that show what there is, each of which waits for its end.

    Args:
        calls: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, calls: LookCalls, thread: LoopThread) -> None:
        self._look_calls = calls
        self._look_thread = thread

    def overview(self) -> Overview:
        """Tell the state of each partition in numbers: tasks by state, how late they are, pauses, rates, moves."""
        return self._look_thread.call(self._look_calls.overview)

    @overload
    def page(
        self,
        state: State = "waiting",
        *,
        after: str | None = None,
        due_from: Moment | None = None,
        limit: int = 100,
    ) -> TaskPage: ...

    @overload
    def page(
        self, state: Literal["dead"], *, after: str | None = None, due_from: None = None, limit: int = 100
    ) -> DeadPage: ...

    def page(
        self,
        state: State | Literal["dead"] = "waiting",
        *,
        after: str | None = None,
        due_from: Moment | None = None,
        limit: int = 100,
    ) -> TaskPage | DeadPage:
        """List the tasks in one state, a page at a time, in one order over all partitions."""
        page: Callable[..., Coroutine[Any, Any, TaskPage | DeadPage]] = self._look_calls.page
        return self._look_thread.call(lambda: page(state, after=after, due_from=due_from, limit=limit))

    def dead_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> DeadPage:
        """List the tasks that were set aside, a page at a time, in one order over all partitions."""
        return self._look_thread.call(lambda: self._look_calls.dead_page(after, limit, newest_first=newest_first))

    def get_dead_task(self, task_or_id: Task | DeadTask | str) -> DeadTask | None:
        """Get a task that was set aside by its id, or `None` if there is no dead one with it."""
        return self._look_thread.call(lambda: self._look_calls.get_dead_task(task_or_id))

    def failing_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> TaskPage:
        """List tasks whose last run failed and that go on, in the order in which they last failed."""
        return self._look_thread.call(lambda: self._look_calls.failing_page(after, limit, newest_first=newest_first))

    def search(self, prefix: str, *, after: str | None = None, budget: int = 20_000) -> SearchPage:
        """Find scheduled tasks by the beginning of their ids, a page of about 100 at a time."""
        return self._look_thread.call(lambda: self._look_calls.search(prefix, after=after, budget=budget))

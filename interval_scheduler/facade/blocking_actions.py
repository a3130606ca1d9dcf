"""The calls of a `BlockingScheduler` on who steered what; `actions.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import Collection

from ..model.steering import ActionPage, NotedKind, PausedState
from ..model.task import AnyTask
from .actions import ActionCalls
from .loop_thread import LoopThread


class BlockingActionCalls:
    """The calls on who steered what, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: ActionCalls, thread: LoopThread) -> None:
        self._actions = scheduler
        self._action_thread = thread

    def paused(self) -> PausedState | None:
        """Tell when the whole namespace was paused, by whom and why; `None` if it is not paused."""
        return self._action_thread.call(self._actions.paused)

    def actions(self, after: str | None = None, limit: int = 100) -> ActionPage:
        """List who steered what, when and why: the newest first, merged over all partitions."""
        return self._action_thread.call(lambda: self._actions.actions(after, limit))

    def note_action(self, kind: NotedKind, tasks_or_ids: Collection[AnyTask | str], reason: str | None = None) -> None:
        """Write into the log of actions that a person is about to assign or to remove tasks."""
        self._action_thread.call(lambda: self._actions.note_action(kind, tasks_or_ids, reason))

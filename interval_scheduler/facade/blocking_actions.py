"""The calls of a `BlockingScheduler` on who steered what; `actions.py` has the meaning of each."""

from __future__ import annotations

from ..model.steering import ActionPage, PausedState
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

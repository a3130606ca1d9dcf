"""The calls of a `BlockingScheduler` on the tasks with a prefix; `by_prefix.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import Callable

from .by_prefix import PrefixCalls
from .loop_thread import LoopThread


class BlockingPrefixCalls:
    """The calls on the tasks with a prefix, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: PrefixCalls, thread: LoopThread) -> None:
        self._prefixes = scheduler
        self._thread = thread

    def count_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Count the scheduled tasks whose ids start with a prefix."""
        return self._thread.call(lambda: self._prefixes.count_tasks(prefix=prefix, progress=progress))

    def pause_tasks(
        self, *, prefix: str, reason: str | None = None, progress: Callable[[int, int], object] | None = None
    ) -> int:
        """Let all tasks rest whose ids start with a prefix, each as by `pause_task`."""
        return self._thread.call(lambda: self._prefixes.pause_tasks(prefix=prefix, reason=reason, progress=progress))

    def resume_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Let all paused tasks go on whose ids start with a prefix, each as by `resume_task`; as `pause_tasks`."""
        return self._thread.call(lambda: self._prefixes.resume_tasks(prefix=prefix, progress=progress))

    def clear_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Take all tasks off the schedule whose ids start with a prefix, and forget the dead ones among them."""
        return self._thread.call(lambda: self._prefixes.clear_tasks(prefix=prefix, progress=progress))

"""The calls of a `BlockingScheduler` on quotas; `quotas.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.quotas import Rate
from .loop_thread import LoopThread
from .quotas import QuotaCalls


class BlockingQuotaCalls:
    """The calls on quotas, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: QuotaCalls, thread: LoopThread) -> None:
        self._quotas = scheduler
        self._quota_thread = thread

    def set_rate(self, rate: Rate | None, *, group: str | None = None) -> None:
        """Allow only so many starts in some time, over all schedulers, from now on."""
        self._quota_thread.call(lambda: self._quotas.set_rate(rate, group=group))

    def get_rate(self, *, group: str | None = None) -> Rate | None:
        """Read the rate that holds; `None` if there is none."""
        return self._quota_thread.call(lambda: self._quotas.get_rate(group=group))

    def set_group_concurrency(self, caps: int | Mapping[str, int] | None) -> None:
        """Allow only so many runs at once of the tasks of one group, over all schedulers, from now on."""
        self._quota_thread.call(lambda: self._quotas.set_group_concurrency(caps))

    def get_group_concurrency(self) -> dict[str, int] | None:
        """Read what `set_group_concurrency` put in Redis: by group, `"*"` for all other groups; `None` if nothing."""
        return self._quota_thread.call(self._quotas.get_group_concurrency)

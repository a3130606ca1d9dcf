"""The same calls as in `updating.py`, of a `BlockingScheduler`."""

from __future__ import annotations

from ..model.assignment import Reschedule
from ..model.checks import Moment, Repeat, Seconds, Start
from ..model.policy import Late, Missed, Overlap
from ..model.task import Task
from ..model.updating import UNCHANGED, Unchanged
from .loop_thread import LoopThread
from .updating import UpdateCalls


class BlockingUpdateCalls:
    """The calls that change a task and leave the rest of it, and that ask for one, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: UpdateCalls, thread: LoopThread) -> None:
        self._updates = scheduler
        self._thread = thread

    def update_task(
        self,
        task_or_id: Task | str,
        *,
        every: Seconds | Unchanged | None = UNCHANGED,
        start: Start | Unchanged | None = UNCHANGED,
        data: str | bytes | Unchanged = UNCHANGED,
        repeat: Repeat | Unchanged = UNCHANGED,
        missed: Missed | Unchanged = UNCHANGED,
        spread: bool | Unchanged = UNCHANGED,
        until: Moment | Unchanged | None = UNCHANGED,
        max_runs: int | Unchanged | None = UNCHANGED,
        cron: str | Unchanged | None = UNCHANGED,
        timezone: str | Unchanged = UNCHANGED,
        timeout: Seconds | Unchanged | None = UNCHANGED,
        retries: int | Unchanged = UNCHANGED,
        backoff: Seconds | Unchanged = UNCHANGED,
        group: str | Unchanged | None = UNCHANGED,
        late: Late | Unchanged = UNCHANGED,
        start_deadline: Seconds | Unchanged | None = UNCHANGED,
        overlap: Overlap | Unchanged = UNCHANGED,
        jitter: Seconds | Unchanged | None = UNCHANGED,
        history: int | Unchanged = UNCHANGED,
        reschedule: Reschedule = "interval",
    ) -> bool:
        """Change what is given of a scheduled task, and nothing else, in one atomic step."""
        return self._thread.call(
            lambda: self._updates.update_task(
                task_or_id,
                every=every,
                start=start,
                data=data,
                repeat=repeat,
                missed=missed,
                spread=spread,
                until=until,
                max_runs=max_runs,
                cron=cron,
                timezone=timezone,
                timeout=timeout,
                retries=retries,
                backoff=backoff,
                group=group,
                late=late,
                start_deadline=start_deadline,
                overlap=overlap,
                jitter=jitter,
                history=history,
                reschedule=reschedule,
            )
        )

    def has_task(self, task_or_id: Task | str) -> bool:
        """Ask if a task is scheduled: waiting, running, or paused. A dead one is not. No payload is sent."""
        return self._thread.call(lambda: self._updates.has_task(task_or_id))

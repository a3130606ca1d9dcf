"""The calls of a `BlockingScheduler` that concern tasks; `tasks.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Final, Literal, overload

from ..model.assignment import Reschedule
from ..model.reports import AssignCounts, SyncCounts, SyncPlan
from ..model.task import DeadTask, ScheduledTask, State, Task
from .blocking_prefixes import BlockingPrefixCalls
from .feeding import call_with
from .loop_thread import LoopThread
from .paging import read_in_pages
from .tasks import TaskCalls

#: The number of listed tasks that are handed over at once.
_PAGE: Final = 250


class BlockingTaskCalls(BlockingPrefixCalls):
    """The calls on tasks, each of which waits for its end.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: TaskCalls, thread: LoopThread) -> None:
        super().__init__(scheduler, thread)
        self._tasks = scheduler

    # Assigning and removing

    def assign_task(self, task: Task, *, reschedule: Reschedule = "keep") -> bool:
        """Put a task under schedule; update it if its id is scheduled already."""
        return self._thread.call(lambda: self._tasks.assign_task(task, reschedule=reschedule))

    def assign_tasks(self, tasks: Iterable[Task], *, reschedule: Reschedule = "keep") -> AssignCounts:
        """Assign many tasks, pipelined and in bounded memory."""
        return call_with(self._thread, tasks, lambda items: self._tasks.assign_tasks(items, reschedule=reschedule))

    def remove_task(self, task_or_id: Task | str) -> bool:
        """Take a task off the schedule. No run of it starts after this returns (under at-least-once delivery)."""
        return self._thread.call(lambda: self._tasks.remove_task(task_or_id))

    def remove_tasks(self, tasks_or_ids: Iterable[Task | str]) -> int:
        """Take many tasks off the schedule, pipelined and in bounded memory."""
        return call_with(self._thread, tasks_or_ids, self._tasks.remove_tasks)

    @overload
    def sync_tasks(
        self,
        desired: Iterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: Literal[False] = False,
    ) -> SyncCounts: ...

    @overload
    def sync_tasks(
        self,
        desired: Iterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: Literal[True],
    ) -> SyncPlan: ...

    def sync_tasks(
        self,
        desired: Iterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: bool = False,
    ) -> SyncCounts | SyncPlan:
        """Make the scheduled tasks whose ids start with `scope` equal to `desired`: add, update and remove."""

        async def sync(items: AsyncIterable[Task] | Iterable[Task]) -> SyncCounts | SyncPlan:
            call: Callable[..., Awaitable[SyncCounts | SyncPlan]] = self._tasks.sync_tasks
            return await call(
                items,
                scope=scope,
                reschedule=reschedule,
                allow_empty=allow_empty,
                max_removed=max_removed,
                dry_run=dry_run,
            )

        return call_with(self._thread, desired, sync)

    def clear_all_tasks(self) -> int:
        """Take every task of the namespace off the schedule. Nothing else in Redis is touched."""
        return self._thread.call(self._tasks.clear_all_tasks)

    # Looking

    def is_scheduled(self, task_or_id: Task | str) -> str | bytes | None:
        """Get the payload of a scheduled task, or `None`. An empty payload is not `None`."""
        return self._thread.call(lambda: self._tasks.is_scheduled(task_or_id))

    def get_task(self, task_or_id: Task | str) -> ScheduledTask | None:
        """Get a scheduled task with its next run and its state, or `None`."""
        return self._thread.call(lambda: self._tasks.get_task(task_or_id))

    def tasks(self, *, state: State | None = None, prefix: str = "") -> Iterator[ScheduledTask]:
        """List the scheduled tasks, page by page: the leased ones, the waiting ones in due order, the paused ones."""
        return read_in_pages(self._thread, lambda: self._tasks.tasks(state=state, prefix=prefix))

    def task_size(self) -> int:
        """Count the scheduled tasks."""
        return self._thread.call(self._tasks.task_size)

    def queue_size(self) -> int:
        """Count the tasks that are due now and not claimed."""
        return self._thread.call(self._tasks.queue_size)

    # Steering

    def pause_task(self, task_or_id: Task | str, reason: str | None = None) -> bool:
        """Let a task rest until `resume_task`. A run in progress goes on; a task that was claimed before still runs."""
        return self._thread.call(lambda: self._tasks.pause_task(task_or_id, reason))

    def resume_task(self, task_or_id: Task | str) -> bool:
        """Let a paused task go on, on its own grid: the runs that it missed meanwhile are left out."""
        return self._thread.call(lambda: self._tasks.resume_task(task_or_id))

    def run_task_now(self, task_or_id: Task | str) -> bool:
        """Run a task as soon as possible, without moving its grid: its later runs stay where they were."""
        return self._thread.call(lambda: self._tasks.run_task_now(task_or_id))

    def pause(self, reason: str | None = None) -> None:
        """Pause the whole namespace: no scheduler claims anything until `resume`. Runs in progress go on."""
        self._thread.call(lambda: self._tasks.pause(reason))

    def resume(self) -> None:
        """Resume the namespace; all its schedulers look for due tasks at once."""
        self._thread.call(self._tasks.resume)

    # Dead tasks

    def dead_tasks(self) -> Iterator[DeadTask]:
        """List the tasks that were set aside, page by page, partition by partition, the oldest first."""
        return read_in_pages(self._thread, self._tasks.dead_tasks)

    def revive_task(self, task_or_id: Task | DeadTask | str) -> bool:
        """Schedule a dead task anew, due now, with all its attempts."""
        return self._thread.call(lambda: self._tasks.revive_task(task_or_id))

    def clear_dead_tasks(self) -> int:
        """Forget all dead tasks, in steps that never block Redis for long."""
        return self._thread.call(self._tasks.clear_dead_tasks)

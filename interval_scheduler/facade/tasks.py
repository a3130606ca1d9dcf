"""The public calls on tasks: the meaning of each, and the part of the facade that carries it out."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable

from ..model.assignment import Reschedule
from ..model.reports import AssignCounts
from ..model.task import DeadTask, ScheduledTask, State, Task
from .assigning import Assigning
from .by_prefix import PrefixCalls
from .control import Control
from .inspection import Inspection
from .syncing import SyncCalls


class TaskCalls(SyncCalls, PrefixCalls):
    """The calls of a `Scheduler` that concern tasks.

    Args:
        assigning: the part that assigns and removes.
        control: the part that pauses, resumes, hurries and revives.
        inspection: the part that looks up, lists and counts.
    """

    def __init__(self, assigning: Assigning, control: Control, inspection: Inspection) -> None:
        SyncCalls.__init__(self, assigning)
        PrefixCalls.__init__(self, control)
        self._inspection = inspection

    # Assigning and removing

    async def assign_task(self, task: Task, *, reschedule: Reschedule = "keep") -> bool:
        """Put a task under schedule; update it if its id is scheduled already.

        Args:
            task: a `Task`, for example an `IntervalTask`.
            reschedule: the next run of a task that is scheduled already. `"keep"`: as planned; the new interval applies
                after that run. `"interval"`: one new interval after its previous time. `"start"`: at its `execute_on`.
                If its cron expression or time zone is another one, or a cron expression replaces an interval or the
                other way round, the first new occurrence counts, unless it is `"start"`.

        Returns:
            `True` if the task is new, `False` if it was updated.

        Raises:
            InvalidValue, InvalidType: the task is bad, or its `until` comes before its next run, by the server's clock;
                nothing was changed.
            NotAcceptingTasks: call `start_task_accept` first.
            NotConnected, WrongEventLoop: the scheduler was closed, or belongs to another event loop.
            PartitionOffline: the home of the task cannot be reached; nothing was changed.
            HintsFull: as many changes as `max_hints` allows are kept for the home, which is offline.
            OutcomeUnknown: the home was lost half-way.
            NotReplicated: the task is assigned, but too few replicas have it; see `wait_replicas`.
            StorageFull, StorageRefused: Redis refuses; nothing was changed.
        """
        return await self._assigning.assign_task(task, reschedule)

    async def assign_tasks(
        self, tasks: Iterable[Task] | AsyncIterable[Task], *, reschedule: Reschedule = "keep"
    ) -> AssignCounts:
        """Assign many tasks, pipelined and in bounded memory.

        A list or tuple is checked as a whole before anything is sent; a generator is checked task by task. What only
        Redis can tell refuses single tasks: that no run is left before their `until`, or that their group needs a hash
        tag. Then others may be assigned, later ones too.

        Args:
            tasks: tasks, from any iterable or async iterable.
            reschedule: as for `assign_task`.

        Returns:
            The number of new tasks and the number of updated tasks.

        Raises:
            SchedulerError: as for `assign_task`. Other tasks may have been assigned; calling again is safe.
        """
        return await self._assigning.assign_tasks(tasks, reschedule)

    async def remove_task(self, task_or_id: Task | str) -> bool:
        """Take a task off the schedule. No run of it starts after this returns (under at-least-once delivery).

        If the task was claimed within the last second, the call waits for the rest of that second, since a worker may
        be about to start the task. A run in progress goes on; its task is not rescheduled.

        Args:
            task_or_id: the task or its id.

        Returns:
            `True` if the task was scheduled. A dead one is not: it is forgotten, and the result is `False`.

        Raises:
            InvalidValue, InvalidType: the id is bad; nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached; nothing was changed.
            HintsFull: as many changes as `max_hints` allows are kept for the home, which is offline.
            OutcomeUnknown: the home was lost half-way; calling again is safe.
            StorageRefused: Redis refuses; nothing was changed.
        """
        return await self._assigning.remove_task(task_or_id)

    async def remove_tasks(self, tasks_or_ids: Iterable[Task | str] | AsyncIterable[Task | str]) -> int:
        """Take many tasks off the schedule, pipelined and in bounded memory.

        Args:
            tasks_or_ids: tasks or ids, from any iterable or async iterable.

        Returns:
            The number of those that were scheduled.

        Raises:
            SchedulerError: as for `remove_task`. Tasks before the one at fault may have been removed; calling again
                is safe.
        """
        return await self._assigning.remove_tasks(tasks_or_ids)

    async def clear_all_tasks(self) -> int:
        """Take every task of the namespace off the schedule. Nothing else in Redis is touched.

        Returns:
            The number of removed tasks.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline, OutcomeUnknown: a partition was lost; some tasks may be removed, calling again is safe.
            StorageRefused: Redis refuses.
        """
        return await self._assigning.clear_all_tasks()

    # Looking

    async def is_scheduled(self, task_or_id: Task | str) -> str | bytes | None:
        """Get the payload of a scheduled task, or `None`. An empty payload is not `None`.

        Raises:
            SchedulerError: as for `get_task`.
        """
        found = await self._inspection.get_task(task_or_id)
        return None if found is None else found.data

    async def get_task(self, task_or_id: Task | str) -> ScheduledTask | None:
        """Get a scheduled task with its next run and its state, or `None`.

        Raises:
            InvalidValue, InvalidType: the id is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached.
            StorageRefused: Redis refuses, or the record of the task is corrupt.
        """
        return await self._inspection.get_task(task_or_id)

    def tasks(self, *, state: State | None = None, prefix: str = "") -> AsyncIterator[ScheduledTask]:
        r"""List the scheduled tasks, page by page: the leased ones, the waiting ones in due order, the paused ones.

        A task that moves while the list is read may be listed at both places, or at neither; the list ends in any case.
        A task whose record is corrupt is left out, and logged. An id that is no UTF-8 has escapes such as `\xff`.

        Args:
            state: list only the tasks in this state, `"waiting"`, `"leased"` or `"paused"`. Default: all.
            prefix: list only the tasks whose id starts with this. Default: all. With a whole hash tag in it, as in
                `"{tenant-7}"`, only the tasks of that tag are read; else all of the namespace.

        Raises:
            InvalidValue, InvalidType: an argument is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.
        """
        return self._inspection.tasks(state, prefix)

    async def task_size(self) -> int:
        """Count the scheduled tasks.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.
        """
        return await self._inspection.task_size()

    async def queue_size(self) -> int:
        """Count the tasks that are due now and not claimed.

        Tasks whose worker died and whose lease has ended are counted too.

        Raises:
            SchedulerError: as for `task_size`.
        """
        return await self._inspection.queue_size()

    # Steering

    async def pause_task(self, task_or_id: Task | str, reason: str | None = None) -> bool:
        """Let a task rest until `resume_task`. A run in progress goes on; a task that was claimed before still runs.

        The task stays scheduled: it can be looked up, counted, listed, removed, and assigned again, which leaves it
        paused. `ScheduledTask.paused` tells when it was paused, by whom and why; of several pauses the last.

        Args:
            task_or_id: the task or its id.
            reason: why, in one line of up to 500 printable characters. Default: nothing is told.

        Returns:
            `True` if it is paused now, `False` if it is not scheduled.

        Raises:
            InvalidValue, InvalidType: the id or the reason is bad; nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached; nothing was changed.
            OutcomeUnknown: the home was lost half-way; calling again is safe.
            StorageRefused: Redis refuses; nothing was changed.
        """
        return await self._control.pause_task(task_or_id, reason)

    async def resume_task(self, task_or_id: Task | str) -> bool:
        """Let a paused task go on, on its own grid: the runs that it missed meanwhile are left out.

        A one-shot, or a task with a fixed delay, runs at once if its time came while it was paused.

        Returns:
            `True` if it is not paused now, `False` if it is not scheduled.

        Raises:
            SchedulerError: as for `pause_task`.
        """
        return await self._control.resume_task(task_or_id)

    async def run_task_now(self, task_or_id: Task | str) -> bool:
        """Run a task as soon as possible, without moving its grid: its later runs stay where they were.

        A one-shot runs now instead of later. A task that is running runs once more afterwards, unless it is assigned
        again before.

        Returns:
            `True` if it will run, `False` if it is not scheduled or is paused, or if the run in progress is its last,
            by its `until` or `max_runs`.

        Raises:
            SchedulerError: as for `pause_task`.
        """
        return await self._control.run_task_now(task_or_id)

    async def pause(self, reason: str | None = None) -> None:
        """Pause the whole namespace: no scheduler claims anything until `resume`. Runs in progress go on.

        Tasks may be assigned and removed meanwhile. Tasks that become due wait, and count as missed at `resume`. The
        queues of the namespace go on: each is paused by its own `pause`. The call `paused` tells when that was, by whom
        and why; of several pauses the last.

        Args:
            reason: why, as for `pause_task`.

        Raises:
            InvalidValue, InvalidType: the reason is bad; nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached; nothing was changed.
            OutcomeUnknown: a partition was lost half-way; calling again is safe.
            StorageRefused: Redis refuses.
        """
        await self._control.pause(reason)

    async def resume(self) -> None:
        """Resume the namespace; all its schedulers look for due tasks at once.

        Raises:
            SchedulerError: as for `pause`.
        """
        await self._control.resume()

    # Dead tasks

    def dead_tasks(self) -> AsyncIterator[DeadTask]:
        """List the tasks that were set aside, page by page, partition by partition, the oldest first.

        These are one-shots whose last attempt failed, recurring tasks whose final run failed, and tasks whose
        record is corrupt. The youngest 10,000 of a partition are kept.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.
        """
        return self._control.dead_tasks()

    async def revive_task(self, task_or_id: Task | DeadTask | str) -> bool:
        """Schedule a dead task anew, due now, with all its attempts.

        Args:
            task_or_id: the task, as it was assigned or listed, or its id.

        Returns:
            `True` if it was dead.

        Raises:
            SchedulerError: as for `pause_task`.
        """
        return await self._control.revive_task(task_or_id)

    async def clear_dead_tasks(self) -> int:
        """Forget all dead tasks, in steps that never block Redis for long.

        Returns:
            The number of dead tasks that were forgotten.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline, OutcomeUnknown: a partition was lost; some may be forgotten, calling again is safe.
            StorageRefused: Redis refuses.
        """
        return await self._control.clear_dead_tasks()

"""The part of the facade that changes and shows what is scheduled: assign, remove, sync, look."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable

import anyio

from ..config.options import SchedulerOptions
from ..errors import InvalidType, InvalidValue, NotAcceptingTasks, StorageRefused
from ..execution.run import TaskRun, current_run
from ..model.assignment import to_assignment, to_id
from ..model.reports import AssignCounts, SyncCounts
from ..model.task import ScheduledTask, State, Task
from ..services import bulk
from ..services.lifespan import Connection
from ..services.sync import check_scope, sync
from ..storage.commands.assigning import START_WINDOW_MS, Change, Removed, Reschedule
from ..storage.mapping import to_scheduled_task
from ..storage.partitions import Partitions
from ..support.log import Log
from .control import TaskControl


class TaskAssignment(TaskControl):
    """What a `Scheduler` does to put tasks under schedule, to take them off, and to show them."""

    _options: SchedulerOptions
    _log: Log
    _accepting: bool
    _grid_ms: int

    @abstractmethod
    def _connected(self) -> Connection:
        """What exists while connected."""

    def _all(self) -> Partitions:
        return self._connected().partitions

    # Assigning and removing

    async def assign_task(self, task: Task, *, reschedule: Reschedule = "keep") -> bool:
        """Put a task under schedule, or update it if its id is.

        Args:
            task: a `Task`, for example an `IntervalTask`.
            reschedule: when a scheduled task runs next. `"keep"`: as planned, the new interval applies after that run.
                `"interval"`: one new interval after its previous time. `"start"`: at its `execute_on`.

        Returns:
            `True` if it is new, `False` if it was updated.

        Raises:
            InvalidValue, InvalidType: a bad task; nothing was changed.
            NotAcceptingTasks: call `start_task_accept` first.
            PartitionOffline: the home of the task cannot be reached; nothing was changed.
            OutcomeUnknown: the home was lost half-way.
            NotReplicated: it was carried out, but too few replicas have it; see `wait_replicas`.
            StorageFull, StorageRefused: Redis refuses; nothing was changed.
        """
        change = self._to_change(task, reschedule)
        if not self._accepting:
            raise NotAcceptingTasks
        return await self._all().assign(change)

    async def assign_tasks(
        self, tasks: Iterable[Task] | AsyncIterable[Task], *, reschedule: Reschedule = "keep"
    ) -> AssignCounts:
        """Assign many tasks, pipelined and in bounded memory.

        A list or tuple is checked whole before anything is sent; a generator is checked as it goes.

        Args:
            tasks: tasks, from any iterable or async iterable.
            reschedule: as for `assign_task`.

        Returns:
            How many were newly assigned, and how many updated.

        Raises:
            SchedulerError: as for `assign_task`. Tasks before the one at fault may have been assigned; calling again
                is safe.
        """
        bulk.check_iterable("tasks", tasks)
        changes = bulk.convert(tasks, lambda task: self._to_change(task, reschedule))
        if not self._accepting:
            raise NotAcceptingTasks
        partitions = self._all()
        counts = [0, 0]
        async for created in bulk.pipeline(changes, partitions.assign):
            counts[created] += 1
        return AssignCounts(assigned=counts[True], updated=counts[False])

    async def remove_task(self, task_or_id: Task | str) -> bool:
        """Take a task off the schedule. No run of it starts after this returns (under at-least-once delivery).

        A task that was claimed within the last second is waited for, up to that second, since its worker may be
        about to start it. A run in progress goes on; its task is not rescheduled.

        Returns:
            `True` if it was scheduled.

        Raises:
            PartitionOffline: its home cannot be reached; nothing was changed.
        """
        raw_id = to_id(task_or_id)
        removed = await self._all().remove(raw_id)
        if not _is_current(raw_id):
            await _sleep_ms(removed.wait_ms)
        return removed.was_scheduled

    async def remove_tasks(self, tasks_or_ids: Iterable[Task | str] | AsyncIterable[Task | str]) -> int:
        """Take many tasks off the schedule, pipelined and in bounded memory.

        Returns:
            How many of them were scheduled.
        """
        bulk.check_iterable("tasks_or_ids", tasks_or_ids)
        ids = bulk.convert(tasks_or_ids, to_id)
        partitions = self._all()
        count = wait_ms = 0
        removed: Removed
        async for removed in bulk.pipeline(ids, partitions.remove):
            count += removed.was_scheduled
            wait_ms = max(wait_ms, removed.wait_ms)
        await _sleep_ms(wait_ms)
        return count

    async def sync_tasks(self, desired: Iterable[Task] | AsyncIterable[Task], *, scope: str) -> SyncCounts:
        """Make the scheduled tasks whose ids start with `scope` equal to `desired`: add, update and remove.

        Tasks that are scheduled just so are left alone, as is when a task runs next (`reschedule="keep"`). In bounded
        memory, however many there are. Several processes may do it: those of one scope go one after the other. A task
        of the scope that somebody else assigns meanwhile, and that is not desired, may be removed.

        Args:
            desired: the tasks that there should be, from any iterable or async iterable; each id starts with `scope`.
            scope: the prefix, such as `"tenant-7:"`.

        Returns:
            What changed.

        Raises:
            InvalidValue, InvalidType: a bad task, or one outside of the scope; from a list or tuple, before anything
                is changed.
            NotAcceptingTasks: call `start_task_accept` first.
            PartitionOffline, OutcomeUnknown: a partition was lost; calling again completes it.
            LockLost: the master was lost for long; calling again completes it.
        """
        check_scope(scope)
        bulk.check_iterable("desired", desired)

        def to_change(task: Task) -> Change:
            change = self._to_change(task, "keep")
            check_scope(scope, change.assignment.id)
            return change

        changes = bulk.convert(desired, to_change)
        if not self._accepting:
            raise NotAcceptingTasks
        connection = self._connected()
        for partition in connection.partitions.all:
            partition.require_online()
        patience = self._options.storage.operation_timeout_seconds
        return await sync(connection.partitions, connection.locks, changes, scope, self._grid_ms, patience)

    async def clear_all_tasks(self) -> int:
        """Take every task of the namespace off the schedule. Nothing else in Redis is touched.

        Returns:
            How many there were.
        """
        removed, any_leased = await self._all().clear()
        if any_leased:
            await _sleep_ms(START_WINDOW_MS)
        return removed

    # Inspecting

    async def is_scheduled(self, task_or_id: Task | str) -> str | bytes | None:
        """The payload of a scheduled task, or `None`. An empty payload is not `None`."""
        found = await self._look(to_id(task_or_id))
        return None if found is None else found.data

    async def get_task(self, task_or_id: Task | str) -> ScheduledTask | None:
        """A scheduled task with its next run and state, or `None`."""
        return await self._look(to_id(task_or_id))

    async def tasks(self, *, state: State | None = None, prefix: str = "") -> AsyncIterator[ScheduledTask]:
        """All scheduled tasks, page by page: those leased at the moment, those that wait in due order, those paused.

        Args:
            state: only those in this state, `"waiting"`, `"leased"` or `"paused"`. Default: all.
            prefix: only those whose id starts so. Default: all.

        A task that moves while the list is read may be listed at both places, or at neither; the list ends in any case.
        One whose record is corrupt is left out, and logged.
        """
        if state not in (None, "waiting", "leased", "paused"):
            raise InvalidValue("state", f"must be 'waiting', 'leased', 'paused' or None, got {state!r}")
        if not isinstance(prefix, str):
            raise InvalidType("prefix", f"must be a str, not {type(prefix).__name__}")
        async for partition, row in self._all().rows(state):
            try:
                found = to_scheduled_task(partition.name, row)
            except StorageRefused as error:
                self._log.error("left out of the list: %s", error)
                continue
            if found.id.startswith(prefix):
                yield found

    async def task_size(self) -> int:
        """How many tasks are scheduled."""
        return (await self._all().sizes())[0]

    async def queue_size(self) -> int:
        """How many tasks are due now and not claimed, those included whose worker died and whose lease has ended."""
        return (await self._all().sizes())[1]

    # Within

    def _to_change(self, task: Task, reschedule: Reschedule) -> Change:
        if reschedule not in ("keep", "interval", "start"):
            raise InvalidValue("reschedule", f"must be 'keep', 'interval' or 'start', got {reschedule!r}")
        return Change(to_assignment(task, self._grid_ms), reschedule)

    async def _look(self, raw_id: bytes) -> ScheduledTask | None:
        partition, row = await self._all().locate(raw_id)
        return None if row is None else to_scheduled_task(partition.name, row)


async def _sleep_ms(wait_ms: int) -> None:
    if wait_ms > 0:
        await anyio.sleep(wait_ms / 1000)


def _is_current(raw_id: bytes) -> bool:
    """Whether the caller is the run of this very task: then no other run of it can be about to start."""
    try:
        run: TaskRun = current_run()
    except LookupError:
        return False
    return run.raw_id == raw_id

"""The part of the facade that puts tasks under schedule and takes them off; see `tasks.py` for each call."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import aclosing
from threading import get_ident

import anyio

from ..config.options import SchedulerOptions
from ..errors import NotAcceptingTasks
from ..execution.observers import Observers
from ..execution.run import TaskRun, runs_of_caller
from ..model.assignment import Assignment, Reschedule, accepted, check_reschedule, to_assignment, to_id
from ..model.desired import SyncLimits
from ..model.reports import AssignCounts, SyncPlan
from ..model.task import Task
from ..services import bulk
from ..services.lifespan import Connected, Lifespan
from ..services.sync import check_scope, sync
from ..storage.claims import START_WINDOW_SECONDS
from ..support import clock
from .acting import note


class Assigning:
    """The part that assigns and removes tasks.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        options: the scheduler's options.
        is_in_progress: tells if a run is one of this scheduler, has not ended, and holds its lease.
        observers: those who wrap calls that assign tasks.
    """

    def __init__(
        self,
        lifespan: Lifespan,
        options: SchedulerOptions,
        is_in_progress: Callable[[TaskRun], bool],
        observers: Observers,
    ) -> None:
        self._lifespan = lifespan
        self._observers = observers
        self._hooks = observers.hooks
        self._is_in_progress = is_in_progress
        self._grid_ms = round(options.storage.task_interval_seconds * 1000)
        self._retry_for_seconds = options.storage.operation_timeout_seconds
        #: True while tasks are accepted.
        self.accepting = False
        #: The number of tasks that were assigned or updated.
        self.assigned = 0
        #: Called after that has changed.
        self.on_change: Callable[[], object] = _nothing

    def accept(self) -> None:
        """Accept tasks from now on."""
        self.accepting = True
        self.on_change()

    def refuse(self) -> None:
        """Accept no tasks from now on."""
        self.accepting = False
        self.on_change()

    async def assign_task(self, task: Task, reschedule: Reschedule) -> bool:
        if not self._hooks.wraps_assigns:
            return await self._assign_task(task, reschedule)
        with self._hooks.assigning(self._observers.namespace) as trace:
            return await self._assign_task(task, reschedule, trace)

    async def _assign_task(self, task: Task, reschedule: Reschedule, trace: bytes = b"") -> bool:
        check_reschedule(reschedule)
        call = to_assignment(task, self._grid_ms, reschedule, trace)
        if self._lifespan.connected is None:
            await self._lifespan.open_first()
        is_new = accepted(await self._accepted().partitions.assign(call))
        self.assigned += 1
        return is_new

    async def assign_tasks(self, tasks: Iterable[Task] | AsyncIterable[Task], reschedule: Reschedule) -> AssignCounts:
        if not self._hooks.wraps_assigns:
            return await self._assign_tasks(tasks, reschedule)
        with self._hooks.assigning(self._observers.namespace) as trace:
            return await self._assign_tasks(tasks, reschedule, trace)

    async def _assign_tasks(
        self, tasks: Iterable[Task] | AsyncIterable[Task], reschedule: Reschedule, trace: bytes = b""
    ) -> AssignCounts:
        bulk.check_iterable("tasks", tasks)
        check_reschedule(reschedule)
        grid_ms = self._grid_ms
        calls = bulk.convert(tasks, lambda task: to_assignment(task, grid_ms, reschedule, trace))
        await self._lifespan.open_first()
        partitions = self._accepted().partitions
        assigned = updated = 0
        async with aclosing(bulk.pipeline(calls, partitions.assign_all, lambda call: len(call.data))) as ended:
            async for answers in ended:
                new, known = answers.given.count(True), answers.given.count(False)
                assigned += new
                updated += known
                self.assigned += new + known
                if new + known < len(answers.given):  # one was refused
                    for answer in answers.given:
                        accepted(answer)
                answers.raise_error()
        return AssignCounts(assigned, updated)

    async def remove_task(self, task_or_id: Task | str) -> bool:
        raw_id = to_id(task_or_id)
        await self._lifespan.open_first()
        removed = await self._connected().partitions.remove(raw_id)
        if not self._is_own_claim(raw_id):
            await _sleep_ms(removed.wait_ms)
        return removed.was_scheduled

    async def remove_tasks(self, tasks_or_ids: Iterable[Task | str] | AsyncIterable[Task | str]) -> int:
        bulk.check_iterable("tasks_or_ids", tasks_or_ids)
        ids = bulk.convert(tasks_or_ids, to_id)
        await self._lifespan.open_first()
        partitions = self._connected().partitions
        count = wait_ms = 0
        async with aclosing(bulk.pipeline(ids, partitions.remove_all)) as ended:
            async for answers in ended:
                count += sum(removed.was_scheduled for removed in answers.given)
                wait_ms = max([wait_ms, *(removed.wait_ms for removed in answers.given)])
                answers.raise_error()
        await _sleep_ms(wait_ms)
        return count

    async def sync_tasks(
        self,
        desired: Iterable[Task] | AsyncIterable[Task],
        scope: str,
        reschedule: Reschedule,
        limits: SyncLimits,
    ) -> SyncPlan:
        check_scope(scope)
        bulk.check_iterable("desired", desired)
        if isinstance(desired, list | tuple | set | frozenset | dict):  # the length of a query would be a query
            limits.check_count(len(desired))

        check_reschedule(reschedule)

        def to_call(task: Task) -> Assignment:
            call = to_assignment(task, self._grid_ms, reschedule)
            check_scope(scope, call.id)
            return call

        calls = bulk.convert(desired, to_call)
        await self._lifespan.open_first()
        connected = self._accepted()
        plan = await sync(
            connected.partitions, connected.locks, calls, scope, self._grid_ms, self._retry_for_seconds, limits
        )
        self.assigned += 0 if limits.dry_run else plan.counts.added + plan.counts.updated
        return plan

    async def clear_all_tasks(self) -> int:
        await self._lifespan.open_first()
        noted = note(self._lifespan.actor, "clear_all_tasks", in_steps=True)
        cleared = await self._connected().namespace.clear(noted)
        await _sleep_ms(cleared.wait_ms)
        return cleared.removed

    def _is_own_claim(self, raw_id: bytes) -> bool:
        """Tell if the claim that a removal would wait for is that of the calling run, which has started long since.

        A run that has ended, is one of another scheduler, or has lost its lease says nothing about the claims of the
        task now; neither does a run that was claimed so long ago that the removal would not wait for its claim.
        """
        return any(
            self._is_in_progress(run) and clock.monotonic() < run.received_at + START_WINDOW_SECONDS
            for run in runs_of_caller()
            if run.raw_id == raw_id
        )

    def _accepted(self) -> Connected:
        if not self.accepting:
            self._lifespan.check_home()
            raise NotAcceptingTasks
        return self._connected()

    def _connected(self) -> Connected:
        # Every assignment comes this way. To ask for the running event loop is a system call (getpid) in CPython, so
        # this asks only if home runs in this thread: then no other one does. All else is for `require` to decide.
        connected = self._lifespan.connected
        if connected is not None and get_ident() == connected.thread and connected.loop.is_running():
            return connected
        return self._lifespan.require()


async def _sleep_ms(wait_ms: int) -> None:
    if wait_ms > 0:
        await anyio.sleep(wait_ms / 1000)


def _nothing() -> None:
    """Do nothing."""

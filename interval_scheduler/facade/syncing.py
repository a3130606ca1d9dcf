"""The public call that makes a set of tasks equal to a desired one; `assigning.py` carries it out."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Literal, overload

from ..model.assignment import Reschedule
from ..model.desired import SyncLimits
from ..model.reports import SyncCounts, SyncPlan
from ..model.task import Task
from .assigning import Assigning


class SyncCalls:
    """The call of a `Scheduler` that syncs tasks.

    Args:
        assigning: the part that assigns and removes.
    """

    def __init__(self, assigning: Assigning) -> None:
        self._assigning = assigning

    @overload
    async def sync_tasks(
        self,
        desired: Iterable[Task] | AsyncIterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: Literal[False] = False,
    ) -> SyncCounts: ...

    @overload
    async def sync_tasks(
        self,
        desired: Iterable[Task] | AsyncIterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: Literal[True],
    ) -> SyncPlan: ...

    async def sync_tasks(
        self,
        desired: Iterable[Task] | AsyncIterable[Task],
        *,
        scope: str,
        reschedule: Reschedule = "keep",
        allow_empty: bool = False,
        max_removed: float | None = None,
        dry_run: bool = False,
    ) -> SyncCounts | SyncPlan:
        """Make the scheduled tasks whose ids start with `scope` equal to `desired`: add, update and remove.

        A task in the desired form is left alone. Memory is bounded for any number of tasks. Several processes may sync:
        syncs of one scope wait for each other. A task of the scope that another call assigns meanwhile, and that is not
        desired, may be removed.

        Args:
            desired: the tasks that there should be, from any iterable or async iterable; each id starts with `scope`.
                Of tasks with the same id, the last one counts.
            scope: the prefix, such as `"{tenant-7}"`. With a whole hash tag, as there, only the tasks of that tag are
                read; any other prefix, as `"feed:"`, is looked for among all tasks of the namespace.
            reschedule: the next run of a task that is updated, as for `assign_task`. Default `"keep"`.
            allow_empty: True if `desired` may be empty, so that the whole scope is removed. Default False.
            max_removed: the most tasks that may be removed: a number (int), or a share (float, 0.0 to 1.0) of the tasks
                of the scope that are scheduled. Default None: any number.
            dry_run: True to change nothing, and only tell what would change. Default False.

        Returns:
            The number of tasks added, updated, left alone and removed; with `dry_run` a `SyncPlan`, with each change.

        Raises:
            InvalidValue, InvalidType: a task is bad or outside of the scope, or there is none; from a list or tuple,
                before anything is changed. Or a task would never run, since its `until` comes before its next run by
                the server's clock; this one is left as it was, and all others are in sync.
            TooManyRemovals: more tasks than `max_removed` would be removed; none is. From a list or tuple, nothing else
                is changed either, unless others assign at the same time; from another iterable, tasks may have been
                added and updated.
            NotAcceptingTasks: call `start_task_accept` first.
            NotConnected, WrongEventLoop: the scheduler was closed, or belongs to another event loop.
            PartitionOffline, OutcomeUnknown: a partition was lost; calling again completes it.
            LockLost: the master was lost for long; calling again completes it.
            StorageFull, StorageRefused: Redis refuses; calling again completes it.
        """
        limits = SyncLimits(allow_empty, max_removed, dry_run)
        plan = await self._assigning.sync_tasks(desired, scope, reschedule, limits)
        return plan if dry_run else plan.counts

"""The changes of a task by its id: each with the words for it, and what stands in its way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Final

import interval_scheduler  # its names load when they are used: the help of a command needs none

#: Is called with the number of tasks that are changed so far, and the number that was looked at.
Told = Callable[[int, int], object]

NO_TASK: Final = "no such task"
_NO_RUN: Final = "no run in progress"
_NOT_DEAD: Final = "no such dead task"


class Change(ABC):
    """One kind of change.

    Attributes:
        verb: what is done: `remove`.
        past: what was done then: `removed`.
        otherwise: what is said of a task that was not changed, if nothing stands in the way any more.
        starts_runs: True if runs are to follow, which a pause of all would hold up.
        removes: True if it removes tasks by calls that leave no entry in the log of actions.
    """

    verb: str
    past: str
    otherwise = NO_TASK
    starts_runs = False
    removes = False

    @abstractmethod
    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """Change a task; return False if that cannot be."""

    async def obstacle(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str | None:
        """Return why a task cannot be changed; `None` if it can."""
        return None if await scheduler.has_task(task_id) else NO_TASK

    async def why_not(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str:
        """Return why a task was not changed."""
        return await self.obstacle(scheduler, task_id) or self.otherwise

    async def find(self, scheduler: interval_scheduler.Scheduler, prefix: str) -> AsyncIterator[str]:
        """Find the ids of the tasks with a prefix that the change concerns."""
        async for task in scheduler.tasks(prefix=prefix):
            yield task.id


class BulkChange(Change):
    """A change that a scheduler makes to all tasks with a prefix in one call, which needs none of their ids here.

    Attributes:
        besides: what else happens then, for the question before it.
    """

    besides = ""

    @abstractmethod
    async def make_all(self, scheduler: interval_scheduler.Scheduler, prefix: str, told: Told) -> int:
        """Change the tasks with a prefix; return their number."""


class Remove(BulkChange):
    """Takes tasks off the schedule."""

    verb, past = "remove", "removed"
    removes = True
    besides = ", and forget the dead ones"

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.remove_task(task_id)

    async def make_all(self, scheduler: interval_scheduler.Scheduler, prefix: str, told: Told) -> int:
        """See `BulkChange`."""
        return await scheduler.clear_tasks(prefix=prefix, progress=told)


class Pause(BulkChange):
    """Lets tasks rest.

    Args:
        reason: why; `None`: nothing is told.
    """

    verb, past = "pause", "paused"

    def __init__(self, reason: str | None) -> None:
        self._reason = reason

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.pause_task(task_id, self._reason)

    async def make_all(self, scheduler: interval_scheduler.Scheduler, prefix: str, told: Told) -> int:
        """See `BulkChange`."""
        return await scheduler.pause_tasks(prefix=prefix, reason=self._reason, progress=told)


class Resume(BulkChange):
    """Lets paused tasks go on."""

    verb, past = "resume", "resumed"

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.resume_task(task_id)

    async def make_all(self, scheduler: interval_scheduler.Scheduler, prefix: str, told: Told) -> int:
        """See `BulkChange`."""
        return await scheduler.resume_tasks(prefix=prefix, progress=told)


class RunNow(Change):
    """Runs tasks as soon as possible."""

    verb, past = "run now", "told to run"
    otherwise = "in its last run"
    starts_runs = True

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.run_task_now(task_id)

    async def obstacle(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str | None:
        """See `Change`."""
        task = await scheduler.get_task(task_id)
        if task is None:
            return NO_TASK
        return "paused" if task.paused or task.state == "paused" else None


class Cancel(Change):
    """Cancels runs in progress.

    Args:
        hand_back: they do not count as failed.
    """

    verb, past = "cancel", "cancelled"
    otherwise = _NO_RUN

    def __init__(self, *, hand_back: bool) -> None:
        self._hand_back = hand_back

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.cancel_run(task_id, hand_back=self._hand_back)

    async def obstacle(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str | None:
        """See `Change`."""
        task = await scheduler.get_task(task_id)
        if task is None:
            return NO_TASK
        return None if task.state == "leased" else _NO_RUN

    async def find(self, scheduler: interval_scheduler.Scheduler, prefix: str) -> AsyncIterator[str]:
        """See `Change`."""
        async for task in scheduler.tasks(state="leased", prefix=prefix):
            yield task.id


class Revive(Change):
    """Schedules dead tasks anew."""

    verb, past = "revive", "revived"

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        return await scheduler.revive_task(task_id)

    async def obstacle(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str | None:
        """See `Change`."""
        return _NOT_DEAD if await scheduler.get_dead_task(task_id) is None else None

    async def why_not(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str:  # noqa: ARG002 - as in `Change`
        """See `Change`."""
        return _NOT_DEAD

    async def find(self, scheduler: interval_scheduler.Scheduler, prefix: str) -> AsyncIterator[str]:
        """See `Change`."""
        async for task in scheduler.dead_tasks():
            if task.id.startswith(prefix):
                yield task.id


class Forget(Change):
    """Forgets dead tasks. One that is scheduled again meanwhile stays, unless that comes in the very last moment."""

    verb, past = "forget", "forgotten"
    removes = True
    otherwise = "scheduled again"

    async def make(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> bool:
        """See `Change`."""
        if await scheduler.has_task(task_id):
            return False
        await scheduler.remove_task(task_id)
        return True

    async def why_not(self, scheduler: interval_scheduler.Scheduler, task_id: str) -> str:  # noqa: ARG002 - as in `Change`
        """See `Change`."""
        return self.otherwise

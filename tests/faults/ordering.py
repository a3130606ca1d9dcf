"""Histories of one scheduler's calls on a few tasks, of which some end in doubt: which ends are possible.

Calls on one task take effect in the order in which they were made. One that was acknowledged did; one in doubt did
before every later call, or never does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, ScheduledTask, Scheduler
from tests.waiting import surely

FAR = 4_000_000_000
#: The data of a task; `None`: it is not scheduled.
Content = str | None


class History:
    """Random assignments and removals of some tasks by one scheduler, some of which are cut short.

    Args:
        scheduler: the scheduler.
        ids: the ids of the tasks.
        seed: decides which calls are made.
    """

    def __init__(self, scheduler: Scheduler, ids: Sequence[str], seed: int) -> None:
        self._scheduler = scheduler
        self._random = random.Random(seed)
        self._numbers = dict.fromkeys(ids, 0)
        #: The contents that each task may have: after the last acknowledged call, and after each call in doubt since.
        self.possible: dict[str, list[Content]] = {task_id: [None] for task_id in ids}
        self.acknowledged = self.in_doubt = 0

    async def call(self, task_id: str, gives_up_after: float | None = None) -> None:
        """Make a call on a task; with a time in seconds, its caller gives up after that."""
        content: Content = None
        self._numbers[task_id] += 1
        if self._random.random() < 0.5:
            content = f"{task_id} {self._numbers[task_id]}"
        try:
            async with asyncio.timeout(gives_up_after):
                if content is None:
                    await self._scheduler.remove_task(task_id)
                else:
                    await self._scheduler.assign_task(IntervalTask(task_id, content, every=3600, start=FAR))
        except OutcomeUnknown:
            self._note_doubt(task_id, content)
        except PartitionOffline:  # nothing was changed
            pass
        except TimeoutError:
            self._note_doubt(task_id, content)
        else:
            self.possible[task_id] = [content]
            self.acknowledged += 1

    def _note_doubt(self, task_id: str, content: Content) -> None:
        self.possible[task_id].append(content)
        self.in_doubt += 1

    async def calls(self, share_given_up: float) -> None:
        """Make one call on each task, all at once; of a share of them, the callers give up soon."""
        await asyncio.gather(
            *(
                self.call(task_id, 0.05 * self._random.random() if self._random.random() < share_given_up else None)
                for task_id in self.possible
            )
        )

    async def undone(self) -> list[str]:
        """Find the tasks that are not as a call left them which counts."""

        async def listed() -> list[ScheduledTask]:
            return [task async for task in self._scheduler.tasks()]

        found = {task.id: task.data for task in await surely(listed)}
        return [task_id for task_id, contents in self.possible.items() if found.get(task_id) not in contents]

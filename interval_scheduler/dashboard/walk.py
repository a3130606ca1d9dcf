"""Counts the tasks whose ids start with a prefix, in steps: each is a page of a search, and takes a turn of its own.

::

    a step ─▶ its turn ─▶ a page of the search ─▶ ids that are new count ─┬─ another page follows ─▶ the next step
                                                                          └─ the last one, or too many ─▶ done
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from .. import PartitionOffline, Scheduler
from .guard.turns import BUDGET, Turns

#: The most tasks that are counted, and that may be changed at once; the command line changes any number.
MOST: Final = 10_000
#: The number of ids that a count names.
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Walked:
    """The count of a walk, as far as it has come.

    Attributes:
        found: the number of tasks that were found so far, each once.
        looked: about the number of tasks that were looked at.
        total: about the number of tasks to look at, dead ones included; 0 before the first step.
        first: the ids of those that were found first.
        is_done: it has come to its end: all were looked at, or there are too many.
    """

    found: int = 0
    looked: int = 0
    total: int = 0
    first: tuple[str, ...] = ()
    is_done: bool = False

    @property
    def is_too_many(self) -> bool:
        """Tell if there are more than may be changed at once. How many there are was not counted then."""
        return self.found > MOST


class Walk:
    """The way of one count through the tasks.

    Args:
        scheduler: the scheduler of the namespace or of the queue.
        prefix: the beginning of the ids.
        turns: the turns of all searches.

    Attributes:
        count: how far it has come.
    """

    def __init__(self, scheduler: Scheduler, prefix: str, turns: Turns) -> None:
        self.count = Walked()
        self._scheduler = scheduler
        self._prefix = prefix
        self._turns = turns
        self._ids: dict[str, None] = {}  # in the order in which they were found
        self._after: str | None = None

    async def step(self) -> None:
        """Wait for a turn, and look at some more tasks. After an error or a cancellation it can be called again.

        Raises:
            InvalidValue: the prefix cannot be used.
            PartitionOffline: a partition cannot be reached in which such tasks can be.
            SchedulerError: as for `search`.
        """
        async with self._turns.turn(patience=None):
            page = await self._scheduler.search(self._prefix, after=self._after, budget=BUDGET)
        if page.offline:
            raise PartitionOffline(page.offline[0])
        self._after = page.next
        self._ids.update(dict.fromkeys(task.id for task in page.rows))
        found = len(self._ids)
        # What was looked at is told about: what was found is a part of it.
        looked = max(self.count.looked + page.looked, found)
        total = max(page.total, looked)
        is_done = page.next is None or found > MOST
        first = tuple(islice(self._ids, _NAMED))
        self.count = Walked(found, total if page.next is None else looked, total, first, is_done)
        if is_done:
            self._ids.clear()

    async def to_its_end(self) -> Walked:
        """Take all steps that are left, and return the count.

        Raises:
            SchedulerError: as for `step`.
        """
        while not self.count.is_done:
            await self.step()
        return self.count

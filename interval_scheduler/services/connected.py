"""Everything that lives from `connect` to `close`; and the queues that connect with it."""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

from anyio.abc import TaskGroup

from ..model.tally import Tally
from ..storage.namespace import Namespace, Partitions
from ..support.log import GuardedLog
from ..support.sampling import Sampling
from .locks import Locks

#: The most runs a second that a scheduler tells to those who watch.
MOST_TAILED = 50


class Connected:
    """Everything that lives from `connect` to `close`.

    Attributes:
        group: the task group of all background work.
        partitions: the partitions.
        namespace: all tasks.
        locks: the locks.
        loop: the event loop of all of it; nothing here may be used from another one.
        thread: the number of the thread in which that loop connected.
        tallies: what counts the runs of each partition, by its name.
        sampling: the runs that are told to those who watch.
    """

    def __init__(self, group: TaskGroup, partitions: Partitions, log: GuardedLog) -> None:
        self.group = group
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.partitions = partitions
        self.namespace = Namespace(partitions, log)
        self.locks = Locks(partitions, group.start_soon)
        self.tallies = {partition.name: Tally() for partition in partitions.all}
        self.sampling = Sampling(MOST_TAILED)


class Inside(Protocol):
    """The queues that connect with a namespace."""

    async def connect(self, partitions: Partitions, *, has_joined: bool) -> None:
        """Connect them; raise if one of them must not be used.

        Args:
            partitions: the partitions of the namespace, each of which was tried.
            has_joined: True once the namespace agreed on the list of partitions; new queues are made only then.
        """

    async def close(self) -> None:
        """Close them at once, since the connection of the namespace did not come about."""


class NothingInside(Inside):
    """No queue."""

    async def connect(self, partitions: Partitions, *, has_joined: bool) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
